"""The moving heart: chamber volumes over the beat, the LV wall, and the 82 traits measured on them.

The LV cavity is an ellipsoid of revolution, cut by the plane of the mitral valve half a semi-axis above its equator,
and moves so that its volume follows the volume-time curve exactly: it shortens along its axis, and each of the 16 AHA
segments moves inwards in proportion to its own contraction. The wall keeps its volume, so it thickens as the cavity
shrinks. A height in the ventricle is given as zeta, the distance above the equator over the long semi-axis; it belongs
to the muscle and so stays the same over the beat. The three AHA levels each take a third of the long axis.

References
----------
Cerqueira et al., Circulation 2002;105:539 (segments); Weissler et al., Circulation 1968;37:149 (systole against rate);
Bai et al., Nat Med 2020;26:1654 (the traits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eccl.data.measure.masks import DENSITY
from eccl.records import FRAMES
from eccl.simulate.heart import Heart
from eccl.traits import TRAIT_NAMES

BASE = 0.5  # zeta of the mitral plane; the apex of the cavity is at -1
LEVELS = (0.25, -0.25, -0.75)  # zeta of the middle of the basal, mid-ventricular and apical third
ANGLES = 360  # directions of a contour, one a degree, anticlockwise from the patient's left; 90 is anterior
THETA = np.deg2rad(np.arange(ANGLES))
RV_CENTRE, RV_HALF_WIDTH = 180.0, 68.0  # degrees: the right ventricle lies on the septum, between its insertions

# Integrals over the basal, mid and apical third: of the squared relative radius 1 - zeta^2, and of the radius itself
_EDGES = np.array([BASE, 0.0, -0.5, -1.0])
_SQUARED = -np.diff(_EDGES - _EDGES**3 / 3)
_RADIUS = -np.diff((_EDGES * np.sqrt(1 - _EDGES**2) + np.arcsin(_EDGES)) / 2)
_THIRD = 0.5  # height of a third, in long semi-axes
SHAPE = float(np.pi * _SQUARED.sum())  # cavity volume over short^2 * long semi-axis


def _bells(first: float, step: float, count: int) -> np.ndarray:
    """Weights (ANGLES, count) that turn segment values into a smooth profile around the ring; each row sums to 1."""
    centres = first + step * np.arange(count)
    distance = np.abs((np.arange(ANGLES)[:, None] - centres + 180) % 360 - 180)
    return np.where(distance < step, np.cos(np.pi / 2 * distance / step) ** 2, 0.0)


_SIX, _FOUR = _bells(90, 60, 6), _bells(90, 90, 4)  # anterior first, then anticlockwise: septal, inferior, lateral
_SEGMENT_OF = (  # nearest segment of its ring for each direction
    _SIX.argmax(axis=1),
    _SIX.argmax(axis=1),
    _FOUR.argmax(axis=1),
)


def profiles(segments: np.ndarray) -> np.ndarray:
    """Smooth profiles (3, ANGLES) around the basal, mid and apical ring, of values (16,) of the AHA segments."""
    return np.stack([_SIX @ segments[:6], _SIX @ segments[6:12], _FOUR @ segments[12:]])


def _smoothstep(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, and a smooth rise between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def systole(heart_rate: float) -> float:
    """Time from the R wave to the end of ejection, in s; shorter at a fast rate (after Weissler 1968)."""
    return 0.46 - 0.0016 * heart_rate


def emptying(heart: Heart, frames: int = FRAMES) -> np.ndarray:
    """Share of the stroke volume that has left the ventricle at each frame (frames,): 0 at the R wave, 1 at its end.

    Ejection, isovolumic relaxation, early filling, diastasis and atrial kick. Poor diastolic function moves filling
    from early diastole to the kick; in atrial fibrillation there is no kick.
    """
    interval = 60 / heart.heart_rate
    time = np.arange(frames) * interval / frames
    end = systole(heart.heart_rate)
    diastole = interval - end
    opening = end + 0.18 * diastole**0.5 * 0.55  # isovolumic relaxation, about 80 ms at rest
    left = interval - opening
    early, late = min(0.24, 0.6 * left), min(0.16, 0.4 * left)
    kick = 0.0 if heart.in_fibrillation else 0.45 - 0.3 * heart.diastolic_function
    passive = 0.12 if not heart.in_fibrillation else 0.2
    filled = (1 - kick - passive) * _smoothstep((time - opening) / early)
    filled += passive * np.clip((time - opening) / left, 0, 1)
    filled += kick * _smoothstep((time - (interval - late)) / (late * 0.93))
    return _smoothstep((time - 0.04) / (end - 0.04)) - filled


def volume_curve(heart: Heart, frames: int = FRAMES) -> np.ndarray:
    """Volume of the LV cavity at each frame (frames,), in ml; the first is end-diastole."""
    return heart.lv_edv - (heart.lv_edv - heart.lv_esv) * _normalised(emptying(heart, frames))


def rv_volume_curve(heart: Heart, frames: int = FRAMES) -> np.ndarray:
    """Volume of the RV cavity at each frame (frames,), in ml."""
    return heart.rv_edv - (heart.rv_edv - heart.rv_esv) * _normalised(emptying(heart, frames))


def _normalised(emptied: np.ndarray) -> np.ndarray:
    return emptied / emptied.max()


@dataclass(frozen=True, eq=False)
class LeftVentricle:
    """The left ventricle at end-diastole and how it moves; lengths in mm.

    Attributes
    ----------
    short, long : float
        Semi-axes of the cavity at end-diastole.
    thickness, contraction : ndarray, shape (3, ANGLES)
        End-diastolic thickness (mm) and relative contraction around the basal, mid and apical ring.
    shortening : float
        Longitudinal shortening for each unit of (EDV - V) / EDV.
    edv : float
        Cavity volume at end-diastole, ml.
    """

    short: float
    long: float
    thickness: np.ndarray
    contraction: np.ndarray
    shortening: float
    edv: float

    def long_axis(self, volumes: np.ndarray) -> np.ndarray:
        """Long semi-axis (F,) in mm at cavity volumes (F,) in ml."""
        return self.long * (1 - self.shortening * (1 - volumes / self.edv))

    def inward(self, volumes: np.ndarray) -> np.ndarray:
        """Inward motion (F,) of a segment of contraction 1, over its end-diastolic radius, at volumes (F,) in ml.

        Solves volume = long * short^2 * sum over levels of integral (1 - zeta^2) * half the mean of (1 - x c)^2.
        """
        weights = _SQUARED / _SQUARED.sum()
        first = weights @ self.contraction.mean(axis=1)
        second = weights @ (self.contraction**2).mean(axis=1)
        left = volumes / self.edv * self.long / self.long_axis(volumes)
        return (first - np.sqrt(np.maximum(first**2 - second * (1 - left), 0))) / second

    def contours(self, volumes: np.ndarray, ring: int, zeta: float) -> tuple[np.ndarray, np.ndarray]:
        """Radii of endocardium and epicardium, each (F, ANGLES) in mm, at one height.

        Parameters
        ----------
        volumes : ndarray, shape (F,)
            Cavity volume, ml.
        ring : int
            0 basal, 1 mid-ventricular, 2 apical: whose segments it passes through.
        zeta : float
            Height of the slice.
        """
        contraction, thickness = self.contraction[ring], self.thickness[ring]
        radius = self.short * np.sqrt(1 - zeta**2)
        endo = radius * (1 - self.inward(volumes)[:, None] * contraction)
        shorter = self.long / self.long_axis(volumes)[:, None] - 1
        area = (radius + thickness / 2) * thickness * (1 + shorter * contraction * self._sharing)
        return endo, np.sqrt(endo**2 + 2 * area)

    @property
    def _sharing(self) -> float:
        """Factor that keeps the whole wall's volume when thickening by shortening is shared out by contraction."""
        wall = _wall_volume(self.short, self.long, self.thickness)
        return wall.sum() / (wall * self.contraction).sum()

    @property
    def mass(self) -> float:
        """Mass of the wall in g: its volume, as the sum of slices, times the density of muscle."""
        return float(_wall_volume(self.short, self.long, self.thickness).sum() / 1000 * DENSITY)


