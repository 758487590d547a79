"""The cine of a heart: 50 bSSFP-like frames of a mid-ventricular short-axis slice, and their label maps.

Row 0 is anterior and column 0 is the patient's right, so the right ventricle is on the left of the image. Every
outline is a radius in each direction from one centre (`geometry.contours`), so a pixel's distance to an outline is the
difference of two radii, and its polar coordinates are computed once for all frames. Images over time are
(pixels, frames) until the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eccl.data.standard.plane import SIZE, SPACING
from eccl.records import FRAMES, Cine
from eccl.simulate.geometry import ANGLES, RV_CENTRE, RV_HALF_WIDTH, THETA, contours, emptying
from eccl.simulate.heart import Heart
from eccl.simulate.scene import (
    AXIS,
    Pixels,
    Scene,
    cover,
    draw_scene,
    locate,
    paint,
    reach,
    surroundings,
    texture,
)

WHITE = 255.0
LABELS = {"background": 0, "lv": 1, "myocardium": 2, "rv": 3}  # papillary muscles belong to the cavity

# 1 on the middle of the RV, 0 outside it
_SECTOR = np.clip(1 - ((np.arange(ANGLES) - RV_CENTRE) / (RV_HALF_WIDTH + 8)) ** 2, 0, 1)


def simulate_cine(heart: Heart, rng: np.random.Generator) -> Cine:
    """The cine of a heart: 50 frames of 80 x 80 pixels of 1.8 mm, intensity 0 to 255.

    Parameters
    ----------
    heart : Heart
    rng : Generator
        Of the mechanical nuisance: the participant's `Generators.cine`.
    """
    scene = draw_scene(heart, rng)
    outlines = _outlines(heart, scene, rng)
    pixels = locate(heart, scene)
    emptied = _emptied(heart)
    flow = np.abs(np.gradient(emptied)).astype(np.float32)
    blood = np.float32(scene.blood) * (1 - flow)  # fast blood loses signal
    still = surroundings(heart, scene, pixels, outlines.fat[:, 0], rng)
    image = np.repeat(still[:, None], FRAMES, axis=1)
    drawing = _Drawing(image, heart, scene, pixels, outlines, emptied, blood, flow)
    _paint_heart(drawing, rng)
    _paint_left_muscles(drawing, rng)
    _paint_right_muscles(drawing, rng)
    if scene.aorta is not None:
        _paint_aorta(drawing)
    return Cine(_acquire(image, scene, flow, rng), (SPACING, SPACING), 60000 / heart.heart_rate / FRAMES)


def label_frames(heart: Heart, rng: np.random.Generator) -> np.ndarray:
    """Label maps (F, H, W) uint8 of the frames that `simulate_cine` draws from a generator in the same state.

    The labels are those of `LABELS`: 1 LV cavity with its papillary muscles, 2 myocardium of the LV, 3 RV cavity.
    """
    scene = draw_scene(heart, rng)
    outlines = _outlines(heart, scene, rng)
    pixels = locate(heart, scene)
    radius = pixels.radius[:, None]
    labels = np.zeros((SIZE * SIZE, FRAMES), np.uint8)
    for outline, label in ((outlines.right, 3), (outlines.epi, 2), (outlines.endo, 1)):
        labels[radius < outline[pixels.angle]] = label
    return np.ascontiguousarray(labels.T).reshape(FRAMES, SIZE, SIZE)


@dataclass(frozen=True, eq=False)
class _Outlines:
    """Radii (ANGLES, F) float32 in mm about the LV centre at end-diastole, in the heart's own directions."""

    inner: np.ndarray  # LV blood free of trabeculae
    endo: np.ndarray
    epi: np.ndarray
    right_inner: np.ndarray  # RV blood free of trabeculae
    right: np.ndarray  # far boundary of the RV cavity
    muscle: np.ndarray  # outside of both ventricles
    fat: np.ndarray  # outside of the epicardial fat


class _Drawing(NamedTuple):
    """What is painted on, in place, and what decides how."""

    image: np.ndarray  # (pixels, F)
    heart: Heart
    scene: Scene
    pixels: Pixels
    outlines: _Outlines
    emptied: np.ndarray  # (F,), share of the stroke volume that has left the ventricle
    blood: np.ndarray  # (F,), its intensity
    flow: np.ndarray  # (F,), how fast it moves


def _emptied(heart: Heart) -> np.ndarray:
    return np.clip(emptying(heart), 0, 1).astype(np.float32)


def _waves(low: int, high: int, rng: np.random.Generator) -> np.ndarray:
    """A random smooth profile (ANGLES,) around the ring, of unit variance and `low` to `high` waves."""
    count = np.arange(low, high + 1)[:, None]
    a, b = rng.standard_normal((2, len(count), 1))
    return (a * np.cos(count * THETA) + b * np.sin(count * THETA)).sum(axis=0) / np.sqrt(len(count))


