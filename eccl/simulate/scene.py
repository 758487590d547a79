"""What only the cine sees: how this heart was imaged, and what lies around it.

All of it is mechanical nuisance, drawn from the generator of the cine, which is independent of the heart's: position,
slice level, contrast, noise, and the shapes of lung, liver, fat and chest wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eccl.data.standard.plane import SIZE, SPACING
from eccl.simulate.geometry import ANGLES, LEVELS, THETA
from eccl.simulate.heart import Heart

AXIS = ((np.arange(SIZE) - (SIZE - 1) / 2) * SPACING).astype(np.float32)  # of pixels about the centre, mm
CHEST_RADIUS = 220.0  # mm, of the arc of the chest wall


@dataclass(frozen=True)
class Scene:
    """How one heart happened to be imaged. Lengths in mm, intensities relative to white."""

    shift: tuple[float, float]  # of the LV centre, to the patient's left and to anterior
    rotation: float  # degrees, added to the heart's own
    zeta: float  # height of the slice in the ventricle
    stretch: float  # of the cross-section, by an oblique slice
    stretch_angle: float  # rad
    blur: float  # width of an edge
    blood: float
    right_blood: float  # relative to `blood`
    myocardium: float
    fat: float
    liver: float
    stomach: float  # or spleen, or gas: what lies below the lateral wall
    noise: float
    ghost: float  # of pulsatile flow
    papillary: tuple[float, float]  # degrees added to the anterolateral and the posteromedial muscle
    gap: tuple[float, float]  # from the heart to the chest wall and to the diaphragm
    chest: float  # degrees: direction of the chest wall
    aorta: tuple[float, float] | None  # of the descending aorta from the LV centre; None if out of view


def draw_scene(heart: Heart, rng: np.random.Generator) -> Scene:
    """How one heart happened to be imaged; of the heart it knows only the rhythm, which blurs."""
    z = np.clip(rng.standard_normal(15), -2.5, 2.5)
    u = rng.random(8)
    return Scene(
        shift=(14 + 3.5 * z[0], 5 + 3.5 * z[1]),
        rotation=7 * z[2],
        zeta=float(np.clip(LEVELS[1] + 0.09 * z[3], -0.5, 0.0)),
        stretch=0.025 * z[4],
        stretch_angle=np.pi * u[0],
        blur=(2.2 + 0.6 * u[1]) * (1.25 if heart.in_fibrillation else 1.0),
        blood=0.84 + 0.03 * z[5],
        right_blood=0.90 + 0.04 * z[6],
        myocardium=0.22 + 0.022 * z[7],
        fat=0.52 + 0.06 * z[8],
        liver=0.22 + 0.03 * z[9],
        stomach=(0.05, 0.26, 0.45)[int(3 * u[6])],
        noise=0.015 + 0.014 * u[2],
        ghost=0.4 + 0.6 * u[7],
        papillary=(10 * z[10], 10 * z[11]),
        gap=(2 + 6 * u[3], 0.5 + 4 * u[4]),
        chest=148 + 7 * z[14],
        aorta=(51 + 4 * z[12], -32 + 6 * z[13]) if u[5] < 0.5 else None,
    )


@dataclass(frozen=True, eq=False)
class Pixels:
    """Where the pixels lie about the LV centre, each flat (SIZE * SIZE,)."""

    x: np.ndarray  # mm to the patient's left
    y: np.ndarray  # mm to anterior
    radius: np.ndarray  # mm, across the heart (the slice may be oblique)
    angle: np.ndarray  # direction in the heart's own frame, as an index of `geometry.THETA`
    turn: int  # degrees from the heart's frame to the image's


def locate(heart: Heart, scene: Scene) -> Pixels:
    """Polar coordinates of the pixels about the LV centre, turned with the heart."""
    x, y = np.broadcast_arrays(AXIS[None, :] - scene.shift[0], -AXIS[:, None] - scene.shift[1])
    x, y = (np.ascontiguousarray(value, dtype=np.float32).ravel() for value in (x, y))
    c, s = np.float32(np.cos(scene.stretch_angle)), np.float32(np.sin(scene.stretch_angle))
    stretch = np.float32(1 + scene.stretch)
    along, across = (c * x + s * y) * stretch, (c * y - s * x) / stretch
    turn = round(scene.rotation + 0.5 * heart.axis)  # half of the rotation of the heart lies in this plane
    direction = np.rad2deg(np.arctan2(across, along) + np.float32(scene.stretch_angle)) - turn
    angle = np.rint(direction).astype(np.intp) % ANGLES
    return Pixels(x, y, np.hypot(along, across), angle, turn)


def cover(distance: np.ndarray, blur: float) -> np.ndarray:
    """Share of each pixel inside an edge of width `blur`, of its distance to it (mm, positive inside), in place."""
    distance *= np.float32(1 / blur)
    distance += np.float32(0.5)
    return np.clip(distance, 0, 1, out=distance)


def paint(image: np.ndarray, colour: np.ndarray | float, covered: np.ndarray) -> None:
    """Lay a colour over the image, in place, as far as its pixels are covered."""
    image += (colour - image) * covered


def _upsampling(coarse: int) -> np.ndarray:
    """Matrix (SIZE, coarse) of smooth interpolation: Gaussian bells, rows that sum to 1."""
    position = np.linspace(-0.5, coarse - 0.5, SIZE)[:, None]
    weights = np.exp(-0.5 * ((position - np.arange(coarse)) / 0.6) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


_UPSAMPLING = {coarse: _upsampling(coarse) for coarse in (5, 14, 32)}


def texture(coarse: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth random texture over the image, flat, of about unit variance, with 5, 14 or 32 blobs across."""
    up = _UPSAMPLING[coarse]
    return (up @ rng.standard_normal((coarse, coarse), dtype=np.float32) @ up.T).ravel() * np.float32(1.7)


