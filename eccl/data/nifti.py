"""NIfTI as it stands in the file: opened, checked and bounded before a pixel is read, and written without loss.

A NIfTI array is (X, Y, slice, phase) with X the column and Y the row of the image, as ukbb_cardiac writes it. The
order of the pixels is trusted and the affine does not turn an image: in open short-axis files it is often nominal.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eccl.data.files import replacing
from eccl.records import DataError

LARGEST = 2**28  # voxels of an image: 1 GiB as float32, and as much as 20 slices x 50 phases x 512 x 512
_LARGEST_HEADER = 2**24  # bytes before the pixels
_INFLATION = 1032  # bytes that deflate can make of one

_LENGTHS = {0: "unknown", 1: "meter", 2: "mm", 3: "micron"}  # codes of NIfTI's xyzt_units
_TIMES = {0: "unknown", 8: "sec", 16: "msec", 24: "usec"}
_MILLISECONDS = {"sec": 1e3, "msec": 1.0, "usec": 1e-3}
_MAGIC = ((344, b"n+1\0"), (4, b"n+2\0"))  # where NIfTI-1 and NIfTI-2 in one file say so


@dataclass(frozen=True, eq=False)
class Nifti:
    """An image whose header has been read and whose pixels have not.

    Attributes
    ----------
    path : Path
    shape : tuple of int
        As in the file: columns, rows, slices, phases.
    zooms : tuple of float
        pixdim as it stands in the file, one a dimension, unrepaired.
    length, time : str
        Units of `zooms`: mm, meter, micron or unknown; sec, msec, usec or unknown.
    affine : ndarray (4, 4), optional
        Voxel (column, row, slice) to mm; None where the file gives none.
    """

    path: Path
    shape: tuple[int, ...]
    zooms: tuple[float, ...]
    length: str
    time: str
    affine: np.ndarray | None
    _pixels: Any

    def read(self, slices: Sequence[int] | None = None) -> np.ndarray:
        """Images (F, Z, H, W) float32 with the header's scale applied: of all slices, or of some, in that order.

        Raises
        ------
        DataError
            If the file is damaged, or there is no such slice.
        """
        import nibabel as nib

        if slices is not None:
            check_slices(slices, self.shape[2] if len(self.shape) > 2 else 1, self.path)
        try:
            if slices is None:
                data = np.asanyarray(self._pixels)
            else:
                data = np.stack([np.asanyarray(self._pixels[:, :, index]) for index in slices], axis=2)
        except _damage(nib) as error:
            raise _damaged(self.path, error) from error
        data = data if data.ndim == 4 else data[..., None]
        return np.ascontiguousarray(data.transpose(3, 2, 1, 0), dtype=np.float32)

    def spacing(self) -> tuple[float, float, float]:
        """Size of a voxel in mm: row, column, slice.

        Raises
        ------
        DataError
            If it is not in mm, or not positive.
        """
        if self.length != "mm":
            raise DataError(
                f"pixel sizes in the unit {self.length!r}, not mm",
                source=self.path,
                remedy='write the spacing in mm, or where the unit is absent state it: units=("mm", "sec")',
            )
        if not all(np.isfinite(zoom) and zoom > 0 for zoom in self.zooms[:3]):
            raise DataError(
                f"pixel sizes of {', '.join(f'{zoom:g}' for zoom in self.zooms[:3])} mm",
                source=self.path,
                remedy="write the real spacing into the header (pixdim)",
            )
        column, row, depth = self.zooms[:3]
        return row, column, depth

    def interval(self) -> float:
        """Time between phases in ms; NaN where none is stated."""
        zoom = self.zooms[3] if len(self.zooms) > 3 else np.nan
        return zoom * _MILLISECONDS.get(self.time, np.nan) if np.isfinite(zoom) and zoom > 0 else np.nan


def open_nifti(path: Path | str, units: tuple[str, str] | None = None) -> Nifti:
    """The image of a NIfTI file, .nii or .nii.gz, with its header checked and its pixels unread.

    Parameters
    ----------
    path : path
    units : tuple of str, optional
        Of length and time, such as ("mm", "sec"), for a header that states none. Stated units are never overridden.

    Raises
    ------
    DataError
        If the file is missing, damaged, empty, no NIfTI, larger than 2^28 voxels, or holds less than it declares.
    """
    import nibabel as nib

    path = Path(path)
    start = _start(path)
    if not path.name.endswith((".nii", ".nii.gz")):
        kinds = [kind.__name__ for kind in nib.imageclasses.all_image_classes if kind.path_maybe_image(path)[0]]
        kind = kinds[0] if kinds else path.suffix or "file without a suffix"
        raise DataError(f"a {kind}, not NIfTI in one file", source=path, remedy="convert it to .nii.gz")
    version = next((kind for kind, (place, magic) in enumerate(_MAGIC, 1) if start[place : place + 4] == magic), 0)
    if not version:
        raise _damaged(path, "no magic n+1 or n+2")
    try:
        # nibabel repairs a pixel size of 0 to 1 in silence, and reads header extensions of any stated size: the header
        # is kept as it is in the file, and what lies between it and the pixels is not read.
        kind = nib.Nifti1Header if version == 1 else nib.Nifti2Header
        header = kind(start[: kind.template_dtype.itemsize], check=False)
        shape = tuple(int(length) for length in header.get_data_shape())
        dtype, offset = header.get_data_dtype(), int(header.get_data_offset())
        placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
        affine = np.array(header.get_best_affine()) if placed else None
        scale = header.get_slope_inter()
    except (*_damage(nib), KeyError, OverflowError) as error:
        raise _damaged(path, error) from error
    _check_size(path, shape, dtype, offset)
    pixels = nib.arrayproxy.ArrayProxy(path, (shape, dtype, offset, *scale))
    code = int(header["xyzt_units"])
    length, time = _LENGTHS.get(code & 7, "unknown"), _TIMES.get(code & 56, "unknown")
    if units is not None:
        length = units[0] if length == "unknown" else length
        time = units[1] if time == "unknown" else time
    zooms = tuple(float(zoom) for zoom in header["pixdim"][1 : 1 + len(shape)])
    return Nifti(path, shape, zooms, length, time, affine, pixels)


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
        Between phases, ms.
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


def _start(path: Path) -> bytes:
    """The first 540 bytes, unpacked: the header of NIfTI-1 or 2."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.read(540)
    except FileNotFoundError as error:
        raise DataError("no such file", source=path, remedy="check the path, or leave this participant out") from error
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, error) from error


