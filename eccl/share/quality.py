"""What an ECG is measured by before a model looks at it: amplitude, gaps, clipping, noise, beats and their direction.

Nothing here is learnt; `eccl.share.domain` compares the measures with those of the training participants.

References
----------
Clifford et al., Physiol Meas 2012 (indices of the quality of an ECG; kurtosis among them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eccl.data.measure.beats import r_peaks, remove_baseline
from eccl.data.measure.ecg import BEFORE, median_beat
from eccl.data.standard.twelve_leads import RESOLUTION
from eccl.records import ECG, LEADS, DataError, stretches

LEAST = 1e-6  # mV, the noise of a signal that has none
PLATEAU = 0.012  # s, for which no wave stays within `FLAT` of its peak in beat after beat
FLAT = 0.003  # of the range of a lead
QUIET = 0.2  # s, a piece of the signal that most often holds no QRS


@dataclass(frozen=True)
class Check:
    """One measure of an ECG, and how far beyond the training participants it may lie.

    Attributes
    ----------
    name : str
        In a refusal, first: "amplitude".
    label, unit : str
        What is measured.
    remedy : str
        What the user can do.
    below, above : float
        The value may lie below the least in training by this factor, and above the largest.
    allowed : pair of float
        Values that are taken whatever training had: a small or clean cohort refuses nobody for that.
    by_lead : bool
        Whether each lead is compared with the same lead, and not with all of them.
    """

    name: str
    label: str
    unit: str
    remedy: str
    below: float = 1.0
    above: float = 1.0
    allowed: tuple[float, float] = (np.inf, -np.inf)
    by_lead: bool = False

    def limits(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest value that is taken, of the least and the largest in training, (2,) or (2, 12)."""
        low = np.minimum(seen[0] / self.below, self.allowed[0])
        return low, np.maximum(seen[1] * self.above, self.allowed[1])


CHECKS = (
    Check(
        "flat lead",
        "the longest time at rest",
        "s",
        "leave this recording out: an electrode was off, or the export lost a part of the lead",
        above=2.0,
        allowed=(0, 1.0),
    ),
    Check(
        "amplitude",
        "the range of the signal",
        "mV",
        "check the gain and the unit of the file; uV must be divided by 1000, and 10 mm/mV is the usual gain",
        below=2.5,
        above=2.5,
        by_lead=True,
    ),
    Check(
        "clipped",
        "the number of plateaus at the extreme",
        "",
        "record again with a larger range; what was cut off cannot be had back",
        above=1.5,
        allowed=(0, 4),
    ),
    Check(
        "noise",
        "the noise above 40 Hz (RMS between beats)",
        "mV",
        "filter the mains (50 or 60 Hz) and muscle noise out, or record again with better contact",
        above=4.0,
        allowed=(0, 0.1),
    ),
    Check(
        "baseline",
        "the baseline, its offset and wander (RMS below 0.5 Hz)",
        "mV",
        "take the baseline out with a high-pass at 0.5 Hz without phase shift, or record again at rest",
        above=2.5,
        allowed=(0, 0.5),
    ),
    Check(
        "beats",
        "the peakedness of the slope (kurtosis at 8 to 30 Hz, noise about 1)",
        "",
        "give an ECG: this signal has no QRS complexes that stand out",
        below=1.25,
        allowed=(2.5, np.inf),
    ),
    Check(
        "heart rate",
        "the heart rate",
        "bpm",
        "do not use this model for such a rate; nobody in training had one",
        below=1.25,
        above=1.25,
        allowed=(45, 120),
    ),
    Check(
        "silent lead",
        "the median beat about R (RMS over that of the noise above 40 Hz)",
        "",
        "leave this recording out, or record again: the lead holds noise and no heartbeat, as of a loose electrode",
        below=1.2,
        allowed=(0.6, np.inf),
    ),
    Check(
        "polarity",
        "the angle between the median beat and that of training",
        "degrees",
        "check the sign of the signal: all leads look turned over",
        above=1.2,
        allowed=(0, 125),
    ),
    Check(
        "chest leads",
        "the difference between the two most alike of V1 to V6, of their amplitude",
        "",
        "export the recording again: two chest leads hold the same signal",
        below=10.0,
        allowed=(0.005, np.inf),
    ),
)


