"""A heart in any image format as a cohort's cine, and the traits of its masks: what the adapters of CMR share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eccl.data.cmr import open_image, read_image
from eccl.data.formats.dicom_cine import DicomCine
from eccl.data.measure.masks import mask_traits
from eccl.data.standard.grids import align, is_placed
from eccl.data.standard.labels import check_labels, labelled_phases, whole_labels
from eccl.data.standard.slices import check_pixels, cut_cine
from eccl.records import Cine, DataError, Stack

FEWER = ("refuse", "interpolate", "still")
RULES = ("middle", "rv")


def read_heart(
    path: Path | str,
    masks: Sequence[Path | str] = (),
    *,
    fewer: str = "refuse",
    rule: str = "middle",
    units: tuple[str, str] | None = None,
    nominal: bool = False,
    relabel: Mapping[int, int] | None = None,
) -> tuple[Cine, int]:
    """The cine of a cohort from an image, and how many phases of the beat were acquired.

    Parameters
    ----------
    path : path
        NIfTI; or a zip, folder or file of DICOM. Only the chosen slice is decoded.
    masks : sequence of path
        NIfTI with labels of all phases, or of some with the others empty; or of end-diastole and, behind it, of
        end-systole. Brought onto the image's grid where both say what it is; else of the same slices in the same order.
    fewer, rule : str
        As in `eccl.data.standard.slices.cut_cine`.
    units, nominal
        As in `eccl.data.cmr.read_image`, for image and mask.
    relabel : mapping of int to int, optional
        Of the mask's labels to 1 LV cavity, 2 myocardium, 3 RV cavity.

    Raises
    ------
    DataError
        As the readers; if the rule "rv" is asked for and no mask is of end-systole; and if the mask of slices that were
        put in order here, as those of DICOM are, does not say where they lie.
    """
    image = open_image(path, units, nominal)
    if not masks:
        return _seen(cut_cine(image, None, rule, fewer)), image.shape[0]
    paths = masks[::-1] if rule == "rv" else masks
    labels, *others = (_read_mask(path, units, nominal, relabel) for path in paths)
    for other in others:  # it chooses no slice, but is measured: a mask of another scan would be in silence
        if is_placed(other) and is_placed(image):
            align(other, image)
    if rule == "rv" and len(masks) == 1 and len(labelled_phases(labels)) == 1:
        remedy = 'give a mask of end-systole too, or choose by the LV: rule="middle"'
        raise DataError("no mask of end-systole, by which the slice is to be chosen", source=masks[0], remedy=remedy)
    if isinstance(image, DicomCine) and image.slices > 1 and labels.affine is None:
        remedy = "write its affine (sform or qform), so that its slices can be told from base to apex"
        raise DataError(
            "the mask of a DICOM cine does not say where its voxels are", source=labels.source, remedy=remedy
        )
    return _seen(cut_cine(image, labels, rule, fewer)), image.shape[0]


def _seen(cine: Cine) -> Cine:
    check_pixels(cine.frames, cine.source)
    return cine


def measure(
    masks: Sequence[Path | str],
    *,
    units: tuple[str, str] | None = None,
    nominal: bool = False,
    relabel: Mapping[int, int] | None = None,
) -> dict[str, float]:
    """Traits (`measure.masks.mask_traits`) of a mask of all phases, or of masks of ED and ES; none of no mask."""
    return mask_traits(*(_read_mask(path, units, nominal, relabel) for path in masks)) if masks else {}


def _read_mask(
    path: Path | str, units: tuple[str, str] | None, nominal: bool, relabel: Mapping[int, int] | None
) -> Stack:
    labels = whole_labels(read_image(path, units, nominal))
    check_labels(labels)
    if relabel is None:
        return labels
    images = np.select([labels.images == old for old in relabel], list(relabel.values()), labels.images)
    return replace(labels, images=images.astype(np.float32))
