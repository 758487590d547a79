"""From the electrical state to a 12-lead ECG: a three-dimensional dipole, a lead field, and a recorder.

The dipole is a sum of Gaussians in time, one or more a wave, in Frank's axes (x left, y down, z backwards), beat by
beat. The eight independent leads follow by Dower's matrix, perturbed a little for each person by electrodes and torso;
the other four limb leads are derived from I and II as a recorder does it, so Einthoven's and Goldberger's laws hold for
the written samples. One breathing moves the rate, the heart and the baseline.

References
----------
McSharry et al., IEEE Trans Biomed Eng 2003 (ECGSYN: waves as Gaussians along a beat).
Sameni et al., EURASIP J Adv Signal Process 2007 (the same in three dimensions, with noise).
Dower, Machado and Osborne, Clin Cardiol 1980 (the lead matrix).
Tateno and Glass, Med Biol Eng Comput 2001 (RR intervals in atrial fibrillation).
Moody et al., Comput Cardiol 1985 (breathing turns the heart's axis and scales the QRS).
Wagner et al., Sci Data 2020 (PTB-XL, whose normal recordings the mean wave of each lead was compared with).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eccl.records import ECG, LEADS, SAMPLES, SAMPLING_RATE
from eccl.simulate.electrical import Electrical

RESOLUTION = 0.005  # mV a bit: 5 uV
RANGE = 10.0  # mV, where the recorder clips

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)  # rows INDEPENDENT, columns x, y, z

# I and aVF * 2/sqrt(3), the axes of the frontal plane, from x, y and z.
FRONTAL = np.stack([DOWER[0], (DOWER[1] - DOWER[0] / 2) * 2 / np.sqrt(3)])

TIME = np.arange(SAMPLES, dtype=np.float32) / np.float32(SAMPLING_RATE)  # s
SINUS, VENTRICULAR, ATRIAL = range(3)  # where a beat starts


class Breath(NamedTuple):
    """Breathing during the recording."""

    frequency: float  # Hz
    phase: float  # radians

    def at(self, seconds: np.ndarray | float) -> np.ndarray | float:
        """How full the chest is, from -1 to 1."""
        return np.sin(2 * np.pi * self.frequency * seconds + self.phase)


def simulate_ecg(state: Electrical, rng: np.random.Generator) -> ECG:
    """The recorded ECG, (12, 5000) mV at 500 Hz: noisy, clipped and quantised at 5 uV.

    Parameters
    ----------
    state : Electrical
    rng : Generator
        Of everything that the electrical state leaves open: electrodes, beat-to-beat variation, noise.
    """
    lead_field = _lead_field(rng)
    breath = Breath(rng.uniform(0.18, 0.30), rng.uniform(0, 2 * np.pi))
    potential = lead_field @ _dipole(state, breath, rng)
    if state.fibrillating:
        potential += lead_field @ _fibrillatory_waves(state, rng)
    potential += _noise(breath, rng)
    return ECG(twelve_leads(_recorded(potential)), SAMPLING_RATE)


def twelve_leads(independent: np.ndarray) -> np.ndarray:
    """The 12 leads (12, T) from I, II and V1 to V6 (8, T), in mV, by Einthoven's and Goldberger's laws."""
    first, second = independent[0], independent[1]
    derived = {
        "III": second - first,
        "aVR": -(first + second) / 2,
        "aVL": first - second / 2,
        "aVF": second - first / 2,
    }
    rows = [derived[lead] if lead in derived else independent[INDEPENDENT.index(lead)] for lead in LEADS]
    return np.stack(rows).astype(np.float32)


def _recorded(potential: np.ndarray) -> np.ndarray:
    """Clipped and quantised. Limb leads take even steps, so that the halves in aVR, aVL and aVF are whole steps too."""
    step = np.full((len(INDEPENDENT), 1), RESOLUTION)
    step[:2] *= 2
    return np.round(np.clip(potential, -RANGE, RANGE) / step) * step


def _lead_field(rng: np.random.Generator) -> np.ndarray:
    """Dower's matrix for one person: chest electrodes a little off, a torso a little other."""
    matrix = DOWER.copy()
    matrix[2:] += 0.10 * np.linalg.norm(DOWER[2:], axis=1, keepdims=True) * rng.standard_normal((6, 3)) / np.sqrt(3)
    matrix[:2] += 0.03 * rng.standard_normal((2, 3))
    return matrix * np.exp(0.05 * rng.standard_normal())