def measures(ecg: ECG) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The value of every check but polarity, by name, one number or one a lead (12,); and the median beat.

    The beat, shape (12, samples), is taken from its median level and has length 1 as a vector. It is None of an ECG
    without two whole beats.
    """
    clean, rate = remove_baseline(ecg).signal.astype(float), ecg.sampling_rate
    peaks = r_peaks(clean, rate)
    beat, noise = median_beat(clean, peaks, rate), _noise(clean, rate)
    values = {
        "flat lead": _rests(ecg.signal) / rate,
        "amplitude": np.ptp(clean, axis=1),
        "clipped": _plateaus(ecg.signal.astype(float), round(PLATEAU * rate)),
        "noise": noise,
        "baseline": np.sqrt(np.mean((ecg.signal - clean) ** 2, axis=1)),
        "beats": np.array(_peakedness(clean, rate)),
        "heart rate": np.array(60 * rate / np.diff(peaks).mean() if len(peaks) > 2 else 0.0),
        "silent lead": np.full(len(LEADS), np.nan) if beat is None else _about_r(beat, rate) / np.maximum(noise, LEAST),
        "chest leads": np.array(_least_difference(clean[LEADS.index("V1") :])),
    }
    if beat is None:
        return values, None
    beat = beat - np.median(beat, axis=1, keepdims=True)
    return values, beat / np.linalg.norm(beat)


def polarity(beat: np.ndarray | None, template: np.ndarray) -> np.ndarray:
    """The angle (degrees) between two beats as `measures` gives them; nan without a beat."""
    cosine = np.nan if beat is None else np.sum(beat * template)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def mean_beat(beats: Sequence[np.ndarray | None]) -> np.ndarray:
    """The mean of beats (12, samples), of length 1 as a vector; those that are None are left out.

    Raises
    ------
    DataError
        If all are.
    """
    existing = [beat for beat in beats if beat is not None]
    if not existing:
        raise DataError(
            f"none of {len(beats)} training ECGs has two whole beats", remedy="train on ECGs of beating hearts"
        )
    total = np.sum(existing, axis=0)
    return total / np.linalg.norm(total)


def seen_range(values: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The least and the largest value of each check over people: (2,), or (2, 12) where leads are told apart.

    What has no value in a person, as the beat of one without two beats, is left out.
    """
    seen = {}
    for check in CHECKS:
        column = np.array([each[check.name] for each in values])
        axis = 0 if check.by_lead else None
        seen[check.name] = np.array([np.nanmin(column, axis=axis), np.nanmax(column, axis=axis)], dtype=float)
    return seen


def _about_r(beat: np.ndarray, rate: float) -> np.ndarray:
    """RMS (12,) of a median beat from 0.1 s before R to 0.1 s after it, from its mean there."""
    return beat[:, round((BEFORE - 0.1) * rate) : round((BEFORE + 0.1) * rate)].std(axis=1)


def _rests(signal: np.ndarray) -> np.ndarray:
    """The most samples (12,) for which each lead does not change by a step."""
    still = np.diff(np.rint(signal.astype(float) / RESOLUTION), axis=1) == 0
    return np.array([max((end - start for start, end in stretches(row)), default=0) for row in still])


def _plateaus(signal: np.ndarray, length: int) -> np.ndarray:
    """How often (12,) each lead stays at its lowest or its highest value for so many samples, of the two the larger."""
    low, high = signal.min(axis=1, keepdims=True), signal.max(axis=1, keepdims=True)
    near = FLAT * (high - low)
    return np.array(
        [
            max(sum(end - start >= length for start, end in stretches(mask)) for mask in sides)
            for sides in zip(signal <= low + near, signal >= high - near)
        ]
    )


def _noise(clean: np.ndarray, rate: float) -> np.ndarray:
    """RMS (12,) above 40 Hz in the median of pieces, so that the QRS complexes do not count."""
    from scipy.signal import butter, sosfiltfilt

    fast = sosfiltfilt(butter(4, 40.0, btype="highpass", fs=rate, output="sos"), clean, axis=1)
    pieces = np.array_split(fast, max(1, round(clean.shape[1] / (QUIET * rate))), axis=1)
    return np.sqrt(np.median([np.mean(piece**2, axis=1) for piece in pieces], axis=0))


def _peakedness(clean: np.ndarray, rate: float) -> float:
    """Mean square over squared mean of the energy of the slope at 8 to 30 Hz, leads added."""
    from scipy.signal import butter, sosfiltfilt

    band = sosfiltfilt(butter(2, (8.0, 30.0), btype="bandpass", fs=rate, output="sos"), clean, axis=1)
    energy = (np.gradient(band, axis=1) ** 2).sum(axis=0)
    return float(np.mean(energy**2) / np.mean(energy) ** 2)


def _least_difference(leads: np.ndarray) -> float:
    """RMS of the difference between the two rows that are most alike, over the larger RMS of the two."""
    gram = leads @ leads.T
    squares = np.diagonal(gram)
    first, second = np.triu_indices(len(leads), 1)
    between = squares[first] + squares[second] - 2 * gram[first, second]
    return float(np.sqrt(np.maximum(between, 0) / np.maximum(squares[first], squares[second])).min())
