"""The image plane: cut, padded, resampled and centred, in pixels and mm."""

from __future__ import annotations

import math

import numpy as np

SIZE = 80  # pixels, rows and columns of every cine inside a cohort
SPACING = 1.8  # mm, of every cine that this project makes
SLICE_SPACING = 8.0  # mm, of the stacks that are simulated, and in the header of a cine, where it is nominal


def crop_or_pad(images: np.ndarray, size: int, centre: tuple[float, float] | None = None) -> np.ndarray:
    """Images (..., size, size) at whole pixels about a centre of images (..., H, W), padded with 0 outside of them.

    `centre` is a row and a column, rounded so that it comes to lie within half a pixel of the middle of the result; by
    default it is the image's.
    """
    for axis, place in zip((-2, -1), centre or (None, None)):
        length = images.shape[axis]
        start = int((length - size) / 2) if place is None else math.floor(place - size / 2 + 1)
        inside = range(max(start, 0), min(start + size, length))
        images = np.take(images, inside, axis=axis)
        if len(inside) < size:
            width = [(0, 0)] * images.ndim
            before = min(max(-start, 0), size)
            width[axis] = (before, size - len(inside) - before)
            images = np.pad(images, width)
    return images


def resample_plane(
    images: np.ndarray,
    spacing: tuple[float, float],
    centre: tuple[float, float] | None = None,
    size: int = SIZE,
    target: float = SPACING,
    labels: bool = False,
) -> np.ndarray:
    """Images (..., size, size) with square pixels, cut from images (..., H, W) about a centre; 0 outside of them.

    Parameters
    ----------
    images : ndarray, shape (..., H, W)
        Intensity or labels.
    spacing : tuple of float
        Pixel size, mm, (row, column).
    centre : tuple of float, optional
        Row and column (pixels, fractions allowed) that become the centre, as from `mask_centre`; by default the
        image's centre.
    size : int
        Rows and columns of the result.
    target : float
        Pixel size of the result, mm.
    labels : bool
        Whether values are labels (nearest pixel) or intensities (linear, smoothed first where pixels get larger).
    """
    from scipy.ndimage import affine_transform, gaussian_filter

    images = np.asarray(images, dtype=np.float32)
    middle = np.array([(images.shape[-2] - 1) / 2, (images.shape[-1] - 1) / 2]) if centre is None else np.array(centre)
    step = target / np.array(spacing, dtype=float)  # input pixels per output pixel
    offset = middle - step * (size - 1) / 2
    flat = images.reshape(-1, *images.shape[-2:])
    result = np.empty((len(flat), size, size), dtype=np.float32)
    for image, out in zip(flat, result):
        if not labels:
            image = gaussian_filter(image, np.maximum(0.0, (step - 1) / 2))
        affine_transform(image, step, offset, output_shape=(size, size), output=out, order=0 if labels else 1)
    return result.reshape(*images.shape[:-2], size, size)


def mask_centre(mask: np.ndarray) -> tuple[float, float]:
    """Row and column of the centre of mass of a mask (..., H, W).

    Raises
    ------
    ValueError
        If the mask is empty.
    """
    *_, rows, columns = np.nonzero(mask)
    if not len(rows):
        raise ValueError("the mask is empty, so it has no centre")
    return float(rows.mean()), float(columns.mean())
