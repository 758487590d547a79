"""NIfTI as it stands in the file: opened, checked and bounded before a pixel is read, and written without loss.

A NIfTI array is (X, Y, slice, frame) with X the column and Y the row of the image, as ukbb_cardiac writes it; how they
lie in the patient is for `eccl.data.standard.orientation`. Tools that turn a file to the axes of the body
may put the slices first or second: they are the axis along which voxels are by far the largest.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eccl.data.formats.nifti_geometry import slices_last, voxel_and_affine
from eccl.data.formats.nifti_pixels import BEHIND, GZIP, Layout, damaged, is_packed, read_planes, read_start, too_long
from eccl.files import replacing
from eccl.records import DataError, ShortAxis, Stack, check_slices, shifted

LARGEST = 2**28  # voxels of an image: 1 GiB as float32, and as much as 20 slices x 50 frames x 512 x 512
LARGEST_SIDE = 2048  # pixels along a row or a column
_LARGEST_HEADER = 2**24  # bytes before the pixels
_INFLATION = 1032  # bytes that deflate can make of one

_LENGTHS = {0: "unknown", 1: "meter", 2: "mm", 3: "micron"}  # codes of NIfTI's xyzt_units
_TIMES = {0: "unknown", 8: "sec", 16: "msec", 24: "usec", 32: "Hz", 40: "ppm", 48: "rad/s"}
_MILLISECONDS = {"sec": 1e3, "msec": 1.0, "usec": 1e-3}
_STATED = {**{time: time for time in _MILLISECONDS}, "s": "sec", "ms": "msec", "us": "usec"}  # as a caller may say
_MAGIC = ((344, b"n+1\0"), (4, b"n+2\0"))  # where NIfTI-1 and NIfTI-2 in one file say so
STATE = (
    'state it: units=("mm", "sec") of read_cine and read_image, units="mm sec" of nifti_folders, the column cine_units '
    "of a table of one's own"
)


@dataclass(frozen=True, eq=False)
class Nifti(ShortAxis):
    """A short-axis stack whose header has been read and whose pixels have not.

    Attributes
    ----------
    source, shape, spacing, slice_spacing, affine, nominal
        As in `ShortAxis`; one frame where there is no time axis.
    timed : bool
        Whether there is a time axis.
    frame_interval : float
        Time between frames, ms; NaN where none is stated.
    stated_interval : str
        The same as it stands in the file.
    """

    source: str
    shape: tuple[int, int, int, int]
    timed: bool
    spacing: tuple[float, float]
    slice_spacing: float
    frame_interval: float
    stated_interval: str
    affine: np.ndarray | None
    nominal: bool
    _layout: Layout

    def stack(self, slices: Sequence[int] | None = None) -> Stack:
        """The pixels of some neighbouring slices (by default all), with the header's scale applied.

        Raises
        ------
        DataError
            If the file is damaged, or there is no such slice.
        """
        chosen = check_slices(range(self.slice_count) if slices is None else slices, self.slice_count, self.source)
        affine = None if self.affine is None else self.affine @ shifted(chosen[0])
        images = read_planes(self._layout, chosen)
        return Stack(images, self.spacing, self.slice_spacing, self.frame_interval, self.source, affine, self.nominal)


def open_nifti(path: Path | str, units: tuple[str, str] | None = None, nominal: bool = False) -> Nifti:
    """The stack of a NIfTI file, .nii or .nii.gz, with its header checked and its pixels unread.

    Parameters
    ----------
    path : path
    units : tuple of str, optional
        Of length and time, such as ("mm", "sec"), for a header that states none. Stated units are never overridden.
    nominal : bool
        Whether its spacing is known not to be real (`ShortAxis.nominal`); no file says so itself.

    Raises
    ------
    DataError
        If the file is missing, damaged, empty, no NIfTI, larger than 2^28 voxels, holds less or far more than it
        declares, has other than 3 or 4 dimensions, its pixel size is not in mm or contradicts itself, or `units` are
        none.
    """
    import nibabel as nib

    path = Path(path)
    start = read_start(path, 540)  # the header of NIfTI-1 or 2
    version = next((kind for kind, (place, magic) in enumerate(_MAGIC, 1) if start[place : place + 4] == magic), 0)
    _check_name(path, start, version)
    try:
        # nibabel repairs a pixel size of 0 to 1 in silence, and reads header extensions of any stated size: the header
        # is kept as it is in the file, and what lies between it and the pixels is not read.
        kind = nib.Nifti1Header if version == 1 else nib.Nifti2Header
        header = kind(start[: kind.template_dtype.itemsize], check=False)
        shape = tuple(int(length) for length in header.get_data_shape())
        while len(shape) > 4 and shape[-1] == 1:
            shape = shape[:-1]
        dtype, offset = header.get_data_dtype(), int(header.get_data_offset())
        scale = header.get_slope_inter()
        _check_size(path, shape, dtype, offset, kind.single_vox_offset)
        length, time = _units(int(header["xyzt_units"]), units, path)
        _check_length(length, path)
        order, (column, row, depth), affine = slices_last(*voxel_and_affine(header, path))
    except DataError:
        raise
    except (ValueError, KeyError, OverflowError, *_damage(nib)) as error:
        raise damaged(path, error) from error
    scale = None if scale in ((None, None), (1, 0)) else scale
    layout = Layout(path, (*shape, 1)[:4], dtype, offset, scale, order[2])
    if os.path.getsize(path) > layout.offset + layout.size + layout.size // 100 + BEHIND:
        raise too_long(layout)
    zoom = float(header["pixdim"][4]) if len(shape) > 3 else np.nan
    interval = zoom * _MILLISECONDS.get(time, np.nan) if np.isfinite(zoom) and zoom > 0 else np.nan
    return Nifti(
        source=str(path),
        shape=(layout.shape[3], *(layout.shape[axis] for axis in order[::-1])),
        timed=len(shape) > 3,
        spacing=(row, column),
        slice_spacing=depth,
        frame_interval=interval,
        stated_interval=f"{zoom:g} in the unit {time!r}",
        affine=affine,
        nominal=nominal,
        _layout=layout,
    )


def unknown_interval(image: Nifti) -> DataError:
    """The error of a cine that does not say how long a frame lasts."""
    return DataError(
        f"a frame interval of {image.stated_interval}",
        source=image.source,
        remedy=f"write the time between frames into the header (pixdim[4]) and its unit; if none is stated, {STATE}",
    )


def write_nifti(
    path: Path | str, images: np.ndarray, affine: np.ndarray, voxel: tuple[float, float, float], interval: float
) -> Path:
    """The path of a NIfTI file (X, Y, Z, T) of images, rounded to whole numbers: uint8 up to 255, int16 above.

    Parameters
    ----------
    path : path
        .nii or .nii.gz.
    images : ndarray, shape (F, Z, H, W)
        Non-negative.
    affine : ndarray, shape (4, 4)
        Voxel (column, row, slice) to mm.
    voxel : tuple of float
        Size in mm: column, row, slice.
    interval : float
        Between frames, ms.
    """
    import nibabel as nib

    path = Path(path)
    pixels = np.rint(images).astype(np.uint8 if images.max() <= 255 else np.int16)
    image = nib.Nifti1Image(pixels.transpose(3, 2, 1, 0), affine)
    image.header.set_zooms((*voxel, interval / 1e3))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_qform(affine, code="scanner")
    content = image.to_bytes()
    with replacing(path) as beside:
        # Level 1: four times as fast as the default for a tenth more bytes. No time stamp: same image, same bytes.
        beside.write_bytes(gzip.compress(content, 1, mtime=0) if path.suffix == ".gz" else content)
    return path


def _check_name(path: Path, start: bytes, version: int) -> None:
    """Raise unless a file, whose first bytes, unpacked, are `start`, is named as what it is: NIfTI in one file."""
    packed = is_packed(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        kind = path.suffix or "file without a suffix"
        problem, remedy = f"a {kind}, not NIfTI in one file", "convert it to .nii.gz"
        if version:
            problem, remedy = f"NIfTI, and named as a {kind}", f"name it {'.nii.gz' if packed else '.nii'}"
        raise DataError(problem, source=path, remedy=remedy)
    if start.startswith(GZIP):
        problem, remedy = ("packed twice", "unpack it once") if packed else ("a gzip named .nii", "name it .nii.gz")
        raise DataError(problem, source=path, remedy=remedy)
    if not version:
        raise damaged(path, "no magic n+1 or n+2" if start else "it is empty")


def _units(code: int, stated: Sequence[str] | None, path: Path) -> tuple[str, str]:
    """Of length and time: what the header states, else what the caller does."""
    length, time = _LENGTHS.get(code & 7, f"code {code & 7}"), _TIMES.get(code & 56, f"code {code & 56}")
    if stated is None:
        return length, time
    if isinstance(stated, str) or len(stated) != 2 or stated[0] != "mm" or stated[1] not in _STATED:
        said = stated if isinstance(stated, str) else " ".join(map(str, stated))
        remedy = f"state mm and one of {', '.join(_STATED)}, and other units in the file itself"
        raise DataError(f"the units are stated as {said!r}", source=path, remedy=remedy)
    return "mm" if length == "unknown" else length, _STATED[stated[1]] if time == "unknown" else time


def _check_length(unit: str, path: Path) -> None:
    if unit != "mm":
        remedy = "write the spacing in mm, and that unit into the header (xyzt_units)"
        if unit == "unknown":
            remedy += f"; or where it is mm and only not stated, {STATE}"
        raise DataError(f"pixel sizes in the unit {unit!r}, not mm", source=path, remedy=remedy)


def _check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int, first: int) -> None:
    if 0 in shape or not shape:
        raise DataError(
            f"an empty image of shape {shape}", source=path, remedy="export the series again, with its frames"
        )
    if dtype.kind not in "uif":
        raise DataError(f"pixels of type {dtype}", source=path, remedy="write one number a pixel, e.g. int16")
    voxels = 1
    for length in shape:
        voxels *= length
    if min(shape) < 0 or not first <= offset <= _LARGEST_HEADER:
        raise damaged(path, f"a shape of {shape}, pixels at byte {offset}")
    if len(shape) not in (3, 4):
        raise DataError(
            f"{len(shape)} dimensions, an image of shape {shape}",
            source=path,
            remedy="give (columns, rows, slices) or (columns, rows, slices, frames)",
        )
    if voxels > LARGEST or max(shape[:3]) > LARGEST_SIDE:
        raise DataError(
            f"an image of {shape}, {voxels:.3g} voxels, above the {LARGEST:.3g}, or the {LARGEST_SIDE} along an axis, "
            "that are read",
            source=path,
            remedy="cut it to the heart, or check that the file is what it claims to be",
        )
    held = os.path.getsize(path) * _INFLATION if is_packed(path) else os.path.getsize(path) - offset
    if held < voxels * dtype.itemsize:
        raise damaged(path, f"it declares {voxels * dtype.itemsize} bytes of pixels and cannot hold more than {held}")


def _damage(nib: Any) -> tuple[type[Exception], ...]:
    """What nibabel raises on damaged headers."""
    return (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError)