def _outlines(heart: Heart, scene: Scene, rng: np.random.Generator) -> _Outlines:
    """The heart's outlines in this slice, slightly oval, moving towards the RV in systole, with trabeculae and fat."""
    shape = contours(heart, FRAMES, scene.zeta)
    oval = 1 + 0.02 * _waves(2, 4, rng)
    oval /= np.sqrt(np.mean(oval**2))  # keeps the area
    travel = _emptied(heart)[:, None] * (1 - heart.lv_esv / heart.lv_edv)
    move = travel * (2.5 * np.sin(THETA) - 3.0 * np.cos(THETA))  # mm, to anterior and to the septum
    endo, epi, right = (outline * oval + move for outline in (shape.endo, shape.epi, shape.rv))

    rough = np.clip(0.9 + 0.9 * _waves(7, 16, rng), 0, None)
    inner = endo - rough * (0.4 + 0.6 * endo / endo[:1])
    rough = np.clip(1.6 + 1.5 * _waves(9, 22, rng), 0, None)
    right_inner = np.maximum(right - rough * _SECTOR, epi)

    slope = (np.roll(right, -1, axis=1) - np.roll(right, 1, axis=1)) / (2 * np.pi / 180)
    oblique = np.clip(np.hypot(1, slope / right), 1, 2.2)  # a radius crosses the RV wall at a slant
    muscle = _soften(np.where(right > epi, right + 2.0 * oblique, epi))
    pad = 0.2 + 0.12 * max(heart.bmi - 20, 0) + 1.3 * _waves(1, 5, rng)
    fat = muscle + np.clip(pad * (0.4 + 0.9 * _SECTOR), 0, None)
    fat += 0.45 * np.clip(fat[:1] - fat, 0, None) * _SECTOR  # fat follows the RV as it empties
    tables = (inner, endo, epi, right_inner, right, muscle, _soften(fat))
    return _Outlines(*(np.ascontiguousarray(table.T, dtype=np.float32) for table in tables))


def _soften(radius: np.ndarray) -> np.ndarray:
    """Radii (F, ANGLES) averaged over 13 degrees, which fills the corners where the RV meets the LV."""
    half = 6
    padded = np.concatenate([radius[:, -half - 1 :], radius, radius[:, :half]], axis=1)
    total = np.cumsum(padded, axis=1)
    return (total[:, 2 * half + 1 :] - total[:, : -2 * half - 1]) / (2 * half + 1)


def _paint_heart(drawing: _Drawing, rng: np.random.Generator) -> None:
    """Epicardial fat, muscle and both cavities, from the outside in."""
    image, _, scene, pixels, outlines, _, blood, flow = drawing
    near = np.flatnonzero(pixels.radius < outlines.fat.max(axis=1)[pixels.angle] + 4)
    angle, radius = pixels.angle[near], pixels.radius[near, None]

    def inside(outline: np.ndarray) -> np.ndarray:
        return cover(outline[angle] - radius, scene.blur)

    part = image[near]
    grain = 1 + np.float32(0.05) * texture(32, rng)[near, None]
    muscle = np.float32(scene.myocardium) * grain
    swirl = blood * (1 - flow * np.clip(np.float32(0.8) * texture(14, rng)[near, None], 0, None))
    right = np.float32(scene.right_blood) * swirl
    paint(part, np.float32(scene.fat), inside(outlines.fat))
    # where fat meets water in a pixel their signals cancel: a dark line about the heart
    edge = np.abs(outlines.muscle[angle] - radius)
    part *= 1 - np.float32(0.5) * np.clip(1 - edge / np.float32(2.0), 0, 1)
    paint(part, muscle, inside(outlines.muscle))
    beyond = 1 - inside(outlines.epi)
    paint(part, (right + muscle) / 2, inside(outlines.right) * beyond)
    paint(part, right * grain, inside(outlines.right_inner) * beyond)
    paint(part, (swirl + muscle) / 2, inside(outlines.endo))
    paint(part, swirl, inside(outlines.inner))
    image[near] = part