# ------------------------------------------------------------------------------------------------------------ rhythm


def _beats(state: Electrical, breath: Breath, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of the QRS (s) from before the recording to after it, the RR before each (s), and where each starts."""
    mean = 60 / state.heart_rate
    count = int(np.ceil(13 / (0.45 * mean))) + 4
    start = -rng.uniform(0.5, 1.5)
    if state.fibrillating:
        rr = mean * np.clip(rng.gamma(26, 1 / 26, count), 0.5, 1.9)
    else:
        at = start + np.arange(count) * mean
        slow = np.sin(2 * np.pi * 0.1 * at + rng.uniform(0, 2 * np.pi))  # Mayer waves
        arrhythmia = state.respiratory_arrhythmia * (breath.at(at) + 0.6 * slow)
        rr = mean * (1 + arrhythmia + 0.006 * rng.standard_normal(count))
    often = np.array([0.0, state.ectopy, 0.0 if state.fibrillating else 4.0 * (rng.random() < 0.03)])  # a minute
    often[SINUS] = max(0.0, state.heart_rate - often.sum())
    origin = rng.choice(3, count, p=often / often.sum())
    origin[[0, -1]] = SINUS
    for kind, early, pause in ((VENTRICULAR, 0.65, 0.35), (ATRIAL, 0.72, 0.08)):  # only the first compensates in full
        which = np.flatnonzero(origin == kind)
        rr[which + 1] += pause * rr[which]
        rr[which] *= early
    return start + np.cumsum(rr) - rr[0], rr, origin


# ------------------------------------------------------------------------------------------------------------ dipole


def _dipole(state: Electrical, breath: Breath, rng: np.random.Generator) -> np.ndarray:
    """The heart's dipole (3, 5000), mV along Frank's x, y, z, as the sum of all waves of all beats."""
    dipole = np.zeros((3, SAMPLES), dtype=np.float64)
    waves = {SINUS: _waves(state), VENTRICULAR: _ectopic_waves(state)}
    waves[ATRIAL] = waves[SINUS]
    times, rrs, origins = _beats(state, breath, rng)
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
                dipole[:, first:last] += (moved @ vector)[:, None] * shape
    return dipole


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


def _fibrillatory_waves(state: Electrical, rng: np.random.Generator) -> np.ndarray:
    """Dipole (3, 5000) of fibrillatory waves: one wandering frequency with its harmonic, largest towards V1."""
    wander = np.cumsum(rng.standard_normal(SAMPLES)) / np.sqrt(SAMPLING_RATE)
    phase = 2 * np.pi * state.f_frequency * TIME + 0.9 * wander
    swell = 1 + 0.35 * np.sin(2 * np.pi * rng.uniform(0.2, 0.5) * TIME + rng.uniform(0, 2 * np.pi))
    wave = state.f_amplitude * swell * (np.sin(phase) + 0.35 * np.sin(2 * phase + 0.7))
    return np.array([[-0.30], [0.45], [-0.85]]) * wave


# ------------------------------------------------------------------------------------------------------------- noise


def _noise(breath: Breath, rng: np.random.Generator) -> np.ndarray:
    """Noise (8, 5000), mV: baseline wander with breathing, mains, muscle, and now and then a moving electrode."""
    leads = len(INDEPENDENT)
    wander = 0.03 * rng.standard_normal((leads, 1)) * breath.at(TIME)
    drift = 2 * np.pi * (rng.uniform(0.03, 0.08) * TIME + rng.random((leads, 1)))
    wander += 0.02 * rng.standard_normal((leads, 1)) * np.sin(drift)
    mains = 0.004 * np.exp(0.8 * rng.standard_normal((leads, 1)))
    wander += mains * np.sin(2 * np.pi * 50 * TIME + rng.uniform(0, 2 * np.pi))
    muscle = rng.standard_normal((leads, SAMPLES + 2), dtype=np.float32)
    muscle = (muscle[:, :-2] + muscle[:, 1:-1] + muscle[:, 2:]) / np.sqrt(3)  # a recorder's low pass
    wander += 0.007 * np.exp(0.5 * rng.standard_normal((leads, 1))) * muscle
    if rng.random() < 0.06:
        lead, at = rng.integers(leads), rng.uniform(1, 9)
        wander[lead] += 0.3 * rng.standard_normal() * np.exp(-np.abs(TIME - at) / 0.4)
    return wander
