"""The heart's dipoles over ten seconds: a sum of Gaussians in time, one or more a wave, beat by beat.

There are two, of the ventricles and of the atria, which lie farther from the chest's electrodes. Their axes are
Frank's: x to the left, y down, z backwards.

References
----------
McSharry et al., IEEE Trans Biomed Eng 2003 (ECGSYN: waves as Gaussians along a beat).
Sameni et al., EURASIP J Adv Signal Process 2007 (the same in three dimensions, with noise).
Wagner et al., Sci Data 2020 (PTB-XL, with whose normal recordings the mean P and T of each lead were compared).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from eccl.records import SAMPLES, SAMPLING_RATE
from eccl.simulate.electrical import Electrical
from eccl.simulate.lead_field import FRONTAL
from eccl.simulate.rhythm import ATRIAL, SINUS, TIME, VENTRICULAR, Beats, Breath

# Mean waves, chosen so that the mean of each lead comes near that of PTB-XL's normal recordings (the table
# "normal_waves" of `report.read_reference`): P of the right and the left atrium at a `p_amplitude` of 1 mV, the left's
# turn backwards at a `p_terminal` of 1 mV, and T, mV.
P_RIGHT, P_LEFT = np.array([0.85, 0.63, -0.85]), np.array([1.20, 0.45, -0.25])
P_TERMINAL = np.array([0.15, 0.0, 1.0])
T_MEAN = np.array([0.38, 0.13, -0.22])
T_LOST_AT = 0.15  # mV of `t_inversion` at which nothing is left of T towards the infarct
ECTOPIC_QRS = 0.150  # s; 0.12 to 0.18 in ventricular ectopic beats
ECTOPIC_LOOP = (  # as rows of `_qrs_loop`
    (-0.62, 0.11, 0.20, -0.25, 0.25),
    (-0.25, 0.16, -1.00, 0.85, -0.75),
    (0.10, 0.16, -0.60, 1.05, -0.60),
    (0.50, 0.18, -0.65, 0.95, -0.10),
)


class Wave(NamedTuple):
    """A Gaussian in time along one direction."""

    centre: float  # s after mid-QRS
    width: float  # s, SD
    vector: np.ndarray  # (3,) mV along x, y, z
    part: str = "QRS"  # of which it is one: "P", "QRS", "ST" or "T"
    follows_rr: bool = False  # whether a longer RR moves it


def dipoles(state: Electrical, breath: Breath, rhythm: Beats, rng: np.random.Generator) -> np.ndarray:
    """Dipoles of the ventricles and of the atria (2, 3, 5000), mV along Frank's x, y, z: all waves of all beats."""
    total = np.zeros((2, 3, SAMPLES), dtype=np.float64)
    gains = 1 + 0.02 * rng.standard_normal(len(rhythm.times))
    for beat, waves in beat_waves(state, rhythm):
        depth = breath.at(rhythm.times[beat])
        moved = gains[beat] * (1 - 0.03 * depth) * _rotation(np.radians(2.5 * depth), 0.0)
        for centre, wave in waves:
            reach = 4 * wave.width
            first, last = np.searchsorted(TIME, (centre - reach, centre + reach))
            if first < last:
                shape = np.exp(-0.5 * ((TIME[first:last] - centre) / wave.width) ** 2)
                total[int(wave.part == "P"), :, first:last] += (moved @ wave.vector)[:, None] * shape
    return total


def beat_waves(state: Electrical, rhythm: Beats) -> Iterator[tuple[int, list[tuple[float, Wave]]]]:
    """Each beat near the recording, by its number, with its waves and the time of the middle of each, s."""
    waves = {SINUS: _conducted(state), VENTRICULAR: _ectopic(state)}
    waves[ATRIAL] = waves[SINUS]
    for beat, (time, rr, origin) in enumerate(zip(*rhythm)):
        if -1 < time < 11:
            stretch = np.clip((rr * state.heart_rate / 60) ** (1 / 3), 0.85, 1.15)
            yield beat, [(time + wave.centre * (stretch if wave.follows_rr else 1.0), wave) for wave in waves[origin]]


def _conducted(state: Electrical) -> list[Wave]:
    """Waves of a conducted beat; without P in fibrillation."""
    half = state.qrs_duration / 2000
    waves = _qrs(state, half) + _st_t(state, half)
    if state.fibrillating:
        return waves
    onset, length = -half - state.pr / 1000, state.p_duration / 1000
    right = state.p_amplitude * P_RIGHT
    left = state.p_amplitude * P_LEFT + P_TERMINAL * state.p_terminal
    return [
        Wave(onset + 0.36 * length, 0.155 * length, right, "P"),
        Wave(onset + 0.64 * length, 0.155 * length, left, "P"),
        *waves,
    ]


def _qrs(state: Electrical, half: float) -> list[Wave]:
    lost = np.array([-0.5 * state.q_lateral, -state.q_inferior, 0.9 * state.q_anterior])
    lost[0] -= 0.35 * state.q_lateral + 0.15 * state.q_anterior
    loop = _qrs_loop(state)
    return [
        Wave(place * half, width * half, vector + (0.9 * lost if -0.6 < place < 0.05 else 0.0))
        for (place, width), vector in zip(loop[:, :2], _qrs_vectors(state))
    ]


def _qrs_vectors(state: Electrical) -> np.ndarray:
    return state.qrs_voltage * _turned(_qrs_loop(state)[:, 2:], state)


