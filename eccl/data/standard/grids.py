"""Labels and image on one grid: brought there by whole voxels, along axes that run either way."""

from __future__ import annotations

import dataclasses

import numpy as np

from eccl.data.standard.labels import CAVITY
from eccl.data.standard.orientation import regrid
from eccl.records import DataError, ShortAxis, Stack

_DRIFT = 0.1  # voxels between two grids that count as none


def align(labels: Stack, image: ShortAxis) -> Stack:
    """The labels on the image's grid: turned, cut, or padded with 0, by the whole voxels that their affines say.

    Raises
    ------
    DataError
        If a grid is not known; they differ in direction by other than right angles, in voxel size or by a fraction of a
        voxel (above 0.1); or LV cavity is labelled outside of the image.
    """
    for stack in (labels, image):
        if stack.affine is None:
            raise DataError(
                "the file does not say where its voxels are",
                source=stack.source,
                remedy="write its affine (sform or qform); labels of the very same slices need no align()",
            )
    turned = _turned(labels, image.affine)
    between = _between(turned, image.affine)
    length = np.array(turned.images.shape[:0:-1])  # columns, rows, slices
    drift = np.abs(between[:3, :3] - np.eye(3)) @ length  # over the whole grid, in voxels
    offset = between[:3, 3]
    if not (drift <= _DRIFT).all() or not (np.abs(offset - np.rint(offset)) <= _DRIFT).all():
        raise DataError(
            f"labels on another grid ({_grid(labels)}) than {image.source or 'their image'} ({_grid(image)})",
            source=labels.source,
            remedy="resample the labels to the image, by nearest neighbour, in the tool that made them",
        )
    aligned = turned.images
    for axis, shift in zip((3, 2, 1), np.rint(offset)):
        place = np.arange(image.shape[axis]) - shift
        inside = (place >= 0) & (place < aligned.shape[axis])
        shape = [1] * 4
        shape[axis] = len(place)
        taken = np.take(aligned, np.clip(place, 0, aligned.shape[axis] - 1).astype(int), axis=axis)
        aligned = np.where(inside.reshape(shape), taken, np.float32(0))
    labelled, remaining = (int(np.isin(images, CAVITY).sum()) for images in (turned.images, aligned))
    if remaining < labelled:
        raise DataError(
            f"{labelled - remaining} of {labelled} voxels of LV cavity are labelled outside of "
            f"{image.source or 'their image'} ({_grid(labels)}, and {_grid(image)})",
            source=labels.source,
            remedy="give the labels of this image, with the affine that they were drawn in",
        )
    return dataclasses.replace(
        turned, images=aligned, affine=image.affine, spacing=image.spacing, slice_spacing=image.slice_spacing
    )


def is_placed(stack: ShortAxis) -> bool:
    """Whether it says where its voxels are; one slice of unknown thickness does not."""
    return stack.affine is not None and np.isfinite(stack.slice_spacing)


def _turned(labels: Stack, affine: np.ndarray) -> Stack:
    """The labels with their axes in the order and sense of another grid's, if they are parallel to them."""
    nearest = np.rint(_between(labels, affine)[:3, :3])
    order = np.abs(nearest).argmax(axis=1)
    if sorted(order) != [0, 1, 2] or np.abs(nearest).sum() != 3:
        return labels  # of another direction: it is refused with its own numbers
    return regrid(labels, order.tolist(), [int(nearest[axis, old]) for axis, old in enumerate(order)])


def _between(labels: Stack, affine: np.ndarray) -> np.ndarray:
    """From a voxel of the labels to one of another grid; NaN where that is none."""
    try:
        with np.errstate(invalid="ignore"):
            return np.linalg.solve(affine, labels.affine)
    except np.linalg.LinAlgError:
        return np.full((4, 4), np.nan)


def _grid(stack: ShortAxis) -> str:
    corner, axes = stack.affine[:3, 3], stack.affine[:3, :3].T
    steps = ", ".join(f"({' '.join(f'{value:.3g}' for value in axis)})" for axis in axes)
    return f"{stack.shape[:0:-1]} voxels from ({' '.join(f'{value:.4g}' for value in corner)}) mm in steps {steps}"