def _wall_volume(short: float, long: float, thickness: np.ndarray) -> np.ndarray:
    """Volume of the wall in each direction of each third, (3, ANGLES) in mm3."""
    around = 2 * np.pi / ANGLES
    return around * long * (short * _RADIUS[:, None] * thickness + _THIRD / 2 * thickness**2)


def left_ventricle(heart: Heart) -> LeftVentricle:
    """The left ventricle whose cavity holds `heart.lv_edv` and whose wall weighs `heart.lv_mass`."""
    long = float((heart.lv_edv * 1000 / (SHAPE * heart.sphericity**2)) ** (1 / 3))
    short = heart.sphericity * long
    wall = profiles(heart.wall)
    # wall volume is a t^2 + b t in the mean thickness t
    around = 2 * np.pi / ANGLES * long
    square = around * _THIRD / 2 * (wall**2).sum()
    linear = around * short * (_RADIUS @ wall.sum(axis=1))
    volume = heart.lv_mass / DENSITY * 1000
    mean = (np.sqrt(linear**2 + 4 * square * volume) - linear) / (2 * square)
    shortening = 0.2 + 0.09 * heart.diastolic_function
    return LeftVentricle(short, long, mean * wall, profiles(heart.contraction), shortening, heart.lv_edv)


@dataclass(frozen=True, eq=False)
class Contours:
    """Outlines of a short-axis slice about the centre of the LV, each (F, ANGLES) radii in mm.

    `rv` is the far boundary of the RV cavity, whose near boundary is the epicardium; outside the RV it equals it.
    """

    endo: np.ndarray
    epi: np.ndarray
    rv: np.ndarray


