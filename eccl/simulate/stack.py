"""The simulated heart as a stack of short-axis slices: labels whose voxels are its volumes, and images to go with them.

Slices are planes fixed in space. The apex of the cavity stays where it is and the base moves towards it, so that a
slice near the base leaves the ventricle in systole, as it does in a scanner. The right ventricle is a crescent along
the septum, from the plane of the base down over the effective length that `geometry.contours` divides its volume by.
"""

from __future__ import annotations

import copy
import math

import numpy as np

from eccl.data.standard.plane import SIZE, SLICE_SPACING, SPACING
from eccl.records import FRAMES, Stack
from eccl.simulate.cine import LABELS, WHITE, simulate_cine
from eccl.simulate.geometry import (
    ANGLES,
    BASE,
    LEVELS,
    contours,
    crescent,
    left_ventricle,
    rv_volume_curve,
    volume_curve,
)
from eccl.simulate.heart import Heart
from eccl.simulate.scene import Scene, draw_scene

SHIFT = (14.0, 5.0)  # mm, of the LV centre from the image's, to the patient's left and to the front: a scene's mean
_ALONG_ROW, _DOWN = np.array([0.70, 0.71, -0.03]), np.array([-0.30, 0.25, -0.92])  # LPS, as a scan of a heart has them
_CORNER = np.array([-60.0, -150.0, 140.0])  # mm, LPS


def label_stack(
    heart: Heart,
    spacing: float = SPACING,
    slice_spacing: float = SLICE_SPACING,
    size: int = SIZE,
    frames: int = FRAMES,
    scene: Scene | None = None,
) -> Stack:
    """Labels (F, Z, size, size) of the whole heart from base to apex: 1 LV cavity, 2 LV myocardium, 3 RV cavity.

    Parameters
    ----------
    heart : Heart
    spacing, slice_spacing : float
        Size of a pixel and distance between slices, mm.
    size, frames : int
        Rows and columns, and frames of the beat, of which the first is end-diastole.
    scene : Scene, optional
        How the heart is imaged: where its middle slice lies at end-diastole and how it is turned. By default as most
        are. The middle slice of the stack is that one, so there may be empty slices at either end.
    """
    zeta, shift, rotation = (LEVELS[1], SHIFT, 0.0) if scene is None else (scene.zeta, scene.shift, scene.rotation)
    turn = round(rotation + 0.5 * heart.axis)
    ventricle = left_ventricle(heart)
    long = ventricle.long_axis(volume_curve(heart, frames))  # (F,) mm
    base = (BASE + 1) * long
    outline, right = contours(heart, frames), rv_volume_curve(heart, frames)
    area = (outline.rv**2 - outline.epi**2).sum(axis=1) * np.pi / ANGLES  # (F,) mm2, of the RV in every slice
    bottom = base - right * 1000 / area
    middle = (zeta + 1) * ventricle.long  # height above the apex of the cavity, mm
    each_side = math.ceil(max(base.max() - middle, middle - min(bottom.min(), 0.0)) / slice_spacing)
    heights = middle + slice_spacing * np.arange(each_side, -each_side - 1, -1)
    radius, angle = _polar(size, spacing, shift, turn)
    images = np.zeros((frames, len(heights), size * size), np.float32)
    for index, height in enumerate(heights):
        endo, epi = _wall(heart, height, frames)
        below_base = height <= base
        for outlines, inside, name in (
            (crescent(epi, area), below_base & (height >= bottom), "rv"),
            (epi, below_base & (height >= 0), "myocardium"),
            (endo, below_base & (height >= 0), "lv"),
        ):
            chosen = np.flatnonzero(inside)
            within = radius < outlines[chosen][:, angle]
            images[chosen, index] = np.where(within, np.float32(LABELS[name]), images[chosen, index])
            if name == "rv":  # its near boundary is the epicardium, also below the apex of the LV
                images[chosen, index] *= radius >= epi[chosen][:, angle]
    interval = 60000 / heart.heart_rate / frames
    images = images.reshape(frames, len(heights), size, size)
    return Stack(images, (spacing, spacing), slice_spacing, interval, "", oblique(spacing, slice_spacing))


def image_stack(
    heart: Heart, rng: np.random.Generator, slice_spacing: float = SLICE_SPACING, slices: int | None = None
) -> tuple[Stack, Stack]:
    """Images (F, Z, 80, 80), 0 to 255, of the whole heart from base to apex, and their labels.

    The middle slice is the very cine that `simulate_cine` draws from this generator. The others are drawn from the
    labels: bright blood, grey muscle and chest wall, dark lung, noise.

    Parameters
    ----------
    heart : Heart
    rng : Generator
        Of the mechanical nuisance: the participant's `Generators.cine`.
    slice_spacing : float
        Distance between slices, mm.
    slices : int, optional
        How many about the middle one, which stays the middle one; by default the whole heart.
    """
    from scipy.ndimage import uniform_filter

    scene = draw_scene(heart, copy.deepcopy(rng))
    middle = simulate_cine(heart, rng).frames
    labels = label_stack(heart, slice_spacing=slice_spacing, scene=scene)
    if slices is not None:
        first = labels.slice_count // 2 - slices // 2
        labels = labels.stack(range(first, first + slices))
    wall = np.hypot(*np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]) > 1.05
    colours = np.array([0.08, scene.blood, scene.myocardium, scene.blood * scene.right_blood], np.float32)
    images = colours[labels.images.astype(np.intp)]
    images[(labels.images == 0) & wall] = scene.fat
    images = uniform_filter(images, (0, 0, 3, 3))
    images += rng.standard_normal(images.shape, dtype=np.float32) * np.float32(scene.noise)
    images = np.clip(images * np.float32(WHITE), 0, WHITE)
    images[:, labels.slice_count // 2] = middle
    return Stack(images, labels.spacing, slice_spacing, labels.frame_interval, "", labels.affine), labels


def oblique(spacing: float, slice_spacing: float) -> np.ndarray:
    """The affine (4, 4), voxel to mm (RAS), of a short-axis stack that runs from base to apex in a patient."""
    along = _ALONG_ROW / np.linalg.norm(_ALONG_ROW)
    down = _DOWN - (_DOWN @ along) * along
    down /= np.linalg.norm(down)
    affine = np.eye(4)
    affine[:3] = np.stack([along * spacing, down * spacing, np.cross(down, along) * slice_spacing, _CORNER], axis=1)
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _polar(size: int, spacing: float, shift: tuple[float, float], turn: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each pixel to the LV centre in mm, flat, and its direction as an index of a contour."""
    axis = (np.arange(size) - (size - 1) / 2) * spacing
    x, y = axis[None, :] - shift[0], -axis[:, None] - shift[1]
    angle = np.rint(np.rad2deg(np.arctan2(y, x)) - turn).astype(np.intp) % ANGLES
    return np.hypot(x, y).ravel(), angle.ravel()


def _wall(heart: Heart, height: float, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Radii (F, ANGLES) of endocardium and epicardium where a plane cuts the ventricle; beyond an end, those there."""
    ventricle, filled = left_ventricle(heart), volume_curve(heart, frames)
    zeta = np.clip(height / ventricle.long_axis(filled) - 1, -1, BASE)[:, None]
    ring = (zeta <= 0).astype(int) + (zeta <= -0.5)  # the plane passes from ring to ring as the base descends
    cuts = [ventricle.contours(filled, number, zeta) for number in range(3)]
    endo, epi = (np.choose(ring, [cut[side] for cut in cuts]) for side in (0, 1))
    return endo, epi
