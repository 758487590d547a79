"""From a stack of short-axis slices to the one cine of a cohort: which slice, where the heart is, how many frames."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.plane import SIZE, SPACING, crop_or_pad, mask_centre, resample_plane
from eccl.records import FRAMES, Cine, DataError

if TYPE_CHECKING:
    from eccl.data.cmr import Stack
    from eccl.data.dicom_cine import DicomCine

FEWEST_PHASES = 10  # below it, motion between two phases is not linear, and frames between them would be inventions
CAVITY, MUSCLE, RIGHT = (1,), (2,), (3, 4)  # labels: LV cavity, LV myocardium, RV cavity (3 ukbb_cardiac, 4 AutoFD)
CLOSE = 0.05  # a pixel size within this share of 1.8 mm is kept
STILL_INTERVAL = 20.0  # ms, nominal
_SMOOTHING = 5.0  # mm, of the motion that shows where the heart is
_DRIFT = 0.1  # voxels between two grids that count as none


def mid_slice(stack: Stack | DicomCine, labels: Stack | None = None, rule: str = "middle") -> int:
    """Which slice of a stack is mid-ventricular, counted from 0.

    Parameters
    ----------
    stack : Stack or DicomCine
        Without labels it is the middle one of its slices: of an even number the one further from slice 0, which in a
        DICOM cine is the base.
    labels : Stack, optional
        Of the same slices, at one phase or all.
    rule : str
        "middle": the middle one of the slices that hold LV cavity at the first phase; "rv": the one with the most RV
        pixels at the phase of the smallest LV cavity, as in the paper.

    Raises
    ------
    DataError
        If the labels do not fit the stack, or hold no LV cavity or (rule "rv") no RV.
    """
    if rule not in ("middle", "rv"):
        raise ValueError(f'the rule is "middle" or "rv"; got {rule!r}')
    if labels is None:
        return stack.slices // 2
    _check_fit(stack, labels)
    cavity = np.isin(labels.images, CAVITY)
    if rule == "middle":
        slices = np.flatnonzero(cavity[0].any(axis=(1, 2)))
        if not len(slices):
            raise DataError("no pixel is labelled 1, LV cavity", source=labels.source, remedy="check the label values")
        return int(slices[len(slices) // 2])
    systole = int(cavity.sum(axis=(1, 2, 3)).argmin())
    right = np.isin(labels.images[systole], RIGHT).sum(axis=(1, 2))
    if not right.any():
        raise DataError(
            f"no pixel is labelled 3 or 4, RV cavity, at phase {systole}",
            source=labels.source,
            remedy='give labels that hold the RV, or choose by the LV: rule="middle"',
        )
    return int(right.argmax())


def heart_centre(
    images: np.ndarray, labels: np.ndarray | None = None, spacing: tuple[float, float] = (SPACING, SPACING)
) -> tuple[float, float]:
    """Row and column of the heart in one slice, in pixels and fractions of them.

    With labels it is the centre of mass of LV cavity and myocardium, of all their phases. Without, it is where most
    moves: of the standard deviation over time, smoothed by a Gaussian of 5 mm, what exceeds half of its maximum within
    the central half of the field (in rows and in columns), its centre of mass. Where nothing moves, the image's centre.

    Parameters
    ----------
    images : ndarray, shape (F, H, W)
        Intensity.
    labels : ndarray, optional, shape (F', H, W)
    spacing : tuple of float
        Pixel size in mm, (row, column).
    """
    from scipy.ndimage import gaussian_filter

    if labels is not None:
        ventricle = np.isin(labels, CAVITY + MUSCLE)
        if ventricle.any():
            return mask_centre(ventricle)
    with np.errstate(invalid="ignore"):  # an infinite pixel is refused where the cine is made
        spread = np.std(images, axis=0, dtype=np.float64)
    motion = gaussian_filter(spread, _SMOOTHING / np.array(spacing))
    rows, columns = motion.shape
    top, left = rows // 4, columns // 4
    inner = motion[top : rows - top, left : columns - left]
    if not inner.max() > 0:
        return (rows - 1) / 2, (columns - 1) / 2
    weight = np.clip(inner - inner.max() / 2, 0, None)
    row, column = (weight.sum(axis=other) @ np.arange(weight.shape[1 - other]) / weight.sum() for other in (1, 0))
    return float(top + row), float(left + column)


def cut_cine(
    stack: Stack | DicomCine,
    labels: Stack | None = None,
    rule: str = "middle",
    fewer: str = "refuse",
    frames: int = FRAMES,
    size: int = SIZE,
) -> Cine:
    """The cine of a cohort: one slice (`mid_slice`), `size` pixels square about the heart (`heart_centre`).

    Where the pixel size is within 5 % of 1.8 mm the square is cut at whole pixels and the cine keeps that size; else it
    is resampled to 1.8 mm. Outside of the image is 0.

    Parameters
    ----------
    stack : Stack or DicomCine
        Of a DICOM cine only the chosen slice is decoded.
    labels : Stack, optional
        Of the same slices, at one phase or all: 1 LV cavity, 2 myocardium, 3 or 4 RV cavity.
    rule : str
        Of `mid_slice`.
    fewer : str
        What becomes of another number of phases than `frames`. "refuse": an error. "interpolate": at least 10 are
        interpolated, linearly and periodically; fewer are an error. "still": of fewer, the first is repeated, so there
        is no motion (`still_cine`).
    frames, size : int
        Of the result.

    Raises
    ------
    DataError
        As `mid_slice`; and if the image is blank or not finite, the number of phases is refused, or the time between
        phases is not known.
    """
    if fewer not in ("refuse", "interpolate", "still"):
        raise ValueError(f'fewer is "refuse", "interpolate" or "still"; got {fewer!r}')
    chosen = mid_slice(stack, labels, rule)
    one = stack.stack([chosen])
    images = one.images[:, 0]
    centre = heart_centre(images, None if labels is None else labels.images[:, chosen], one.spacing)
    if fewer == "still" and len(images) < frames:
        square, spacing = _square(images[:1], one.spacing, centre, size)
        return still_cine(square[0], spacing, frames, one.source)
    check_pixels(images, one.source)
    images = to_frames(images, frames, fewer == "interpolate", one.source)
    if not one.phase_interval > 0:
        raise DataError(
            "the time between phases is not known",
            source=one.source,
            remedy="write it into the header (pixdim[4]) with its unit, e.g. sec",
        )
    square, spacing = _square(images, one.spacing, centre, size)
    return Cine(square, spacing, one.phase_interval * one.phases / frames, one.source)


def still_cine(image: np.ndarray, spacing: tuple[float, float], frames: int = FRAMES, source: str = "") -> Cine:
    """A cine that repeats one image (H, W): it holds no motion, and its frame interval (20 ms) is nominal.

    Only for passing a real still image through an encoder of cines. Nothing that depends on motion (ejection fraction,
    strain, stroke volume) can be read from it, and no result for it stands for a result on cines.
    """
    repeated = np.repeat(np.asarray(image, dtype=np.float32)[None], frames, axis=0)
    return Cine(repeated, spacing, STILL_INTERVAL, source)


def to_frames(images: np.ndarray, frames: int, allowed: bool, source: object) -> np.ndarray:
    """Images (frames, H, W) evenly over the beat, of phases (F, H, W): as they are, or interpolated where allowed.

    Raises
    ------
    DataError
        If there is another number of phases and it may not, or with fewer than 10 cannot, be interpolated.
    """
    phases = len(images)
    if phases == frames:
        return images
    if phases < FEWEST_PHASES:
        raise DataError(
            f"{phases} phases of the beat, not {frames} frames",
            source=source,
            remedy="use a full cine; so few phases are not interpolated, since that would invent motion",
        )
    if not allowed:
        raise DataError(
            f"{phases} frames, not {frames}",
            source=source,
            remedy="give a cine with that number, or allow interpolation: read_cine(..., resample_frames=True), "
            'cut_cine(..., fewer="interpolate")',
        )
    place = np.arange(frames) * phases / frames
    before = place.astype(int)
    weight = (place - before).astype(np.float32)[:, None, None]
    return (1 - weight) * images[before] + weight * images[(before + 1) % phases]


def check_pixels(images: np.ndarray, source: object) -> None:
    """Nothing, if there is something to see.

    Raises
    ------
    DataError
        If pixels are not finite or all the same.
    """
    if not np.isfinite(images).all():
        raise DataError("pixel values that are not finite", source=source, remedy="export the series again")
    if images.max() == images.min():
        raise DataError(
            f"a blank image: every pixel is {images.max():g}", source=source, remedy="export the series again"
        )


def align(labels: Stack, image: Stack) -> Stack:
    """The labels on the image's grid: cut, or padded with 0, by the whole voxels that their affines say.

    Raises
    ------
    DataError
        If a grid is not known, or they differ in direction, voxel size or by a fraction of a voxel (above 0.1).
    """
    for stack in (labels, image):
        if stack.affine is None:
            raise DataError(
                "the file does not say where its voxels are",
                source=stack.source,
                remedy="write its affine (sform or qform); labels of the very same slices need no align()",
            )
    try:
        between = np.linalg.solve(image.affine, labels.affine)  # from a voxel of the labels to one of the image
    except np.linalg.LinAlgError:
        between = np.full((4, 4), np.nan)
    length = np.array(labels.images.shape[:0:-1])  # columns, rows, slices
    drift = np.abs(between[:3, :3] - np.eye(3)) @ length  # over the whole grid, in voxels
    offset = between[:3, 3]
    if not (drift <= _DRIFT).all() or not (np.abs(offset - np.rint(offset)) <= _DRIFT).all():
        raise DataError(
            f"labels on another grid ({_grid(labels)}) than {image.source or 'their image'} ({_grid(image)})",
            source=labels.source,
            remedy="resample the labels to the image, by nearest neighbour, in the tool that made them",
        )
    aligned = labels.images
    for axis, shift in zip((3, 2, 1), np.rint(offset).astype(int)):
        place = np.arange(image.images.shape[axis]) - shift
        there = (place >= 0) & (place < aligned.shape[axis])
        shape = [1] * 4
        shape[axis] = len(place)
        taken = np.take(aligned, np.clip(place, 0, aligned.shape[axis] - 1), axis=axis)
        aligned = np.where(there.reshape(shape), taken, np.float32(0))
    return dataclasses.replace(labels, images=aligned, affine=image.affine)


def _grid(stack: Stack) -> str:
    corner, axes = stack.affine[:3, 3], stack.affine[:3, :3].T
    steps = ", ".join(f"({' '.join(f'{value:.3g}' for value in axis)})" for axis in axes)
    return (
        f"{stack.images.shape[:0:-1]} voxels from ({' '.join(f'{value:.4g}' for value in corner)}) mm in steps {steps}"
    )


def _check_fit(stack: Stack | DicomCine, labels: Stack) -> None:
    if labels.images.shape[1:] != stack.shape[1:] or labels.phases not in (1, stack.shape[0]):
        raise DataError(
            f"labels of shape {labels.images.shape} for images of shape {stack.shape}",
            source=labels.source,
            remedy="give labels of the same slices, at one phase or all; cut padded ones to the image: align()",
        )


def _square(
    images: np.ndarray, spacing: tuple[float, float], centre: tuple[float, float], size: int
) -> tuple[np.ndarray, tuple[float, float]]:
    """Images (F, size, size) about a centre, and their pixel size."""
    if all(abs(length / SPACING - 1) <= CLOSE for length in spacing):
        return crop_or_pad(images, size, centre), spacing
    return resample_plane(images, spacing, centre, size), (SPACING, SPACING)