def contours(heart: Heart, frames: int = FRAMES, zeta: float = LEVELS[1]) -> Contours:
    """Outlines of a mid-ventricular slice at each frame, at height `zeta`."""
    ventricle = left_ventricle(heart)
    volumes = volume_curve(heart, frames)
    endo, epi = ventricle.contours(volumes, 1, zeta)
    filled = rv_volume_curve(heart, frames)
    # the cavity's area is its volume over an effective length, which shortens more than the LV does
    length = 1.36 * ventricle.long * (1 - 0.34 * (1 - filled / heart.rv_edv))
    return Contours(endo, epi, crescent(epi, filled * 1000 / length))


def crescent(epi: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Far boundary (F, ANGLES) of a crescent of given area (F,) in mm2 on the septal epicardium.

    Its corner is the acute margin, between the sternal and the diaphragmatic side.
    """
    u = np.clip((np.arange(ANGLES) - RV_CENTRE) / RV_HALF_WIDTH / 2 + 0.5, 0, 1)  # from anterior to inferior insertion
    bulge = u**0.75 * (1 - u) ** 0.5 + 0.3 * np.exp(-(((u - 0.66) / 0.13) ** 2)) * (4 * u * (1 - u))
    around = 2 * np.pi / ANGLES
    square = around * (bulge**2).sum() / 2
    linear = around * epi @ bulge
    depth = (np.sqrt(linear**2 + 4 * square * area) - linear) / (2 * square)
    return epi + depth[:, None] * bulge


def _ring_means(values: np.ndarray) -> np.ndarray:
    """Means (16,) over the segments of profiles (3, ANGLES)."""
    return np.concatenate([np.bincount(index, ring) / np.bincount(index) for index, ring in zip(_SEGMENT_OF, values)])


def _lengths(radius: np.ndarray) -> np.ndarray:
    """Length of a contour in each direction, mm, of radii (..., ANGLES)."""
    around = 2 * np.pi / ANGLES
    slope = (np.roll(radius, -1, axis=-1) - np.roll(radius, 1, axis=-1)) / (2 * around)
    return np.hypot(radius, slope) * around


def traits(heart: Heart, rng: np.random.Generator) -> dict[str, float]:
    """The 82 traits by name, in the units of `eccl.traits`.

    Ventricular volumes, mass, wall thickness, circumferential strain (length of the mid-wall contour) and radial strain
    (thickness) are measured on the geometry that is drawn and carry no noise of their own. What the short-axis slices
    cannot show is read from the same latent state with the spread of a measurement, from `rng`: atrial volumes 4 %
    (biplane area-length), aortic areas 3 %, distensibility 10 %, longitudinal strain of a segment 2.5 points and of the
    whole heart 1 point.
    """
    ventricle = left_ventricle(heart)
    volumes = np.array([heart.lv_edv, heart.lv_esv])
    rings = [ventricle.contours(volumes, ring, zeta) for ring, zeta in enumerate(LEVELS)]
    endo = np.stack([ring[0] for ring in rings], axis=1)  # (2, 3, ANGLES)
    epi = np.stack([ring[1] for ring in rings], axis=1)
    thickness = _ring_means((epi - endo)[0]), _ring_means((epi - endo)[1])
    lengths = _lengths((endo + epi) / 2)
    circumferential = 100 * (_ring_means(lengths[1]) / _ring_means(lengths[0]) - 1)
    radial = 100 * (thickness[1] / thickness[0] - 1)
    longitudinal = _longitudinal(heart, ventricle, rng)

    stroke, rv_stroke = heart.lv_edv - heart.lv_esv, heart.rv_edv - heart.rv_esv
    values = [heart.lv_edv, heart.lv_esv, stroke, 100 * stroke / heart.lv_edv]
    values += [stroke * heart.heart_rate / 1000, ventricle.mass]
    values += [heart.rv_edv, heart.rv_esv, rv_stroke, 100 * rv_stroke / heart.rv_edv]
    values += _atrium(heart.la_max, heart.la_min, rng) + _atrium(heart.ra_max, heart.ra_min, rng)
    pressure = heart.systolic - heart.diastolic
    values += _aorta(heart.aao_area, heart.aao_distensibility, pressure, rng)
    values += _aorta(heart.dao_area, heart.dao_distensibility, pressure, rng)
    for segments in (thickness[0], circumferential, radial, longitudinal):
        values += [*segments, segments.mean()]
    return {name: float(value) for name, value in zip(TRAIT_NAMES, values, strict=True)}


def _longitudinal(heart: Heart, ventricle: LeftVentricle, rng: np.random.Generator) -> np.ndarray:
    """Longitudinal strain (6,) in %, of the shortening of the long axis shared out by the mid-wall contraction."""
    shortening = 1 - ventricle.long_axis(np.array([heart.lv_esv]))[0] / ventricle.long
    weights = 0.5 + 0.5 * heart.contraction[6:12]
    whole = -118 * shortening + rng.normal(0, 1.0)  # the curved wall shortens more than the axis
    return whole * weights / weights.mean() + rng.normal(0, 2.5, 6)


def _atrium(largest: float, smallest: float, rng: np.random.Generator) -> list[float]:
    scale = np.exp(rng.normal(0, 0.04))
    largest = largest * scale
    smallest = min(smallest * scale * np.exp(rng.normal(0, 0.03)), 0.97 * largest)
    return [largest, smallest, largest - smallest, 100 * (1 - smallest / largest)]


def _aorta(area: float, distensibility: float, pressure: float, rng: np.random.Generator) -> list[float]:
    """Maximal and minimal area in mm2 and the distensibility between them in 1e-3/mmHg."""
    smallest = area * np.exp(rng.normal(0, 0.03))
    distensibility = min(distensibility * np.exp(rng.normal(0, 0.1)), 15.0)
    return [smallest * (1 + distensibility * 1e-3 * pressure), smallest, distensibility]
