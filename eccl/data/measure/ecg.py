"""Classical ECG measurements, as a cardiologist takes them: from the median beat of the noisy signal.

They are the honest baseline of every learnt ECG feature. A measurement that has no meaning in a recording (a PR
interval without P waves) is NaN; a probe imputes it from the training split and flags that it was absent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eccl.data.measure.beats import r_peaks, remove_baseline
from eccl.records import ECG, LEADS

VERSION = 1  # raise it when the same ECG is measured otherwise, so that cached measurements are taken anew
BEFORE, AFTER = 0.35, 0.55  # s about the R peak that the median beat spans
P_ROOM = 0.08  # s that P takes at least


class Measurement(NamedTuple):
    """Name (also the column), reading name and unit."""

    name: str
    label: str
    unit: str


MEASUREMENTS = (
    Measurement("heart_rate_bpm", "heart rate", "/min"),
    Measurement("rr_irregularity", "SD of successive RR differences over mean RR", ""),
    Measurement("p_amplitude_ii_mv", "P amplitude in II", "mV"),
    Measurement("p_duration_ms", "P duration", "ms"),
    Measurement("p_terminal_force_v1_mv_ms", "P terminal force in V1", "mV ms"),
    Measurement("pr_ms", "PR interval", "ms"),
    Measurement("qrs_duration_ms", "QRS duration", "ms"),
    Measurement("qtc_ms", "QTc (Fridericia)", "ms"),
    Measurement("axis_sin", "sine of the frontal QRS axis", ""),
    Measurement("axis_cos", "cosine of the frontal QRS axis", ""),
    Measurement("sokolow_lyon_mv", "Sokolow-Lyon voltage, S in V1 + R in V5 or V6", "mV"),
    Measurement("cornell_mv", "Cornell voltage, R in aVL + S in V3", "mV"),
    Measurement("r_progression_mv", "R in V3 less S in V3", "mV"),
    Measurement("t_v5_mv", "T amplitude in V5", "mV"),
    Measurement("t_v2_mv", "T amplitude in V2", "mV"),
    Measurement("t_ii_mv", "T amplitude in II", "mV"),
    Measurement("q_anterior_mv", "Q depth, mean of V2 to V4", "mV"),
    Measurement("q_inferior_mv", "Q depth, mean of II, III, aVF", "mV"),
    Measurement("q_lateral_mv", "Q depth, mean of I, aVL, V6", "mV"),
    Measurement("f_waves_mv", "RMS before QRS at 4 to 9 Hz in V1, beyond the median beat", "mV"),
)


def measure_ecg(ecg: ECG) -> dict[str, float]:
    """The classical measurements of one ECG, by name, in the units of `MEASUREMENTS`; NaN where one has no meaning.

    References
    ----------
    Sokolow and Lyon, Am Heart J 1949; Casale et al., Circulation 1987 (Cornell); Morris et al., Circulation 1964 (P
    terminal force); Fridericia, Acta Med Scand 1920; Kligfield et al., Circulation 2007 (global intervals over all
    leads).
    """
    signal = remove_baseline(ecg).signal
    rate = ecg.sampling_rate
    peaks = r_peaks(signal, rate)
    values = {item.name: np.nan for item in MEASUREMENTS}
    if len(peaks) < 3:
        return values
    rr = np.diff(peaks) / rate
    values["heart_rate_bpm"] = 60 / np.mean(rr)
    values["rr_irregularity"] = np.std(np.diff(rr)) / np.mean(rr)
    beat = median_beat(signal, peaks, rate)
    if beat is None:
        return values
    beat, onset, offset = _levelled(beat, rate)
    values |= _qrs(beat, onset, offset, rate)
    values |= _t_wave(beat, offset, onset, rate, float(np.mean(rr)))
    halves = [median_beat(signal, peaks[first::2], rate) for first in (0, 1)]
    values |= _p_wave(beat, halves, onset, rate, float(np.median(rr)))
    values["f_waves_mv"] = _f_waves(signal[LEADS.index("V1")], peaks, rate)
    return {name: float(value) for name, value in values.items()}


def wave_amplitudes(ecg: ECG) -> dict[str, np.ndarray]:
    """Heights of P, R, S and T of the median beat, each (12,), mV in the order of `LEADS`; NaN without a median beat.

    P is the highest value about the wave's middle, over the line from T to QRS; R and S are positive; T is the value
    that is farthest from the level before QRS, upright positive. Without P waves (fibrillation) P has no meaning.
    """
    signal, rate = remove_baseline(ecg).signal, ecg.sampling_rate
    peaks = r_peaks(signal, rate)
    beat = median_beat(signal, peaks, rate) if len(peaks) >= 3 else None
    heights = {name: np.full(len(LEADS), np.nan) for name in ("P", "R", "S", "T")}
    if beat is None:
        return heights
    beat, onset, offset = _levelled(beat, rate)
    rr = np.diff(peaks) / rate
    qrs, t = beat[:, onset : offset + 1], _t_segment(beat, offset, onset, rate, float(np.mean(rr)))[1]
    heights |= {"R": qrs.max(axis=1), "S": -qrs.min(axis=1), "T": t[np.arange(len(t)), np.abs(t).argmax(axis=1)]}
    start, stop = _p_limits(onset, rate, float(np.median(rr)))
    if stop - start >= round(P_ROOM * rate):
        p, _, near = _p_segment(beat, start, stop, rate)
        heights["P"] = p[:, near].max(axis=1)
    return heights


def _levelled(beat: np.ndarray, rate: float) -> tuple[np.ndarray, int, int]:
    """The beat (12, samples) over its level before QRS, and the first and the last sample of QRS."""
    onset, offset = _qrs_limits(beat, rate)
    level = beat[:, max(0, onset - round(0.02 * rate)) : onset + 1].mean(axis=1, keepdims=True)
    return beat - level, onset, offset


def median_beat(signal: np.ndarray, peaks: np.ndarray, sampling_rate: float) -> np.ndarray | None:
    """Median over beats (12, samples), from 0.35 s before R to 0.55 s after it; None if fewer than two are whole."""
    before, after = round(BEFORE * sampling_rate), round(AFTER * sampling_rate)
    whole = peaks[(peaks >= before) & (peaks + after <= signal.shape[1])]
    if len(whole) < 2:
        return None
    return np.median(np.stack([signal[:, peak - before : peak + after] for peak in whole]), axis=0)


def _qrs_limits(beat: np.ndarray, rate: float) -> tuple[int, int]:
    """First and last sample of QRS: where the slope, over all leads, leaves and regains the level of PQ and ST.

    QRS is the run of steep slope about the R peak, pauses under 16 ms included: a steep T does not belong to it.
    """
    centre = round(BEFORE * rate)
    slope = _smooth(np.sqrt((np.gradient(beat, axis=1) ** 2).sum(axis=0)), round(0.008 * rate))
    start, stop = centre - round(0.11 * rate), centre + round(0.14 * rate)
    window = slope[start:stop]
    quiet = np.percentile(window, 10)
    steep = np.flatnonzero(window > quiet + 0.04 * (window.max() - quiet))
    runs = np.split(steep, np.flatnonzero(np.diff(steep) > round(0.016 * rate)) + 1)
    run = max(runs, key=lambda run: window[run].sum())
    return start + int(run[0]), start + int(run[-1])


def _qrs(beat: np.ndarray, onset: int, offset: int, rate: float) -> dict[str, float]:
    qrs = beat[:, onset : offset + 1]
    r, s = qrs.max(axis=1).clip(0), (-qrs.min(axis=1)).clip(0)
    at = {lead: row for row, lead in enumerate(LEADS)}
    area_i, area_avf = qrs[at["I"]].sum(), qrs[at["aVF"]].sum() * 2 / np.sqrt(3)
    length = np.hypot(area_i, area_avf) or 1.0
    # Q: what is negative before the first positive deflection of note, up to the middle of QRS.
    early = qrs[:, : max(2, qrs.shape[1] // 2)]
    first_r = np.where((early > 0.08).any(axis=1), (early > 0.08).argmax(axis=1), early.shape[1])
    q = np.array([-row[: max(1, stop)].min() for row, stop in zip(early, first_r)]).clip(0)
    depth = {
        region: q[[at[lead] for lead in leads]].mean()
        for region, leads in {
            "anterior": ("V2", "V3", "V4"),
            "inferior": ("II", "III", "aVF"),
            "lateral": ("I", "aVL", "V6"),
        }.items()
    }
    return {
        "qrs_duration_ms": (offset - onset) / rate * 1000,
        "axis_sin": area_avf / length,
        "axis_cos": area_i / length,
        "sokolow_lyon_mv": s[at["V1"]] + max(r[at["V5"]], r[at["V6"]]),
        "cornell_mv": r[at["aVL"]] + s[at["V3"]],
        "r_progression_mv": r[at["V3"]] - s[at["V3"]],
        **{f"q_{region}_mv": value for region, value in depth.items()},
    }


def _t_wave(beat: np.ndarray, offset: int, onset: int, rate: float, rr: float) -> dict[str, float]:
    start, segment = _t_segment(beat, offset, onset, rate, rr)
    values = {}
    for name, lead in (("t_v5_mv", "V5"), ("t_v2_mv", "V2"), ("t_ii_mv", "II")):
        row = segment[LEADS.index(lead)]
        values[name] = row[np.abs(row).argmax()]
    strength = _strength(segment)
    peak = int(strength.argmax())
    # End of T by the tangent at the steepest descent after its peak (Lepeschkin and Surawicz, Circulation 1952), which
    # is some 30 ms before its last trace.
    fall = np.gradient(strength[peak:]) if len(strength) - peak > 3 else np.array([-np.inf])
    steepest = int(fall.argmin())
    level = float(np.median(strength[-max(3, len(strength) // 10) :]))
    end = peak + steepest + (strength[peak + steepest] - min(level, strength.min())) / max(-fall[steepest], 1e-6)
    qt = (start + min(end, len(strength)) - onset) / rate
    return values | {"qtc_ms": 1000 * qt / rr ** (1 / 3)}


def _t_segment(beat: np.ndarray, offset: int, onset: int, rate: float, rr: float) -> tuple[int, np.ndarray]:
    """First sample of the part of the beat that holds T, and that part, smoothed."""
    start = offset + round(0.06 * rate)
    stop = min(beat.shape[1], max(onset + round(min(0.50, 0.7 * rr) * rate), start + round(0.10 * rate)))
    return start, _smooth(beat, round(0.02 * rate))[:, start:stop]


def _p_wave(beat: np.ndarray, halves: list, onset: int, rate: float, rr: float) -> dict[str, float]:
    """P wave between the T wave before and QRS; without one, only the amplitude in II.

    It is there if the same wave precedes the odd and the even beats: fibrillatory waves, at another phase in each,
    do not.
    """
    start, stop = _p_limits(onset, rate, rr)
    if stop - start < round(P_ROOM * rate):
        return {}
    wave, peak, near = _p_segment(beat, start, stop, rate)
    strength = _strength(wave)
    second, v1 = wave[LEADS.index("II")], wave[LEADS.index("V1")]
    values = {"p_amplitude_ii_mv": second[near].max()}
    if strength[peak] < 0.015 or _agreement(halves, start, stop, rate) < 0.6:  # mV
        return values
    low = strength < 0.14 * strength[peak]
    before, after = np.flatnonzero(low[:peak]), np.flatnonzero(low[peak:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = peak + int(after[0]) - 1 if len(after) else len(low) - 1
    negative = np.clip(-v1[first : last + 1], 0, None)[(last - first) // 2 :]
    return values | {
        "p_duration_ms": (last - first) / rate * 1000,
        "pr_ms": (onset - start - first) / rate * 1000,
        "p_terminal_force_v1_mv_ms": negative.sum() / rate * 1000,
    }


def _p_limits(onset: int, rate: float, rr: float) -> tuple[int, int]:
    """First and last sample of the room for P, between the T wave before and QRS."""
    reach = np.clip(rr - 0.42 * np.cbrt(rr), 0.16, 0.26)  # s; T before it ends about there (Fridericia)
    return max(0, onset - round(reach * rate)), onset - round(0.016 * rate)


def _p_segment(beat: np.ndarray, start: int, stop: int, rate: float) -> tuple[np.ndarray, int, slice]:
    """The room for P (12, n) over the line between its ends, where P is highest, and the samples about that."""
    wave = _level(_smooth(beat, round(0.012 * rate))[:, start:stop])
    peak = _highest_peak(_strength(wave))
    return wave, peak, slice(max(0, peak - round(0.05 * rate)), peak + round(0.05 * rate))


def _strength(segment: np.ndarray) -> np.ndarray:
    return np.sqrt((segment**2).mean(axis=0))


def _highest_peak(strength: np.ndarray) -> int:
    """Index of the highest value that is higher than its neighbours: the foot of a QRS at the end does not count."""
    inner = strength[1:-1]
    peaks = np.flatnonzero((inner >= strength[:-2]) & (inner > strength[2:])) + 1
    return int(peaks[strength[peaks].argmax()]) if len(peaks) else int(strength.argmax())


def _level(segment: np.ndarray) -> np.ndarray:
    """The segment (12, n) less the line between its two ends in each lead."""
    edge = max(1, segment.shape[1] // 10)
    ends = segment[:, :edge].mean(axis=1), segment[:, -edge:].mean(axis=1)
    return segment - np.linspace(*ends, segment.shape[1], axis=1)


def _agreement(halves: list, start: int, stop: int, rate: float) -> float:
    """Correlation of the median odd with the median even beat in a segment, over all leads; 0 if one is missing."""
    if any(half is None for half in halves):
        return 0.0
    odd, even = (_level(_smooth(half, round(0.012 * rate))[:, start:stop]).ravel() for half in halves)
    return float(odd @ even / max(np.linalg.norm(odd) * np.linalg.norm(even), 1e-9))


def _f_waves(v1: np.ndarray, peaks: np.ndarray, rate: float) -> float:
    """Root mean square of V1 at 4 to 9 Hz from 0.25 to 0.06 s before QRS, less what all beats have there in common."""
    from scipy.signal import butter, sosfiltfilt

    band = sosfiltfilt(butter(2, (4.0, 9.0), btype="bandpass", fs=rate, output="sos"), v1)
    first, last = round(0.25 * rate), round(0.06 * rate)
    beats = np.stack([band[peak - first : peak - last] for peak in peaks if peak >= first])
    return np.sqrt(((beats - np.median(beats, axis=0)) ** 2).mean())


def _smooth(x: np.ndarray, window: int) -> np.ndarray:
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(x, max(1, window), axis=-1)