def reach(outline: np.ndarray, turn: int, direction: float) -> float:
    """How far an outline (ANGLES,), turned by `turn` degrees, extends in a direction of the image, in mm."""
    return float((outline * np.cos(THETA + np.deg2rad(turn - direction))).max())


def surroundings(
    heart: Heart, scene: Scene, pixels: Pixels, outline: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Image of what does not move, flat: lung, fat, liver, stomach and chest wall.

    Parameters
    ----------
    outline : ndarray, shape (ANGLES,)
        Radii of the whole heart at end-diastole, mm: the organs lie about it.
    """
    x, y = pixels.x, pixels.y
    blobs = {coarse: texture(coarse, rng) for coarse in _UPSAMPLING}
    image = 0.05 + 0.012 * blobs[14] + 0.12 * np.clip(blobs[32] - 1.1, 0, 1.2)  # lung and its vessels

    # fat about the heart, in some places; it also fills the space that the heart leaves as it contracts
    pad = (0.4 * max(heart.bmi - 23, 0) + 5 * blobs[5]) * np.clip(0.3 - 0.012 * x, 0, 1)
    covered = cover(outline[pixels.angle] - pixels.radius + pad, 3.0) * np.clip(pad / 3, 0, 1)
    paint(image, scene.fat * (0.8 + 0.1 * blobs[14]), covered)

    depth = -y - reach(outline, pixels.turn, 270) - scene.gap[1] - 0.0022 * (x + 12) ** 2 + 3 - 1.5 * blobs[5]
    organ = scene.liver * (1 + 0.07 * blobs[14]) + 0.25 * np.clip(blobs[32] - 1.3, 0, 1)
    paint(organ, scene.stomach * (1 + 0.15 * blobs[14]), cover(x + 0.4 * y - 8 - 6 * blobs[5], 3.0))
    paint(image, 0.14, cover(depth + 2.0, 2.4))
    paint(image, organ, cover(depth, 2.4))
    _paint_chest(image, heart, scene, pixels, reach(outline, pixels.turn, scene.chest), blobs)
    return image


def _paint_chest(
    image: np.ndarray, heart: Heart, scene: Scene, pixels: Pixels, edge: float, blobs: dict[int, np.ndarray]
) -> None:
    """Chest wall from `edge` (mm from the LV centre) outwards: muscle with ribs, fat by body mass, air."""
    slope = np.deg2rad(scene.chest)
    c, s = np.float32(np.cos(slope)), np.float32(np.sin(slope))
    centre = np.float32(edge + scene.gap[0] - CHEST_RADIUS)
    depth = np.hypot(pixels.x - centre * c, pixels.y - centre * s) - np.float32(CHEST_RADIUS)
    along = pixels.x * s - pixels.y * c
    rib = np.hypot(along % 38 - 19, 1.6 * (depth - 6 - blobs[5]))
    paint(image, 0.13 + 0.03 * blobs[14] + 0.02 * blobs[32], cover(depth.copy(), 2.4))
    paint(image, 0.07, cover(10 - rib, 3.0))  # cortical bone, and marrow within
    paint(image, 0.5 * scene.fat, cover(7 - rib, 3.5))
    woman = heart.sex == 0
    muscle = 14 - 3 * woman + 2 * blobs[5]
    skin = muscle + 3 + 1.4 * max(heart.bmi - 19, 0) + 6 * woman
    paint(image, scene.fat * (1.15 + 0.08 * blobs[14]), cover(depth - muscle, 2.4))
    paint(image, 0.01, cover(depth - skin, 2.4))
