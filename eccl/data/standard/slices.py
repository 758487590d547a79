"""From a stack of short-axis slices to the one cine of a cohort: which slice, where the heart is, how many frames."""

from __future__ import annotations

import dataclasses

import numpy as np

from eccl.data.formats.nifti import STATE
from eccl.data.formats.nifti_geometry import AGREE
from eccl.data.standard.grids import align, is_placed
from eccl.data.standard.labels import CAVITY, MUSCLE, RIGHT, end_diastole, end_systole
from eccl.data.standard.orientation import from_base, upright
from eccl.data.standard.plane import SIZE, SPACING, crop_or_pad, mask_centre, resample_plane
from eccl.records import FRAMES, Cine, DataError, ShortAxis, Stack, check_beat

SLICE_RULES = ("middle", "rv")  # of `mid_slice`
FRAME_POLICIES = ("refuse", "interpolate", "still")  # of `cut_cine`
FEWEST_FRAMES = 10  # below it, motion between two frames is not linear, and frames between them would be inventions
CLOSE = 0.05  # a pixel size within this share of 1.8 mm is kept
STILL_BEAT = 1000.0  # ms, nominal
_SMOOTHING = 5.0  # mm, of the motion that shows where the heart is


def mid_slice(stack: ShortAxis, labels: Stack | None = None, slice_rule: str = "middle") -> int:
    """Which slice of a stack is mid-ventricular, counted from 0 as the file does.

    Parameters
    ----------
    stack : ShortAxis
        Without labels it is the middle one of its slices: of an even number the one nearer to the apex, or where it is
        not known which end that is, the one further from slice 0.
    labels : Stack, optional
        Of the same slices, of one frame or all.
    slice_rule : str
        "middle": the middle one of the slices that hold LV cavity at end-diastole; "rv": the one with the most RV
        pixels at end-systole, as in the paper. Which frames these are: `eccl.data.standard.labels`.

    Raises
    ------
    DataError
        If the labels do not fit the stack, or hold no LV cavity or (slice_rule "rv") no RV.
    """
    if slice_rule not in SLICE_RULES:
        raise ValueError(f"slice_rule is one of {', '.join(SLICE_RULES)}; got {slice_rule!r}")
    order = from_base(stack.affine, stack.slice_count, stack.nominal)
    if labels is None:
        return int(order[stack.slice_count // 2])
    _check_fit(stack, labels)
    if slice_rule == "middle":
        cavity = np.isin(labels.images[end_diastole(labels)], CAVITY).any(axis=(1, 2))
        slices = order[cavity[order]]
        return int(slices[len(slices) // 2])
    systole = end_systole(labels)
    right = np.isin(labels.images[systole], RIGHT).sum(axis=(1, 2))
    if not right.any():
        raise DataError(
            f"no pixel is labelled 3 or 4, RV cavity, at frame {systole}",
            source=labels.source,
            remedy='give labels that hold the RV, or choose by the LV: slice_rule="middle"',
        )
    return int(order[right[order].argmax()])


def heart_centre(
    images: np.ndarray, labels: np.ndarray | None = None, spacing: tuple[float, float] = (SPACING, SPACING)
) -> tuple[float, float]:
    """Row and column of the heart in one slice, in pixels and fractions of them.

    With labels it is the centre of mass of LV cavity and myocardium, of all their frames. Without, it is where most
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
    stack: ShortAxis,
    labels: Stack | None = None,
    slice_rule: str = "middle",
    frame_policy: str = "refuse",
    frames: int = FRAMES,
    size: int = SIZE,
) -> Cine:
    """The cine of a cohort: one slice (`mid_slice`), upright, `size` pixels square about the heart (`heart_centre`).

    Upright is as `standard.orientation` says, so that a scan gives one picture in whatever order a file keeps it.
    Where the pixel size is within 5 % of 1.8 mm the square is cut at whole pixels and the cine keeps that size; else it
    is resampled to 1.8 mm. Outside of the image is 0.

    Parameters
    ----------
    stack : ShortAxis
        Only the chosen slice is decoded, unless all are already.
    labels : Stack, optional
        Of one frame or all: 1 LV cavity, 2 myocardium, 3 or 4 RV cavity. Brought onto the image's grid (`align`) where
        both say what it is; else of the same slices in the same order.
    slice_rule : str
        Of `mid_slice`.
    frame_policy : str
        What becomes of another number than `frames`. "refuse": an error. "interpolate": at least 10 are
        interpolated, linearly and periodically; fewer are an error. "still": of fewer, the first is repeated, so there
        is no motion (`still_cine`).
    frames, size : int
        Of the result.

    Raises
    ------
    DataError
        As `align`, `mid_slice` and `whole_cine`.
    """
    if frame_policy not in FRAME_POLICIES:
        raise ValueError(f"frame_policy is one of {', '.join(FRAME_POLICIES)}; got {frame_policy!r}")
    if labels is not None and is_placed(labels) and is_placed(stack):
        labels = align(labels, stack)
    chosen = mid_slice(stack, labels, slice_rule)
    one, mask = upright(stack.stack([chosen]), None if labels is None else labels.stack([chosen]))
    # NIfTI keeps 32 bits of a size and DICOM its decimals: rounded, both put every pixel where the other does.
    one = dataclasses.replace(one, spacing=tuple(round(length, 5) for length in one.spacing))
    images = one.images[:, 0]
    still = frame_policy == "still" and len(images) < frames
    if still:
        cine = still_cine(images[0], one.spacing, 1, one.source)
    else:
        cine = whole_cine(one, frames, interpolate=frame_policy == "interpolate")
    centre = heart_centre(images, None if mask is None else mask.images[:, 0], one.spacing)
    cine = _square(cine, centre, size)
    return still_cine(cine.frames[0], cine.spacing, frames, one.source) if still else cine


def whole_cine(one: Stack, frames: int = FRAMES, interpolate: bool = False) -> Cine:
    """The beat of a stack of one slice, the whole plane of it, as it lies.

    Raises
    ------
    DataError
        If the image is blank or not finite, the number of frames is refused (`to_frames`), or the time between frames
        is not known or gives no heartbeat.
    """
    images = one.images[:, 0]
    check_pixels(images, one.source)
    images = to_frames(images, frames, interpolate, one.source)
    if not one.frame_interval > 0:
        raise DataError(
            "the time between frames is not known",
            source=one.source,
            remedy=f"write it into the header (pixdim[4]) with its unit; or if none is stated, {STATE}",
        )
    check_beat(one.frame_count, one.frame_interval, one.source)
    return Cine(images, one.spacing, one.frame_interval * one.frame_count / frames, one.source)


def still_cine(image: np.ndarray, spacing: tuple[float, float], frames: int = FRAMES, source: str = "") -> Cine:
    """A cine that repeats one image (H, W): it holds no motion, and its beat, of 1 s, is nominal.

    Only for passing a real still image through an encoder of cines. Nothing that depends on motion (ejection fraction,
    strain, stroke volume) can be read from it, and no result for it stands for a result on cines.
    """
    repeated = np.repeat(np.asarray(image, dtype=np.float32)[None], frames, axis=0)
    return Cine(repeated, spacing, STILL_BEAT / frames, source)


def to_frames(images: np.ndarray, frames: int, allowed: bool, source: object) -> np.ndarray:
    """Images (frames, H, W) evenly over the beat, of images (F, H, W): as they are, or interpolated where allowed.

    Raises
    ------
    DataError
        If there is another number and it may not, or with fewer than 10 cannot, be interpolated.
    """
    acquired = len(images)
    if acquired == frames:
        return images
    if acquired < FEWEST_FRAMES:
        raise DataError(
            f"{acquired} frames of the beat, not {frames}",
            source=source,
            remedy="use a full cine; so few frames are not interpolated, since that would invent motion",
        )
    if not allowed:
        raise DataError(
            f"{acquired} frames, not {frames}",
            source=source,
            remedy="give a cine with that number, or allow interpolation: read_cine(..., resample_frames=True), "
            'cut_cine(..., frame_policy="interpolate")',
        )
    place = np.arange(frames) * acquired / frames
    before = place.astype(int)
    weight = (place - before).astype(np.float32)[:, None, None]
    return (1 - weight) * images[before] + weight * images[(before + 1) % acquired]


def check_pixels(images: np.ndarray, source: object) -> None:
    """Raise unless pixels are finite and not all the same.

    Raises
    ------
    DataError
        With the value of a blank image.
    """
    if not np.isfinite(images).all():
        raise DataError("pixel values that are not finite", source=source, remedy="export the series again")
    if images.max() == images.min():
        raise DataError(
            f"a blank image: every pixel is {images.max():g}", source=source, remedy="export the series again"
        )


def _check_fit(stack: ShortAxis, labels: Stack) -> None:
    if labels.shape[1:] != stack.shape[1:] or labels.frame_count not in (1, stack.shape[0]):
        raise DataError(
            f"labels of shape {labels.shape} for images of shape {stack.shape}",
            source=labels.source,
            remedy="give labels of the same slices, of one frame or all; cut padded ones to the image: align()",
        )
    one, two = ((*sorted(each.spacing), each.slice_spacing) for each in (labels, stack))
    differ = [abs(length - other) > AGREE * other for length, other in zip(one, two)]  # not where one is unknown
    if any(differ) and not (labels.nominal or stack.nominal):
        raise DataError(
            f"labels with voxels of {_size(one)} mm, and {_size(two)} mm in {stack.source or 'their image'}",
            source=labels.source,
            remedy="write the image's spacing into the labels (pixdim) too: volumes are measured by it",
        )


def _size(lengths: tuple[float, ...]) -> str:
    return " x ".join(f"{length:g}" for length in lengths)


def _square(cine: Cine, centre: tuple[float, float], size: int) -> Cine:
    """The cine, `size` pixels square about a centre, resampled if its pixel size is another than a cohort's."""
    if all(abs(length / SPACING - 1) <= CLOSE for length in cine.spacing):
        return dataclasses.replace(cine, frames=crop_or_pad(cine.frames, size, centre))
    frames = resample_plane(cine.frames, cine.spacing, centre, size)
    return dataclasses.replace(cine, frames=frames, spacing=(SPACING, SPACING))
