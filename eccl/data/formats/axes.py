"""Directions of an image in the patient, as its affine has them."""

from __future__ import annotations

import numpy as np

BASE_TO_APEX = np.array([1.0, -1.0, -1.0])  # roughly, in a patient: to the left, to the front, to the feet (DICOM LPS)
_AXIS = 1 - 1e-6  # cosine of 0.08 degrees


def is_aligned(affine: np.ndarray) -> bool:
    """Whether columns and rows run along axes of the body, as in no short-axis slice."""
    return bool((np.abs(directions(affine)[:, :2]).max(axis=0) > _AXIS).all())


def directions(affine: np.ndarray) -> np.ndarray:
    """Unit directions (3, 3) of column, row and slice, one a column, to the patient's left, back and head."""
    axes = np.diag([-1.0, -1.0, 1.0]) @ affine[:3, :3]
    return axes / np.linalg.norm(axes, axis=0)
