"""Short-axis slices over the beat with their geometry: as a header states them, and as a stack of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from eccl.errors import DataError


class ShortAxis(Protocol):
    """Short-axis slices over the beat, their pixels read or not: a `Stack`, or a file that `stack` reads from.

    Attributes
    ----------
    source : str
        The file.
    shape : tuple of int
        Frames, slices, rows, columns.
    spacing : tuple of float
        Pixel size in mm, (row, column).
    slice_spacing : float
        Distance between slices, mm; NaN of one slice whose thickness is unknown.
    affine : ndarray, shape (4, 4), optional
        Voxel (column, row, slice) to mm to the patient's right, front and head (NIfTI's RAS); None if unknown.
    nominal : bool
        Whether the spacing is not real: ratios of volumes hold, ml do not.
    """

    source: str
    shape: tuple[int, int, int, int]
    spacing: tuple[float, float]
    slice_spacing: float
    affine: np.ndarray | None
    nominal: bool

    @property
    def frame_count(self) -> int:
        """How many frames of the beat each slice has."""
        return self.shape[0]

    @property
    def slice_count(self) -> int:
        """How many slices there are."""
        return self.shape[1]

    def stack(self, slices: Sequence[int] | None = None) -> Stack:
        """The pixels of some neighbouring slices, by default of all; no other slice is decoded.

        Raises
        ------
        DataError
            If there is no such slice, or the file is damaged.
        """


@dataclass(frozen=True, eq=False)
class Stack(ShortAxis):
    """Short-axis slices with as many frames of the beat as the file holds, no more, and in the file's order.

    Attributes
    ----------
    images : ndarray of float32, shape (F, Z, H, W)
        Intensity (or labels); frame, slice, row, column.
    spacing, slice_spacing, source, affine, nominal
        As in `ShortAxis`.
    frame_interval : float
        Time between frames, ms; NaN where the file states none.
    """

    images: np.ndarray
    spacing: tuple[float, float]
    slice_spacing: float
    frame_interval: float
    source: str = ""
    affine: np.ndarray | None = None
    nominal: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Frames, slices, rows, columns."""
        return self.images.shape

    def stack(self, slices: Sequence[int] | None = None) -> Stack:
        """Neighbouring slices alone, or all.

        Raises
        ------
        DataError
            If there is no such slice.
        """
        if slices is None:
            return self
        slices = check_slices(slices, self.slice_count, self.source)
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
