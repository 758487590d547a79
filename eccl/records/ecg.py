"""A 12-lead ECG in mV, checked on construction; and the channels of a file, as it states them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eccl.display import figure
from eccl.errors import DataError
from eccl.records.cine import BEAT


@dataclass(frozen=True, eq=False)
class Channels:
    """The channels of a file as it states them, whatever they are.

    Attributes
    ----------
    names : tuple of str
        As written, one a channel.
    signal : ndarray, shape (L, T)
        Physical values in the units stated, one row a channel.
    units : tuple of str or None
        As written, one a channel; None where the file states none.
    sampling_rate : float or None
        Hz; None where the file states none.
    source : str
        The file.
    others : tuple of str
        Names of the channels that were not read because they are no leads, for messages.
    order_assumed : bool
        Whether the names are not written in the file but taken from the order of its rows, which is then tested.
    """

    names: tuple[str, ...]
    signal: np.ndarray
    units: tuple[str | None, ...]
    sampling_rate: float | None
    source: str
    others: tuple[str, ...] = ()
    order_assumed: bool = False


LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SAMPLING_RATE = 500.0  # Hz, of every ECG inside a cohort
DURATION = 10.0  # s, of every ECG inside a cohort
SAMPLES = int(SAMPLING_RATE * DURATION)
LARGEST_VOLTAGE = 20.0  # mV; a surface ECG above it was read in the wrong unit
SMALLEST_CHANGE = 1e-6  # mV, which only the rounding of a lead that never changes stays within


@dataclass(frozen=True, eq=False)
class ECG:
    """A 12-lead electrocardiogram.

    Attributes
    ----------
    signal : ndarray of float32, shape (12, T)
        Potential in mV, one row a lead, in the order of `LEADS`.
    sampling_rate : float
        In Hz.
    source : str
        The file it came from, for messages; empty if made in memory.

    Raises
    ------
    DataError
        If a lead is missing, a sample is not finite, a lead never changes or keeps one value for longer than any beat,
        or the amplitude cannot be millivolts.

    Examples
    --------
    >>> beat = np.tile(np.sin(np.arange(5000) / 60), (12, 1)).astype(np.float32)
    >>> ECG(beat)
    ECG(12 leads, 10 s at 500 Hz, -1.00 to 1.00 mV)
    """

    signal: np.ndarray
    sampling_rate: float = SAMPLING_RATE
    source: str = ""

    def __repr__(self) -> str:
        seconds = self.signal.shape[1] / self.sampling_rate
        low, high = float(self.signal.min()), float(self.signal.max())
        return f"ECG(12 leads, {seconds:g} s at {self.sampling_rate:g} Hz, {low:.2f} to {high:.2f} mV)"

    def _repr_html_(self) -> str:
        return figure("clinic_ecg", self, caption=repr(self))

    def __post_init__(self) -> None:
        where = self.source or None
        if self.signal.ndim != 2 or self.signal.shape[0] != len(LEADS) or self.signal.shape[1] < 2:
            raise DataError(
                f"an ECG of shape {self.signal.shape}, expected (12, samples)",
                source=where,
                remedy=f"give one row of samples for each of {', '.join(LEADS)}",
            )
        if not self.sampling_rate > 0:
            raise DataError(
                f"a sampling rate of {self.sampling_rate} Hz",
                source=where,
                remedy="state the recorder's rate, e.g. 500 Hz",
            )
        missing = ~np.isfinite(self.signal)
        if missing.any():
            raise DataError(
                f"samples that are not finite (NaN or infinite) in lead {_named(missing.any(axis=1))}, "
                f"missing {_first_stretch(missing.any(axis=0), self.sampling_rate)}",
                source=where,
                remedy="repair the gap or leave this recording out",
            )
        check_changes(self.signal, self.sampling_rate, SMALLEST_CHANGE, where)
        peak = float(np.abs(self.signal.astype(float)).max())
        if peak > LARGEST_VOLTAGE:
            raise DataError(
                f"an amplitude of {peak:.0f} mV, above the {LARGEST_VOLTAGE:.0f} mV a surface ECG can have",
                source=where,
                remedy="check the unit: values in uV must be divided by 1000",
            )
        object.__setattr__(self, "signal", np.ascontiguousarray(self.signal, dtype=np.float32))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.signal.shape[1] / self.sampling_rate

    def lead(self, name: str) -> np.ndarray:
        """Signal of one lead, shape (T,), mV."""
        return self.signal[LEADS.index(name)]


def check_changes(signal: np.ndarray, sampling_rate: float, step: float, source: object) -> None:
    """Refuse leads (12, T), mV, that never change or rest for longer than the longest beat, by name.

    Raises
    ------
    DataError
        If a lead, rounded to whole steps (mV), keeps one value from its start to its end or for longer than `BEAT`.
    """
    samples, longest = signal.shape[1], BEAT[1] / 1000
    changes = np.ones((len(signal), samples + 1), bool)  # at both ends of each lead as well
    changes[:, 1:-1] = np.diff(np.rint(signal.astype(float) / step), axis=1) != 0
    starts = np.flatnonzero(changes)
    rests = np.diff(starts)
    flat = rests == samples
    wrong = flat if flat.any() else rests > longest * sampling_rate
    if not wrong.any():
        return
    lead, start = np.divmod(starts[:-1][wrong], samples + 1)
    if flat.any():
        what, why = f"never changes by more than {1000 * step:g} uV", "the export lost the lead, or its unit is wrong"
    else:
        end = (start + rests[wrong])[0] / sampling_rate
        what = (
            f"keeps one value from {start[0] / sampling_rate:.6g} to {end:.6g} s, longer than any beat ({longest:g} s)"
        )
        why = "or the export holds the lead in part, as it is printed"
    raise DataError(
        f"lead {_named(np.isin(np.arange(len(LEADS)), lead))} {what}",
        source=source,
        remedy=f"leave this recording out: an electrode was off, {why}",
    )


def _named(those: np.ndarray) -> str:
    return ", ".join(lead for lead, named in zip(LEADS, those) if named)


def stretches(mask: np.ndarray) -> list[tuple[int, int]]:
    """Starts and ends of the stretches that a mask (T,) marks."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))


def _first_stretch(missing: np.ndarray, sampling_rate: float) -> str:
    """From when to when samples (T,) are missing, for messages; whether there are more such stretches."""
    (start, end), *others = stretches(missing)
    return f"from {start / sampling_rate:.6g} to {end / sampling_rate:.6g} s{' and later' if others else ''}"
