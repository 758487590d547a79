"""How a slice lies in the patient, and the one way that a cohort's pictures lie: whatever file a scan comes in.

A file may keep the rows of a picture up or down, its columns for its rows, and its slices from the base or from the
apex: its affine says which. A cohort's cine is seen from the apex, as is the custom, so that the right ventricle lies
on the left of the picture and the wall of the chest above; and of the four ways to turn it the one is taken whose rows
run most to the feet and (half as much) to the back, and whose columns run most to the left and (half as much) to the
back. Scanners put a short-axis slice so themselves. From the middle of the 90 degrees that are turned alike, one real
scan lies 15 degrees away, and what scanners make of axes within 20 degrees of the usual one at most 34; the next 90
begin at 45.

An affine along the axes of the body is invented, since no short-axis slice lies so: a converter's default, as in ACDC,
AutoFD and the files of a cohort. It does not say where the heart is up, so a picture that is not mirrored is left as it
lies. But rows that run against the columns (one of them with an axis of the body, the other against it) were turned
over by a converter, and columns along the body's depth were exchanged for rows: that is undone. Where the affine is
absent or nominal, the pixels are left as they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from eccl.data.formats.axes import BASE_TO_APEX, directions, is_aligned
from eccl.records import Stack

_DOWN, _ACROSS = np.array([0.0, 0.5, -1.0]), np.array([1.0, 0.5, 0.0])  # where rows and columns run to, LPS


def upright(image: Stack, labels: Stack | None = None) -> tuple[Stack, Stack | None]:
    """An image, and labels on its grid, as a cohort's pictures lie; as they are if the image does not say how it lies.

    The order of slices stays.
    """
    if image.affine is None or image.nominal:
        return image, labels
    order, signs = _unmirrored(image.affine) if is_aligned(image.affine) else _turn(image.affine)
    return regrid(image, order, signs), None if labels is None else regrid(labels, order, signs)


def from_base(affine: np.ndarray | None, slices: int, nominal: bool = False) -> np.ndarray:
    """Indices of slices from base to apex; as they are stored where nothing says which end is the base."""
    order = np.arange(slices)
    if affine is None or nominal or is_aligned(affine):
        return order
    return order if (directions(affine)[:, 2] @ BASE_TO_APEX) >= 0 else order[::-1]


def regrid(stack: Stack, order: Sequence[int], signs: Sequence[int]) -> Stack:
    """The same voxels along other axes: axis i of (column, row, slice) is the old axis order[i], backwards at -1."""
    axes = {axis: 3 - axis for axis in range(3)}  # of (column, row, slice) in images (F, Z, H, W)
    images = stack.images.transpose(0, *(axes[order[axis]] for axis in (2, 1, 0)))
    images = images[(slice(None), *(slice(None, None, signs[axis]) for axis in (2, 1, 0)))]
    affine = None if stack.affine is None else stack.affine.copy()
    if affine is not None:
        for axis, (old, sign) in enumerate(zip(order, signs)):
            affine[:, axis] = sign * stack.affine[:, old]
            if sign < 0:
                affine[:, 3] += stack.affine[:, old] * (stack.shape[3 - old] - 1)
    sizes = (stack.spacing[1], stack.spacing[0], stack.slice_spacing)
    column, row, depth = (sizes[old] for old in order)
    return replace(
        stack, images=np.ascontiguousarray(images), spacing=(row, column), slice_spacing=depth, affine=affine
    )


def _unmirrored(affine: np.ndarray) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Order and signs for `regrid` of a slice whose affine lies along the axes of the body."""
    axes = np.rint(directions(affine)[:2, :2])  # to the left and to the back, of columns and of rows
    if abs(axes).sum() != 2:
        return (0, 1, 2), (1, 1, 1)  # not across the body: nobody's default
    swapped = axes[0, 0] == 0
    return ((1, 0, 2) if swapped else (0, 1, 2)), (1, 1 if axes.sum() else -1, 1)


def _turn(affine: np.ndarray) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Order and signs for `regrid` that bring a slice upright."""
    across, down = directions(affine)[:, :2].T
    found = []
    for swapped, one, two in product((False, True), (1, -1), (1, -1)):
        columns, rows = (one * down, two * across) if swapped else (one * across, two * down)
        if np.cross(columns, rows) @ BASE_TO_APEX < 0:  # seen from the apex
            # Rounded, so that between equals the second number decides, and not the last digit of a file.
            score = round(float(columns @ _ACROSS + rows @ _DOWN), 4), round(float(columns[0]), 4)
            found.append((score, ((1, 0, 2) if swapped else (0, 1, 2), (one, two, 1))))
    return max(found, default=(None, ((0, 1, 2), (1, 1, 1))), key=lambda each: each[0])[1]
