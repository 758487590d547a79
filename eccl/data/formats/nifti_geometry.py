"""The size of a NIfTI voxel and its place in the patient, which a header states up to three times: do they agree?

pixdim holds the size; the qform turns that size and places it; the sform is a transform of its own. A size of exactly
1, 1, 1 mm is what converters leave where nobody set one, and a transform along the axes of the body what they leave
where nobody set a direction: such a default loses against another statement. Other conflicts are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eccl.data.formats.axes import is_aligned
from eccl.records import DataError

AGREE = 0.01  # share of a size by which two statements may differ: more than rounding, less than any wrong size
_FAR = 0.25  # share by which a size must differ from 1, 1, 1 mm for that to be a default, and not a near miss
_SAME_WAY = 0.9  # cosine of 26 degrees: two transforms that differ by less show the same picture
_THICK = 2.0  # by how much voxels must be larger across slices than in them for slices to be found elsewhere than last
_SQUARE = 0.02  # cosine of 89 degrees, between columns and rows
_UPRIGHT = 0.99  # cosine of 8 degrees, of slices from the normal: their distance is then true to 1 %


def voxel_and_affine(header: Any, path: Path) -> tuple[tuple[float, float, float], np.ndarray | None]:
    """Size of a voxel in mm (column, row, slice), and its affine (4, 4) to RAS mm, None where the file gives none.

    Parameters
    ----------
    header : nibabel.Nifti1Header
        As it stands in the file, unrepaired.
    path : Path
        For messages.

    Raises
    ------
    DataError
        If sizes are not positive, a transform is no turn of a box of voxels, or statements contradict each other.
    """
    size = np.array(header["pixdim"][1:4], float)
    if not (np.isfinite(size) & (size > 0)).all():
        raise DataError(
            f"pixel sizes of {_text(size)} mm",
            source=path,
            remedy="write the real spacing into the header (pixdim)",
        )
    sform = _checked(header.get_sform(), "sform", path) if int(header["sform_code"]) > 0 else None
    qform = _checked(_qform(header), "qform", path) if int(header["qform_code"]) > 0 else None
    if sform is not None and not _agree(other := _size(sform), size):
        if _is_default(size, other):
            size, qform = other, None
        elif _is_default(other, size):
            sform = None
        else:
            raise DataError(
                f"two sizes of a voxel: {_text(size)} mm in pixdim, {_text(other)} mm in the sform",
                source=path,
                remedy="write the real spacing into both (in nibabel: set_zooms, then set_sform and set_qform)",
            )
    if sform is not None and qform is not None and not _same_way(sform, qform):
        aligned = is_aligned(sform), is_aligned(qform)
        if not any(aligned):
            raise DataError(
                f"two directions of its rows and columns: {_directions(sform)} in the sform, {_directions(qform)} in "
                "the qform",
                source=path,
                remedy="write one transform into both (in nibabel: set_sform and set_qform)",
            )
        sform = qform if aligned[0] and not aligned[1] else sform
    return tuple(size.tolist()), qform if sform is None else sform


def slices_last(
    size: tuple[float, float, float], affine: np.ndarray | None
) -> tuple[tuple[int, int, int], tuple[float, float, float], np.ndarray | None]:
    """The order of a file's axes in which slices are last, and size and affine of a voxel in that order."""
    thickest = int(np.argmax(size))
    others = [axis for axis in range(3) if axis != thickest]
    order = (*others, thickest) if size[thickest] >= _THICK * max(size[axis] for axis in others) else (0, 1, 2)
    turned = None if affine is None else affine[:, [*order, 3]]
    return order, tuple(size[axis] for axis in order), turned


def _qform(header: Any) -> np.ndarray:
    """The transform of a qform; a pixdim[0] of 0 counts as 1, as the standard has it, where nibabel refuses it."""
    header = header.copy()
    header["pixdim"][0] = -1.0 if header["pixdim"][0] < 0 else 1.0
    return header.get_qform()


def _checked(affine: np.ndarray, name: str, path: Path) -> np.ndarray | None:
    """The transform, if it is one; None if the field is empty though its code is set."""
    axes = np.array(affine[:3, :3], float)
    if np.isfinite(affine).all() and not axes.any():
        return None
    length = np.linalg.norm(axes, axis=0)
    if np.isfinite(affine).all() and length.all():
        column, row, depth = (axes / length).T
        if abs(column @ row) <= _SQUARE and abs(np.cross(column, row) @ depth) >= _UPRIGHT:
            return np.array(affine, float)
    rows = "; ".join(_text(row) for row in affine[:3])
    raise DataError(
        f"a {name} that is no turned box of voxels: {rows}",
        source=path,
        remedy="write the real transform, resample a sheared image, or set the code of this one to 0",
    )


def _size(affine: np.ndarray) -> np.ndarray:
    return np.linalg.norm(affine[:3, :3], axis=0)


def _agree(one: np.ndarray, two: np.ndarray) -> bool:
    return bool((np.abs(one - two) <= AGREE * np.minimum(one, two)).all())


def _is_default(size: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(size, 1, rtol=0, atol=1e-4) and (np.abs(other - 1) > _FAR).any())


def _same_way(one: np.ndarray, two: np.ndarray) -> bool:
    along = (one[:3, :3] * two[:3, :3]).sum(axis=0) / (_size(one) * _size(two))
    return bool((along >= _SAME_WAY).all())


def _directions(affine: np.ndarray) -> str:
    axes = affine[:3, :3] / _size(affine)
    return " and ".join(f"({' '.join(f'{value:.2f}' for value in axes[:, axis])})" for axis in (1, 0))


def _text(values: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