def _place(pixels: Pixels, angle: float, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position (F,), (F,) in the image of a point in a direction of the heart (degrees), at radii (F,) in mm."""
    direction = np.deg2rad(angle + pixels.turn)
    return radius * np.float32(np.cos(direction)), radius * np.float32(np.sin(direction))


def _disc(
    image: np.ndarray,
    pixels: Pixels,
    centre: tuple[np.ndarray, np.ndarray],
    radius: np.ndarray,
    colour: np.ndarray | float,
    blur: float,
) -> None:
    """Paint a disc that moves and grows, in place: centre (F,), (F,) and radius (F,) in mm, colour a number or (F,)."""
    x, y = centre
    span = radius.max() + blur + np.hypot(np.ptp(x), np.ptp(y)) / 2
    chosen = np.flatnonzero(np.hypot(pixels.x - (x.max() + x.min()) / 2, pixels.y - (y.max() + y.min()) / 2) < span)
    distance = np.hypot(pixels.x[chosen, None] - x, pixels.y[chosen, None] - y)
    part = image[chosen]
    paint(part, colour, cover(radius - distance, blur))
    image[chosen] = part


def _paint_left_muscles(drawing: _Drawing, rng: np.random.Generator) -> None:
    """Papillary muscles, each of two heads that draw near the wall in systole, and trabeculae of the free wall."""
    image, heart, scene, pixels, outlines, emptied, *_ = drawing
    size = np.float32((heart.lv_mass / 85) ** (1 / 3))
    twins = rng.uniform(9, 17, 2) * rng.choice([-1, 1], 2)  # degrees between the heads
    heads = []  # direction in degrees, radius in mm, gap to the wall at end-diastole in mm
    for place, radius, twin, turn in zip((35, 262), (3.3, 3.5), twins, scene.papillary):
        heads.append((place + turn, radius, rng.uniform(0.5, 3)))
        heads.append((place + turn + twin, 0.68 * radius, rng.uniform(0.2, 3)))
    heads += [(angle, 1.5, rng.uniform(-0.8, 0.8)) for angle in rng.uniform(-100, 100, 4)]
    for angle, radius, gap in heads:
        radius = np.float32(radius) * size * (1 + np.float32(0.14) * emptied)
        away = np.float32(gap) * (1 - emptied) + radius * (1 - np.float32(0.3) * emptied)
        centre = _place(pixels, angle, outlines.endo[round(angle) % ANGLES] - away)
        _disc(image, pixels, centre, radius, np.float32(scene.myocardium * 1.05), scene.blur)


def _paint_right_muscles(drawing: _Drawing, rng: np.random.Generator) -> None:
    """Trabeculae of the RV: short grey strands that run in from its free wall."""
    image, _, scene, pixels, outlines, _, blood, _ = drawing
    colour = np.float32(0.5 * scene.right_blood) * blood
    radius = np.full(FRAMES, 1.1, np.float32)
    for sector, depth in zip(rng.uniform(-0.75, 0.8, 5), rng.uniform(0.55, 0.8, 5)):
        angle = RV_CENTRE + RV_HALF_WIDTH * sector
        index = round(angle) % ANGLES
        for share in (depth, depth + 0.1):
            across = outlines.epi[index] + np.float32(share) * (outlines.right[index] - outlines.epi[index])
            _disc(image, pixels, _place(pixels, angle, across), radius, colour, scene.blur)
            angle += 1.5  # strands run obliquely


def _paint_aorta(drawing: _Drawing) -> None:
    """Descending aorta, widest a little after the LV has ejected; a large heart pushes it aside."""
    image, heart, scene, pixels, outlines, emptied, blood, _ = drawing
    distance, direction = np.hypot(*scene.aorta), np.rad2deg(np.arctan2(scene.aorta[1], scene.aorta[0]))
    free = reach(outlines.fat[:, 0], pixels.turn, direction) + np.sqrt(heart.dao_area / np.pi) + 3
    place = np.array(scene.aorta) * max(1.0, free / distance)
    centre = tuple(np.full(FRAMES, value, np.float32) for value in place)
    pulse = np.roll(emptied, 3) * 1e-3 * heart.dao_distensibility * (heart.systolic - heart.diastolic)
    radius = np.sqrt(heart.dao_area * (1 + pulse) / np.pi).astype(np.float32)
    _disc(image, pixels, centre, radius + np.float32(1.6), np.float32(0.2), scene.blur)
    _disc(image, pixels, centre, radius, blood, scene.blur)


def _acquire(image: np.ndarray, scene: Scene, flow: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Frames (F, H, W) as a scanner gives them: coil sensitivity, a ghost of flow, Rician noise."""
    frames = np.ascontiguousarray(image.T)
    near_coil = -0.14 * (AXIS[:, None] + AXIS[None, :]) / AXIS[-1]  # the coil lies on the chest
    frames *= (1 + near_coil).ravel() + np.float32(0.06) * texture(5, rng)
    # phase encoding runs along the rows, and pulsation repeats the image displaced along it
    frames += (np.float32(scene.ghost) * flow)[:, None] * np.roll(frames[0], 31 * SIZE)
    noise = rng.standard_normal((2, *frames.shape), dtype=np.float32)
    noise *= np.float32(scene.noise)
    frames += noise[0]
    frames *= frames
    frames += np.square(noise[1], out=noise[1])
    np.sqrt(frames, out=frames)
    frames *= np.float32(0.95 * WHITE)
    return np.minimum(frames, np.float32(WHITE), out=frames).reshape(FRAMES, SIZE, SIZE)