def _st_t(state: Electrical, half: float) -> list[Wave]:
    """ST and T: along QRS in the normal; against it in strain and block; away from an infarct.

    An infarct first takes what T has towards it, so that an upright T is lost before an inverted one is seen.
    """
    mean = _qrs_vectors(state).sum(axis=0)
    discordant = state.strain + 0.9 * state.lbbb + 0.35 * state.rbbb
    against = -discordant * state.qrs_voltage * mean / np.linalg.norm(mean)
    angle = _rotation(np.radians(0.3 * (state.axis_frontal - 40) - state.t_angle), 0.0)
    t = state.t_amplitude * (angle @ T_MEAN) * max(0.0, 1 - discordant) + 0.38 * against
    away = _away(state)
    lost = min(1.0, state.t_inversion / T_LOST_AT)
    t = t - lost * min(0.0, t @ away) * away + state.t_inversion * away
    peak = -half + state.qt / 1000 - 0.092 * (state.qt / 400)
    return [
        Wave(half + 0.045, 0.030, 0.10 * against + 0.08 * t, "ST", follows_rr=True),
        Wave(peak - 0.042, 0.046, 0.38 * t, "T", follows_rr=True),
        Wave(peak, 0.034, 0.72 * t, "T", follows_rr=True),
    ]


def _turned(loop: np.ndarray, state: Electrical) -> np.ndarray:
    """The loop (W, 3), turned to the stated axis as the limb leads show it, and then backwards.

    In right bundle-branch block the axis is that of the forces before the delayed ones.
    """
    x, y, z = mean = loop[: len(loop) - state.rbbb].sum(axis=0)
    axis = np.radians(state.axis_frontal)
    limb = np.linalg.norm(FRONTAL @ mean) * np.array([np.cos(axis), np.sin(axis)])
    wanted_x, wanted_y = np.linalg.solve(FRONTAL[:, :2], limb - FRONTAL[:, 2] * z)
    frontal = np.arctan2(wanted_y, wanted_x) - np.arctan2(y, x)
    return loop @ _rotation(frontal, np.radians(state.axis_horizontal)).T


def _qrs_loop(state: Electrical) -> np.ndarray:
    """The QRS loop of an average heart: rows of centre and width (in half durations), x, y, z (mV)."""
    if state.lbbb:
        return np.array(
            [
                [-0.62, 0.15, 0.36, 0.13, 0.32],
                [-0.20, 0.24, 0.75, 0.35, 0.72],
                [0.25, 0.24, 0.80, 0.30, 0.80],
                [0.62, 0.18, 0.30, 0.05, 0.35],
            ]
        )
    loop = [
        [-0.52, 0.13, -0.11, -0.06, -0.17],
        [-0.22, 0.16, 0.45, 0.40, -0.18],
        [0.02, 0.17, 0.92, 0.70, 0.34],
        [0.33, 0.17, 0.16, 0.16, 0.72],
        [0.66, 0.15, -0.12, -0.13, 0.14],
    ]
    if state.rbbb:
        loop = [[place * 0.62 - 0.33, width * 0.72, *vector] for place, width, *vector in loop]
        loop.append([0.52, 0.24, -0.50, 0.05, -0.44])
    return np.array(loop)


def _ectopic(state: Electrical) -> list[Wave]:
    """A ventricular ectopic beat: no P, a wide QRS, and a T opposite to it.

    QRS is wide because its parts come one after the other, not because each is slow: its flanks are steep.
    """
    half = ECTOPIC_QRS / 2
    qrs = [
        Wave(place * half, width * half, state.qrs_voltage * np.array(vector)) for place, width, *vector in ECTOPIC_LOOP
    ]
    area = sum(wave.width * wave.vector for wave in qrs)
    return [*qrs, Wave(0.30, 0.055, -0.45 * area / 0.055, "T", follows_rr=True)]


def _away(state: Electrical) -> np.ndarray:
    """Unit vector that points away from the infarct; 0 without one. The apex is left of the anterior wall's middle."""
    away = np.array(
        [-state.q_lateral - 0.72 * state.q_anterior, -state.q_inferior, state.q_anterior + 0.2 * state.q_lateral]
    )
    length = np.linalg.norm(away)
    return away / length if length > 0 else away


def _rotation(frontal: float, horizontal: float) -> np.ndarray:
    """Rotation of (x, y, z) by an angle in the frontal plane (left to down), then the horizontal (left to back)."""
    c, s = np.cos(frontal), np.sin(frontal)
    d, e = np.cos(horizontal), np.sin(horizontal)
    return np.array([[d, 0, -e], [0, 1, 0], [e, 0, d]]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def fibrillatory_waves(state: Electrical, rng: np.random.Generator) -> np.ndarray:
    """Atrial dipole (3, 5000) of fibrillatory waves: one wandering frequency with its harmonic, largest towards V1."""
    wander = np.cumsum(rng.standard_normal(SAMPLES)) / np.sqrt(SAMPLING_RATE)
    phase = 2 * np.pi * state.f_frequency * TIME + 0.9 * wander
    swell = 1 + 0.35 * np.sin(2 * np.pi * rng.uniform(0.2, 0.5) * TIME + rng.uniform(0, 2 * np.pi))
    wave = state.f_amplitude * swell * (np.sin(phase) + 0.35 * np.sin(2 * phase + 0.7))
    return np.array([[-0.15], [0.25], [-1.15]]) * wave
