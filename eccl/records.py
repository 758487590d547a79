"""One recording of each kind, checked on construction: an ECG in mV, a cine in arbitrary intensity with its geometry.

A record knows no file format and no data source. Readers build records; everything downstream trusts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eccl.errors import DataError

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SAMPLING_RATE = 500.0  # Hz, of every ECG inside a cohort
DURATION = 10.0  # s, of every ECG inside a cohort
SAMPLES = int(SAMPLING_RATE * DURATION)
FRAMES = 50  # of one R-R interval, in every cine inside a cohort
BEAT = (250.0, 3000.0)  # ms, the shortest and the longest R-R interval: 240 and 20 beats a minute
PIXEL = (0.1, 10.0)  # mm, the smallest and the largest pixel of an image of a heart
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
    """

    signal: np.ndarray
    sampling_rate: float = SAMPLING_RATE
    source: str = ""

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


def check_changes(signal: np.ndarray, rate: float, step: float, source: object) -> None:
    """Refuse leads (12, T) at a rate (Hz) that never change, or rest for longer than the longest beat, by name.

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
    wrong = flat if flat.any() else rests > longest * rate
    if not wrong.any():
        return
    lead, start = np.divmod(starts[:-1][wrong], samples + 1)
    if flat.any():
        what, why = f"never changes by more than {1000 * step:g} uV", "the export lost the lead, or its unit is wrong"
    else:
        end = (start + rests[wrong])[0] / rate
        what = f"keeps one value from {start[0] / rate:.6g} to {end:.6g} s, longer than any beat ({longest:g} s)"
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


def _first_stretch(missing: np.ndarray, rate: float) -> str:
    """From when to when samples (T,) are missing, for messages; whether there are more such stretches."""
    (start, end), *others = stretches(missing)
    return f"from {start / rate:.6g} to {end / rate:.6g} s{' and later' if others else ''}"


@dataclass(frozen=True, eq=False)
class Cine:
    """One short-axis slice over the beat, as F frames of magnitude image.

    Attributes
    ----------
    frames : ndarray of float32, shape (F, H, W)
        Intensity, non-negative, arbitrary unit. Seen from the apex: rows run to the patient's feet and back, columns
        to the left and back (`eccl.data.orientation`), so that the right ventricle lies on the left of the picture.
    spacing : tuple of float
        Pixel size in mm, (row, column).
    frame_interval : float
        Time between frames, in ms. F times it is one R-R interval.
    source : str
        The file it came from, for messages; empty if made in memory.

    Raises
    ------
    DataError
        If there are no frames, a value is not finite, a pixel is smaller than 0.1 mm or larger than 10 mm, or the beat
        is shorter than 0.25 s or longer than 3 s.
    """

    frames: np.ndarray
    spacing: tuple[float, float]
    frame_interval: float
    source: str = ""

    def __post_init__(self) -> None:
        where = self.source or None
        if self.frames.ndim != 3:
            raise DataError(
                f"a cine with {self.frames.ndim} dimensions, expected 3 (frames, rows, columns)",
                source=where,
                remedy="select one slice over time",
            )
        if 0 in self.frames.shape:
            raise DataError(
                f"an empty cine of shape {self.frames.shape}",
                source=where,
                remedy="export the series again, with its frames",
            )
        if not np.isfinite(self.frames).all():
            raise DataError(
                "pixel values that are not finite",
                source=where,
                remedy="export the series again or leave this participant out",
            )
        if len(self.spacing) != 2 or not all(PIXEL[0] <= length <= PIXEL[1] for length in self.spacing):
            raise DataError(
                f"a pixel spacing of {' x '.join(f'{length:g}' for length in self.spacing)} mm, where an image of a "
                f"heart has {PIXEL[0]:g} to {PIXEL[1]:g}",
                source=where,
                remedy="write the real spacing into the header, in mm",
            )
        check_beat(len(self.frames), self.frame_interval, where)
        object.__setattr__(self, "frames", np.ascontiguousarray(self.frames, dtype=np.float32))


def check_beat(frames: int, interval: float, source: object) -> None:
    """Nothing, if so many frames at such an interval (ms) last as long as a heartbeat.

    Raises
    ------
    DataError
        If the interval is not known, or they last less than 0.25 s or more than 3 s.
    """
    beat = frames * interval
    if BEAT[0] <= beat <= BEAT[1]:
        return
    what = f"a frame interval of {interval:g} ms: {frames} frames of it are a beat of {beat / 1000:g} s, and one lasts "
    what += f"{BEAT[0] / 1000:g} to {BEAT[1] / 1000:g} s"
    if abs(interval - 1000) < 1:
        what += "; the time was left at the converter's default of 1 s"
    remedy = "write the real time between frames (R-R interval / frames) into the file, in the unit that it states"
    raise DataError(what, source=source, remedy=remedy)


@dataclass(frozen=True, eq=False)
class Stack:
    """Short-axis slices at as many phases of the beat as the file holds, no more, and in the file's order.

    Attributes
    ----------
    images : ndarray of float32, shape (F, Z, H, W)
        Intensity (or labels); phase, slice, row, column.
    spacing : tuple of float
        Pixel size in mm, (row, column).
    slice_spacing : float
        Distance between slices, mm.
    phase_interval : float
        Time between phases, ms; NaN where the file states none.
    source : str
        The file.
    affine : ndarray, shape (4, 4), optional
        Voxel (column, row, slice) to mm to the patient's right, front and head (NIfTI's RAS); None if unknown.
    nominal : bool
        Whether the spacing is not real: ratios of volumes hold, ml do not.
    """

    images: np.ndarray
    spacing: tuple[float, float]
    slice_spacing: float
    phase_interval: float
    source: str = ""
    affine: np.ndarray | None = None
    nominal: bool = False

    @property
    def phases(self) -> int:
        """How many phases of the beat there are."""
        return len(self.images)

    @property
    def slices(self) -> int:
        """How many slices there are."""
        return self.images.shape[1]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Phases, slices, rows, columns."""
        return self.images.shape

    def stack(self, slices: Sequence[int] | None = None) -> Stack:
        """Neighbouring slices alone, or all, as `DicomCine.stack` gives them.

        Raises
        ------
        DataError
            If there is no such slice.
        """
        if slices is None:
            return self
        slices = check_slices(slices, self.slices, self.source)
        affine = None if self.affine is None else self.affine @ shifted(slices[0])
        return replace(self, images=self.images[:, slices], affine=affine)


def shifted(slices: int) -> np.ndarray:
    """The affine (4, 4) that moves by some slices."""
    move = np.eye(4)
    move[2, 3] = slices
    return move


def check_slices(slices: Sequence[int], depth: int, source: object) -> list[int]:
    """The slices as a list, if each is one of `depth`, counted from 0.

    Raises
    ------
    DataError
        If one is not, or none is asked for.
    """
    chosen = list(slices)
    wrong = [index for index in chosen if not 0 <= index < depth]
    if wrong or not chosen:
        raise DataError(
            f"no slice {wrong[0] if wrong else 'is asked for'} among {depth}",
            source=source,
            remedy="count slices from 0, or take the middle one",
        )
    return chosen