def _check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> None:
    if 0 in shape or not shape:
        raise DataError(
            f"an empty image of shape {shape}", source=path, remedy="export the series again, with its frames"
        )
    if dtype.kind not in "uif":
        raise DataError(f"pixels of type {dtype}", source=path, remedy="write one number a pixel, e.g. int16")
    voxels = 1
    for length in shape:
        voxels *= length
    if min(shape) < 0 or not 0 <= offset <= _LARGEST_HEADER:
        raise _damaged(path, f"a shape of {shape}, pixels at byte {offset}")
    if voxels > LARGEST:
        raise DataError(
            f"an image of {shape}, {voxels:.3g} voxels, above the {LARGEST:.3g} that are read",
            source=path,
            remedy="cut it to the heart, or check that the file is what it claims to be",
        )
    held = os.path.getsize(path) * (_INFLATION if path.suffix == ".gz" else 1)
    if held < voxels * dtype.itemsize:
        raise _damaged(path, f"it declares {voxels * dtype.itemsize} bytes of pixels and cannot hold more than {held}")


def _damage(nib: Any) -> tuple[type[Exception], ...]:
    """What nibabel raises on damaged files."""
    kinds = (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError)
    return (OSError, EOFError, zlib.error, ValueError, *kinds)


def _damaged(path: Path, cause: object) -> DataError:
    return DataError(f"damaged, or no NIfTI ({cause})", source=path, remedy="copy or export it again")
