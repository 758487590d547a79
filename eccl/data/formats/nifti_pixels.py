"""The pixels of a NIfTI file, read in one pass and a plane at a time; a compressed file is read to its checksum."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from eccl.records import DataError

BEHIND = 2**20  # bytes that may follow the pixels: some tools pad a file, none writes another image
GZIP = b"\x1f\x8b"  # its first bytes
_GZIP_DAMAGE = (OSError, EOFError, zlib.error)


class Layout(NamedTuple):
    """Where the pixels of a file lie, and what they stand for."""

    path: Path
    shape: tuple[int, int, int, int]  # of three axes of space, the first of them the fastest, and of frames
    dtype: np.dtype
    offset: int  # bytes before them
    scale: tuple[float, float] | None  # slope and intercept
    axis: int  # along which the slices lie

    @property
    def size(self) -> int:
        """How many bytes they take."""
        voxels = 1
        for length in self.shape:
            voxels *= length
        return voxels * self.dtype.itemsize


def is_packed(path: Path) -> bool:
    """Whether the name says that a file is compressed."""
    return path.suffix.lower() == ".gz"


def read_start(path: Path, count: int) -> bytes:
    """The first bytes of a file, unpacked.

    Raises
    ------
    DataError
        If it is missing, no file or damaged.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise DataError("this is a folder, or no file", source=path, remedy="give the path of one image")
    try:
        with _opened(path) as file:
            return file.read(count)
    except FileNotFoundError as error:
        raise DataError("no such file", source=path, remedy="check the path, or leave this participant out") from error
    except gzip.BadGzipFile as error:
        remedy = "download it again; if it is not compressed, name it .nii"
        raise DataError(f"named .gz, and no gzip ({error})", source=path, remedy=remedy) from error
    except _GZIP_DAMAGE as error:
        raise damaged(path, error) from error


def read_planes(layout: Layout, slices: Sequence[int]) -> np.ndarray:
    """Images (F, Z, H, W) float32 of some slices, in that order, scaled as the header says.

    A compressed file is unpacked to its end whichever slices are asked for, since only its end tells whether what was
    unpacked is what was packed; in memory are the slices asked for, and one plane.

    Raises
    ------
    DataError
        If the file is damaged, ends early, or goes on for more than 1 MiB behind its pixels.
    """
    *sides, frames = layout.shape
    rows, columns = (side for axis, side in reversed(list(enumerate(sides))) if axis != layout.axis)
    images = np.empty((frames, len(slices), rows, columns), np.float32)
    plane = np.empty((sides[1], sides[0]), layout.dtype)
    content, packed = memoryview(plane.reshape(-1).view(np.uint8)), is_packed(layout.path)
    wanted = [layout.axis != 2 or index in slices for index in range(sides[2])]
    try:
        with _opened(layout.path) as file:
            file.seek(layout.offset)
            for frame in range(frames):
                for index in range(sides[2]):
                    if not wanted[index] and not packed:
                        file.seek(len(content), 1)
                        continue
                    if (held := file.readinto(content)) < len(content):
                        raise EOFError(f"{held} bytes of a plane of {len(content)}, and then its end")
                    if wanted[index]:
                        _place(images[frame], _scaled(plane, layout.scale), index, list(slices), layout.axis)
            if packed:
                _finish(file, layout)
    except _GZIP_DAMAGE as error:
        raise damaged(layout.path, error) from error
    return images


def too_long(layout: Layout) -> DataError:
    """The error of a file that holds more than its header declares."""
    return DataError(
        f"it declares {layout.size} bytes of pixels, an image of {layout.shape}, and more than {BEHIND} others follow",
        source=layout.path,
        remedy="export it again with a header that fits, or check that the file is what it claims to be",
    )


def damaged(path: Path, cause: object) -> DataError:
    """The error of a file that is not what it was."""
    return DataError(f"damaged, or no NIfTI ({cause})", source=path, remedy="download, copy or export it again")


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path) if is_packed(path) else open(path, "rb")


def _scaled(plane: np.ndarray, scale: tuple[float, float] | None) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused where the image is used
        scaled = plane if scale is None else plane * np.float64(scale[0]) + np.float64(scale[1])
        return scaled.astype(np.float32)


def _place(images: np.ndarray, plane: np.ndarray, index: int, slices: list[int], axis: int) -> None:
    """Write what slices (Z, H, W) hold of a plane: the whole of it, or where slices lie across it a line of each."""
    if axis == 2:
        images[[place for place, slice_ in enumerate(slices) if slice_ == index]] = plane
    else:
        images[:, index] = plane[:, slices].T if axis == 0 else plane[slices]


def _finish(file: BinaryIO, layout: Layout) -> None:
    """Read to the end, where gzip compares the checksum and the length."""
    left = BEHIND
    while held := len(file.read(min(left + 1, 2**16))):
        left -= held
        if left < 0:
            raise too_long(layout)
