"""A scan in any image format as a cohort's cine, with its masks: what the adapters of CMR share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eccl.data.cmr import open_image, read_image
from eccl.data.formats.dicom_cine import DicomCine
from eccl.data.measure.masks import mask_traits
from eccl.data.standard.grids import align, is_placed
from eccl.data.standard.labels import check_labels, labelled_frames, whole_labels
from eccl.data.standard.slices import check_pixels, cut_cine
from eccl.records import Cine, DataError, ShortAxis, Stack


class Scan(NamedTuple):
    """The cine of a cohort, how many frames of the beat were acquired, and the masks as their files hold them."""

    cine: Cine
    frame_count: int
    masks: tuple[Stack, ...]

    def traits(self) -> dict[str, float]:
        """What the masks measure (`eccl.data.measure.masks.mask_traits`); nothing without masks."""
        return mask_traits(*self.masks) if self.masks else {}


def read_scan(
    path: Path | str,
    masks: Sequence[Path | str] = (),
    *,
    frame_policy: str = "refuse",
    slice_rule: str = "middle",
    units: tuple[str, str] | None = None,
    nominal: bool = False,
    relabel: Mapping[int, int] | None = None,
) -> Scan:
    """The cine of a cohort from an image and its masks.

    Parameters
    ----------
    path : path
        NIfTI; or a zip, folder or file of DICOM. Only the chosen slice is decoded.
    masks : sequence of path
        NIfTI with labels of all frames, or of some with the others empty; or of end-diastole and, behind it, of
        end-systole. Brought onto the image's grid where both say what it is; else of the same slices in the same order.
    frame_policy, slice_rule : str
        As in `eccl.data.standard.slices.cut_cine`.
    units, nominal
        As in `eccl.data.cmr.read_image`, for image and mask.
    relabel : mapping of int to int, optional
        Of the mask's labels to 1 LV cavity, 2 myocardium, 3 RV cavity.

    Raises
    ------
    DataError
        As the readers; if slice_rule "rv" is asked for and no mask is of end-systole; and if the mask of slices that
        were put in order here, as those of DICOM are, does not say where they lie.
    """
    image = open_image(path, units, nominal)
    labels = tuple(_read_mask(mask, units, nominal, relabel) for mask in masks)
    cine = cut_cine(image, _chooser(image, labels, slice_rule), slice_rule, frame_policy)
    check_pixels(cine.frames, cine.source)
    return Scan(cine, image.frame_count, labels)


def _chooser(image: ShortAxis, labels: Sequence[Stack], slice_rule: str) -> Stack | None:
    """The mask by which the slice is chosen, all of them having been compared with the image."""
    if not labels:
        return None
    *others, chooser = labels if slice_rule == "rv" else labels[::-1]
    for other in others:  # it chooses no slice, but is measured: a mask of another scan would be in silence
        if is_placed(other) and is_placed(image):
            align(other, image)
    if slice_rule == "rv" and len(labels) == 1 and len(labelled_frames(chooser)) == 1:
        remedy = 'give a mask of end-systole too, or choose by the LV: slice_rule="middle"'
        problem = "no mask of end-systole, by which the slice is to be chosen"
        raise DataError(problem, source=chooser.source, remedy=remedy)
    if isinstance(image, DicomCine) and image.slice_count > 1 and chooser.affine is None:
        remedy = "write its affine (sform or qform), so that its slices can be told from base to apex"
        problem = "the mask of a DICOM cine does not say where its voxels are"
        raise DataError(problem, source=chooser.source, remedy=remedy)
    return chooser


def _read_mask(
    path: Path | str, units: tuple[str, str] | None, nominal: bool, relabel: Mapping[int, int] | None
) -> Stack:
    labels = whole_labels(read_image(path, units, nominal))
    check_labels(labels)
    if relabel is None:
        return labels
    images = np.select([labels.images == old for old in relabel], list(relabel.values()), labels.images)
    return replace(labels, images=images.astype(np.float32))
