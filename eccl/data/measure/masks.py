"""Ventricular volumes, ejection fractions and mass of label stacks: the traits that masks hold.

The two phases of the beat that are measured, end-diastole and end-systole, are frames of one stack or of two.
"""

from __future__ import annotations

import numpy as np

from eccl.data.standard.labels import (
    CAVITY,
    MUSCLE,
    RIGHT,
    check_labels,
    count,
    end_diastole,
    end_systole,
    labelled_frames,
)
from eccl.records import DataError, Stack

DENSITY = 1.05  # g/ml of myocardium
FEWEST_SLICES = 3  # that hold LV cavity: fewer are no ventricle


def mask_traits(ed: Stack, es: Stack | None = None) -> dict[str, float]:
    """The traits that masks allow, by their names in `eccl.traits`: volumes in ml, ejection fractions in %, mass in g.

    lv_edv, lv_esv, lv_sv, lv_ef, rv_edv, rv_esv, rv_sv, rv_ef and lv_mass. Without an RV label, or with an RV that the
    border of the image cuts off, there is no rv_*; without myocardium no lv_mass; without a second frame lv_edv and
    lv_mass alone; and where the spacing is nominal only the ejection fractions, which are ratios.

    Parameters
    ----------
    ed : Stack
        Labels at end-diastole; or, without `es`, of many frames. Of those that hold labels the one with the largest LV
        cavity is end-diastole and the one with the smallest end-systole; the others may be empty.
    es : Stack, optional
        Labels at end-systole; it may have fewer slices.

    Raises
    ------
    DataError
        If a label is unknown, the LV is missing, no larger at end-diastole than at end-systole, in fewer than 3 slices
        or cut off by the border of the image, or the two stacks differ in their spacing.
    """
    check_labels(ed)
    phases = [(ed, end_diastole(ed))]
    if es is not None:
        check_labels(es)
        phases.append((es, end_diastole(es)))
        _check_pair(ed, es)
    elif len(labelled_frames(ed)) > 1:
        phases.append((ed, end_systole(ed)))
    for stack, frame in phases:
        _check_whole(stack, frame)
    if len(phases) == 2:
        _check_beat(phases)
    size, nominal = _voxel(ed), ed.nominal or not _voxel(ed) > 0
    traits = {}
    for name, label in (("lv", CAVITY), ("rv", RIGHT)):
        counts = [float(count(stack, label)[frame]) for stack, frame in phases]
        if name == "rv" and (
            len(phases) == 1 or not all(counts) or any(_cut_off(stack, frame, RIGHT) for stack, frame in phases)
        ):
            continue
        if not nominal:
            traits[f"{name}_edv"] = counts[0] * size
        if len(counts) == 1:
            continue
        if not nominal:
            traits[f"{name}_esv"] = counts[1] * size
            traits[f"{name}_sv"] = (counts[0] - counts[1]) * size
        traits[f"{name}_ef"] = 100 * (1 - counts[1] / counts[0])
    muscle = count(ed, MUSCLE)[phases[0][1]]
    if muscle and not nominal:
        traits["lv_mass"] = float(muscle) * size * DENSITY
    return traits


def _voxel(labels: Stack) -> float:
    """Size of a voxel, ml; NaN if unknown."""
    return float(np.prod(labels.spacing) * labels.slice_spacing / 1000)


def _check_pair(ed: Stack, es: Stack) -> None:
    labelled = [len(labelled_frames(labels)) for labels in (ed, es)]
    if labelled != [1, 1]:
        raise DataError(
            f"{labelled[0]} and {labelled[1]} frames with labels, not one at end-diastole and one at end-systole",
            source=ed.source or None,
            remedy="give one stack of all frames, or two of one",
        )
    one, two = (*ed.spacing, ed.slice_spacing), (*es.spacing, es.slice_spacing)
    if not np.allclose(one, two, rtol=1e-3):
        raise DataError(
            f"a spacing of {one} mm at end-diastole and of {two} mm at end-systole",
            source=es.source or None,
            remedy="give masks of one acquisition",
        )


def _check_beat(phases: list[tuple[Stack, int]]) -> None:
    large, small = (count(labels, CAVITY)[frame] for labels, frame in phases)
    if small >= large:
        raise DataError(
            f"an LV cavity of {large} voxels at end-diastole and of {small} at end-systole",
            source=phases[1][0].source or None,
            remedy="give masks of the two phases, end-diastole first",
        )


def _check_whole(labels: Stack, frame: int) -> None:
    if _cut_off(labels, frame, CAVITY + MUSCLE):
        raise DataError(
            f"the LV touches the border of the image at frame {frame}: the heart is cut off",
            source=labels.source or None,
            remedy="give masks of the whole field of view",
        )
    held = int(np.isin(labels.images[frame], CAVITY).any(axis=(1, 2)).sum())
    if held < FEWEST_SLICES:
        raise DataError(
            f"LV cavity in {held} slices, fewer than the {FEWEST_SLICES} that a ventricle takes",
            source=labels.source or None,
            remedy="give the whole stack, from base to apex",
        )


def _cut_off(labels: Stack, frame: int, which: tuple[int, ...]) -> bool:
    labelled = np.isin(labels.images[frame], which)
    return bool(labelled[:, [0, -1]].any() or labelled[:, :, [0, -1]].any())
