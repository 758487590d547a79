"""Ventricular volumes, ejection fractions and mass of label stacks: the traits that masks hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccl.data.slices import CAVITY, MUSCLE, RIGHT
from eccl.records import DataError

if TYPE_CHECKING:
    from eccl.data.cmr import Stack

DENSITY = 1.05  # g/ml of myocardium
FEWEST_SLICES = 3  # that hold LV cavity: fewer are no ventricle
KNOWN = (0, *CAVITY, *MUSCLE, *RIGHT)


def volumes(labels: Stack, label: int) -> np.ndarray:
    """Volume (F,) in ml of one label at each phase: its voxels times their size.

    Parameters
    ----------
    labels : Stack
    label : int
        1 LV cavity, 2 LV myocardium, 3 or 4 RV cavity.

    Raises
    ------
    DataError
        If the voxel size is nominal or unknown, or a label is none of these.
    """
    check_labels(labels)
    if labels.nominal or not _voxel(labels) > 0:
        raise DataError(
            "the voxel size is nominal or unknown, so there are no ml",
            source=labels.source or None,
            remedy="give the real spacing, or use ratios alone: ejection fractions",
        )
    return _count(labels, (label,)) * _voxel(labels)


def mass(labels: Stack) -> float:
    """Mass of the LV myocardium (label 2) in g at end-diastole, the phase of the largest LV cavity, at 1.05 g/ml.

    Raises
    ------
    DataError
        As `volumes`, and if no pixel is labelled 1 or 2.
    """
    phase = int(_ventricle(labels).argmax())
    muscle = float(volumes(labels, MUSCLE[0])[phase])
    if not muscle:
        raise DataError(
            f"no pixel is labelled 2, LV myocardium, at phase {phase}",
            source=labels.source or None,
            remedy="give masks that hold the myocardium at end-diastole",
        )
    return muscle * DENSITY


def mask_traits(ed: Stack, es: Stack | None = None) -> dict[str, float]:
    """The traits that masks allow, by their names in `eccl.traits`: volumes in ml, ejection fractions in %, mass in g.

    lv_edv, lv_esv, lv_sv, lv_ef, rv_edv, rv_esv, rv_sv, rv_ef and lv_mass. Without an RV label, or with an RV that the
    border of the image cuts off, there is no rv_*; without myocardium no lv_mass; without a second phase lv_edv and
    lv_mass alone; and where the spacing is nominal only the ejection fractions, which are ratios.

    Parameters
    ----------
    ed : Stack
        Labels at end-diastole; or, without `es`, at many phases, of which that with the largest LV cavity is
        end-diastole and that with the smallest end-systole.
    es : Stack, optional
        Labels at end-systole; it may have fewer slices.

    Raises
    ------
    DataError
        If a label is unknown, the LV is missing, smaller at end-diastole, in fewer than 3 slices or cut off by the
        border of the image, or the two stacks differ in their spacing.
    """
    if es is None:
        cavity = _ventricle(ed)
        phases = [(ed, int(cavity.argmax()))] + [(ed, int(cavity.argmin()))] * (ed.phases > 1)
    else:
        phases = [(ed, 0), (es, 0)]
        _check_pair(ed, es)
    for stack, phase in phases:
        _check_whole(stack, phase)
    size, nominal = _voxel(ed), ed.nominal or not _voxel(ed) > 0
    traits = {}
    for name, label in (("lv", CAVITY), ("rv", RIGHT)):
        counts = [float(_count(stack, label)[phase]) for stack, phase in phases]
        if name == "rv" and (
            len(phases) == 1 or not all(counts) or any(_cut_off(stack, phase, RIGHT) for stack, phase in phases)
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
    muscle = _count(ed, MUSCLE)[phases[0][1]]
    if muscle and not nominal:
        traits["lv_mass"] = float(muscle) * size * DENSITY
    return traits


def check_labels(labels: Stack) -> None:
    """Nothing, if every label is one that is known here: 0, 1, 2 and 3 or 4.

    Raises
    ------
    DataError
        If one is not, with its value.
    """
    values = np.unique(labels.images)
    unknown = values[~np.isin(values, KNOWN)]
    if len(unknown):
        fractional = np.mod(unknown[0], 1) != 0
        raise DataError(
            f"{'fractional labels' if fractional else 'an unknown label'}: {unknown[0]:g}",
            source=labels.source or None,
            remedy="resample labels by nearest neighbour; 0 is background, 1 LV cavity, 2 myocardium, 3 or 4 RV cavity",
        )
    if np.isin(RIGHT, values).all():
        raise DataError(
            "the labels 3 and 4 in one mask, which both stand for the RV cavity",
            source=labels.source or None,
            remedy="keep 3 for the RV cavity",
        )


def _voxel(labels: Stack) -> float:
    """Size of a voxel, ml; NaN if unknown."""
    return float(np.prod(labels.spacing) * labels.slice_spacing / 1000)


def _count(labels: Stack, which: tuple[int, ...]) -> np.ndarray:
    return np.isin(labels.images, which).sum(axis=(1, 2, 3))


def _ventricle(labels: Stack) -> np.ndarray:
    """Pixels of LV cavity at each phase (F,), of checked labels; none of them 0."""
    check_labels(labels)
    cavity = _count(labels, CAVITY)
    if not cavity.all():
        raise DataError(
            f"no pixel is labelled 1, LV cavity, at phase {int(cavity.argmin())}",
            source=labels.source or None,
            remedy="check the label values, or give the segmented phases alone",
        )
    return cavity


def _check_pair(ed: Stack, es: Stack) -> None:
    diastole, systole = _ventricle(ed), _ventricle(es)
    if len(diastole) > 1 or len(systole) > 1:
        raise DataError(
            f"{len(diastole)} and {len(systole)} phases, not one at end-diastole and one at end-systole",
            source=ed.source or None,
            remedy="give one stack of all phases, or two of one",
        )
    one, two = (*ed.spacing, ed.slice_spacing), (*es.spacing, es.slice_spacing)
    if not np.allclose(one, two, rtol=1e-3):
        raise DataError(
            f"a spacing of {one} mm at end-diastole and of {two} mm at end-systole",
            source=es.source or None,
            remedy="give masks of one acquisition",
        )
    if systole[0] > diastole[0]:
        raise DataError(
            f"an LV cavity of {diastole[0]} voxels at end-diastole and of {systole[0]} at end-systole",
            source=es.source or None,
            remedy="give end-diastole first",
        )


def _check_whole(labels: Stack, phase: int) -> None:
    if _cut_off(labels, phase, CAVITY + MUSCLE):
        raise DataError(
            f"the LV touches the border of the image at phase {phase}: the heart is cut off",
            source=labels.source or None,
            remedy="give masks of the whole field of view",
        )
    held = int(np.isin(labels.images[phase], CAVITY).any(axis=(1, 2)).sum())
    if held < FEWEST_SLICES:
        raise DataError(
            f"LV cavity in {held} slices, fewer than the {FEWEST_SLICES} that a ventricle takes",
            source=labels.source or None,
            remedy="give the whole stack, from base to apex",
        )


def _cut_off(labels: Stack, phase: int, which: tuple[int, ...]) -> bool:
    there = np.isin(labels.images[phase], which)
    return bool(there[:, [0, -1]].any() or there[:, :, [0, -1]].any())
