"""One recording of each kind, checked on construction: an ECG in mV, a cine in arbitrary intensity with its geometry.

A record knows no file format and no data source. Readers build records; everything downstream trusts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SAMPLING_RATE = 500.0  # Hz, of every ECG inside a cohort
DURATION = 10.0  # s, of every ECG inside a cohort
SAMPLES = int(SAMPLING_RATE * DURATION)
FRAMES = 50  # of one R-R interval, in every cine inside a cohort
LARGEST_VOLTAGE = 20.0  # mV; a surface ECG above it was read in the wrong unit


class DataError(ValueError):
    """Input that cannot be used, said in one sentence a user can act on.

    Parameters
    ----------
    problem : str
        What is wrong, with the offending value and its unit.
    source : object, optional
        The file (or table and row) where it was found.
    remedy : str
        What the user can do about it.
    """

    def __init__(self, problem: str, *, source: object = None, remedy: str):
        self.problem, self.source, self.remedy = problem, source, remedy
        where = f"{source}: " if source is not None else ""
        super().__init__(f"{where}{problem}. Remedy: {remedy}.")


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
        If a lead is missing, a sample is not finite, or the amplitude cannot be millivolts.
    """

    signal: np.ndarray
    sampling_rate: float = SAMPLING_RATE
    source: str = ""

    def __post_init__(self) -> None:
        where = self.source or None
        if self.signal.ndim != 2 or self.signal.shape[0] != len(LEADS):
            raise DataError(
                f"an ECG of shape {self.signal.shape}, expected (12, samples)",
                source=where,
                remedy=f"give one row for each of {', '.join(LEADS)}",
            )
        if not self.sampling_rate > 0:
            raise DataError(
                f"a sampling rate of {self.sampling_rate} Hz",
                source=where,
                remedy="state the recorder's rate, e.g. 500 Hz",
            )
        finite = np.isfinite(self.signal).all(axis=1)
        if not finite.all():
            bad = ", ".join(lead for lead, good in zip(LEADS, finite) if not good)
            raise DataError(
                f"samples that are not finite (NaN or infinite) in lead {bad}",
                source=where,
                remedy="repair the gap or leave this recording out",
            )
        peak = float(np.abs(self.signal).max(initial=0.0))
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


@dataclass(frozen=True, eq=False)
class Cine:
    """One short-axis slice over the beat, as F frames of magnitude image.

    Attributes
    ----------
    frames : ndarray of float32, shape (F, H, W)
        Intensity, non-negative, arbitrary unit. Row 0 is anterior, column 0 is the patient's right.
    spacing : tuple of float
        Pixel size in mm, (row, column).
    frame_interval : float
        Time between frames, in ms. F times it is one R-R interval.
    source : str
        The file it came from, for messages; empty if made in memory.

    Raises
    ------
    DataError
        If there are no frames, a value is not finite, or a spacing or interval is not positive.
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
        if len(self.spacing) != 2 or not min(self.spacing) > 0:
            raise DataError(
                f"a pixel spacing of {self.spacing} mm", source=where, remedy="write the spacing into the header"
            )
        if not self.frame_interval > 0:
            raise DataError(
                f"a frame interval of {self.frame_interval} ms",
                source=where,
                remedy="write the frame interval (R-R interval / frames) into the header",
            )
        object.__setattr__(self, "frames", np.ascontiguousarray(self.frames, dtype=np.float32))
