"""The heart's dipole over ten seconds: a sum of Gaussians in time, one or more a wave, beat by beat.

Its axes are Frank's: x to the left, y down, z backwards.

References
----------
McSharry et al., IEEE Trans Biomed Eng 2003 (ECGSYN: waves as Gaussians along a beat).
Sameni et al., EURASIP J Adv Signal Process 2007 (the same in three dimensions, with noise).
"""

from __future__ import annotations

import numpy as np

from eccl.records import SAMPLES, SAMPLING_RATE
from eccl.simulate.electrical import Electrical
from eccl.simulate.lead_field import FRONTAL
from eccl.simulate.rhythm import ATRIAL, SINUS, TIME, VENTRICULAR, Breath, beats


def dipole(state: Electrical, breath: Breath, rng: np.random.Generator) -> np.ndarray:
    """The heart's dipole (3, 5000), mV along Frank's x, y, z, as the sum of all waves of all beats."""
    total = np.zeros((3, SAMPLES), dtype=np.float64)
    waves = {SINUS: _waves(state), VENTRICULAR: _ectopic_waves(state)}
    waves[ATRIAL] = waves[SINUS]
    times, rrs, origins = beats(state, breath, rng)
    gains = 1 + 0.02 * rng.standard_normal(len(times))
    for time, rr, origin, gain in zip(times, rrs, origins, gains):
        if not -1 < time < 11:
            continue
        stretch = np.clip((rr * state.heart_rate / 60) ** (1 / 3), 0.85, 1.15)
        depth = breath.at(time)
        moved = gain * (1 - 0.03 * depth) * _rotation(np.radians(2.5 * depth), 0.0)
        for offset, width, vector, follows_rr in waves[origin]:
            centre = time + offset * (stretch if follows_rr else 1.0)
            first, last = np.searchsorted(TIME, (centre - 4 * width, centre + 4 * width))
            if first < last:
                shape = np.exp(-0.5 * ((TIME[first:last] - centre) / width) ** 2)
                total[:, first:last] += (moved @ vector)[:, None] * shape
    return total


def _waves(state: Electrical) -> list[tuple[float, float, np.ndarray, bool]]:
    """Waves of a conducted beat: centre (s after mid-QRS), width (s, SD), vector (mV) and whether RR stretches it."""
    half = state.qrs_duration / 2000
    waves = []
    if not state.fibrillating:
        onset, length = -half - state.pr / 1000, state.p_duration / 1000
        right = state.p_amplitude * np.array([0.50, 0.75, -0.28])
        left = state.p_amplitude * np.array([0.65, 0.52, 0.0]) + np.array([0.15, 0.0, 1.0]) * state.p_terminal
        waves += [
            (onset + 0.36 * length, 0.155 * length, right, False),
            (onset + 0.64 * length, 0.155 * length, left, False),
        ]
    return waves + _ventricular_waves(state, half)


def _ventricular_waves(state: Electrical, half: float) -> list[tuple[float, float, np.ndarray, bool]]:
    loop = state.qrs_voltage * _turned(_qrs_loop(state)[:, 2:], state)
    lost = np.array([-0.5 * state.q_lateral, -state.q_inferior, 0.9 * state.q_anterior])
    lost[0] -= 0.35 * state.q_lateral + 0.15 * state.q_anterior
    waves = [
        (place * half, width * half, vector + (0.9 * lost if -0.6 < place < 0.05 else 0.0), False)
        for (place, width), vector in zip(_qrs_loop(state)[:, :2], loop)
    ]
    mean = loop.sum(axis=0)
    direction = mean / np.linalg.norm(mean)
    discordant = state.strain + 0.9 * state.lbbb + 0.35 * state.rbbb
    angle = _rotation(np.radians(0.4 * (state.axis_frontal - 40) - state.t_angle), 0.0)
    t = state.t_amplitude * (angle @ np.array([0.29, 0.14, -0.23]))
    t = t * max(0.0, 1 - discordant) - 0.38 * discordant * state.qrs_voltage * direction
    t = t + state.t_inversion * _away(state)
    end = -half + state.qt / 1000
    peak = end - 0.092 * (state.qt / 400)
    st = -0.10 * discordant * state.qrs_voltage * direction + 0.08 * t
    return [
        *waves,
        (half + 0.045, 0.030, st, True),
        (peak - 0.042, 0.046, 0.38 * t, True),
        (peak, 0.034, 0.72 * t, True),
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


def _ectopic_waves(state: Electrical) -> list[tuple[float, float, np.ndarray, bool]]:
    """A ventricular ectopic beat: no P, a wide QRS, and a T opposite to it."""
    qrs = state.qrs_voltage * np.array([-0.9, 1.2, -0.6])
    return [(-0.03, 0.026, 0.6 * qrs, False), (0.02, 0.028, qrs, False), (0.27, 0.055, -0.45 * qrs, True)]


def _away(state: Electrical) -> np.ndarray:
    """Unit vector that points away from the infarct; 0 without one."""
    away = np.array(
        [-state.q_lateral - 0.3 * state.q_anterior, -state.q_inferior, state.q_anterior + 0.2 * state.q_lateral]
    )
    length = np.linalg.norm(away)
    return away / length if length > 0 else away


def _rotation(frontal: float, horizontal: float) -> np.ndarray:
    """Rotation of (x, y, z) by an angle in the frontal plane (left to down), then the horizontal (left to back)."""
    c, s = np.cos(frontal), np.sin(frontal)
    d, e = np.cos(horizontal), np.sin(horizontal)
    return np.array([[d, 0, -e], [0, 1, 0], [e, 0, d]]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def fibrillatory_waves(state: Electrical, rng: np.random.Generator) -> np.ndarray:
    """Dipole (3, 5000) of fibrillatory waves: one wandering frequency with its harmonic, largest towards V1."""
    wander = np.cumsum(rng.standard_normal(SAMPLES)) / np.sqrt(SAMPLING_RATE)
    phase = 2 * np.pi * state.f_frequency * TIME + 0.9 * wander
    swell = 1 + 0.35 * np.sin(2 * np.pi * rng.uniform(0.2, 0.5) * TIME + rng.uniform(0, 2 * np.pi))
    wave = state.f_amplitude * swell * (np.sin(phase) + 0.35 * np.sin(2 * phase + 0.7))
    return np.array([[-0.30], [0.45], [-0.85]]) * wave
