"""A cine of one slice with its geometry, checked on construction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eccl.display import figure
from eccl.errors import DataError

FRAMES = 50  # of one R-R interval, in every cine inside a cohort
BEAT = (250.0, 3000.0)  # ms, the shortest and the longest R-R interval: 240 and 20 beats a minute
PIXEL = (0.1, 10.0)  # mm, the smallest and the largest pixel of an image of a heart


@dataclass(frozen=True, eq=False)
class Cine:
    """One short-axis slice over the beat, as F frames of magnitude image.

    Attributes
    ----------
    frames : ndarray of float32, shape (F, H, W)
        Intensity, non-negative, arbitrary unit. Seen from the apex: rows run to the patient's feet and back, columns
        to the left and back (`data.standard.orientation`), so that the right ventricle lies on the left of the picture.
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

    Examples
    --------
    >>> Cine(np.random.default_rng(0).random((50, 80, 80), np.float32), (1.8, 1.8), 20.0)
    Cine(50 frames of 80 x 80 pixels of 1.8 x 1.8 mm, 20 ms apart: a beat of 1.00 s)
    """

    frames: np.ndarray
    spacing: tuple[float, float]
    frame_interval: float
    source: str = ""

    def __repr__(self) -> str:
        count, rows, columns = self.frames.shape
        pixel, beat = " x ".join(f"{size:g}" for size in self.spacing), count * self.frame_interval / 1000
        return (
            f"Cine({count} frames of {rows} x {columns} pixels of {pixel} mm, {self.frame_interval:.3g} ms apart: "
            f"a beat of {beat:.2f} s)"
        )

    def _repr_html_(self) -> str:
        return figure("cine_montage", self, caption=repr(self))

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
    """Raise unless so many frames at such an interval (ms) last as long as a heartbeat.

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
