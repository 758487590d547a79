"""From the electrical state to a 12-lead ECG: a three-dimensional dipole, a lead field, and a recorder.

The dipole is a sum of Gaussians in time, one or more a wave, in Frank's axes (x left, y down, z backwards), beat by beat.
The eight independent leads follow by Dower's matrix, perturbed a little for each person by electrodes and torso; the other four limb leads are
derived from I and II as a recorder does it, so Einthoven's and Goldberger's laws hold for the written samples.

References
----------
McSharry et al., IEEE Trans Biomed Eng 2003 (ECGSYN: waves as Gaussians along a beat).
Sameni et al., EURASIP J Adv Signal Process 2007 (the same in three dimensions, with noise).
Dower, Machado and Osborne, Clin Cardiol 1980 (the lead matrix).
Tateno and Glass, Med Biol Eng Comput 2001 (RR intervals in atrial fibrillation).
"""

from __future__ import annotations

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

TIME = np.arange(SAMPLES, dtype=np.float32) / np.float32(SAMPLING_RATE)  # s


def simulate_ecg(state: Electrical, rng: np.random.Generator) -> ECG:
    """The recorded ECG, (12, 5000) mV at 500 Hz: noisy, clipped and quantised at 5 uV.

    Parameters
    ----------
    state : Electrical
    rng : Generator
        Of everything that the electrical state leaves open: electrodes, beat-to-beat variation, noise.
    """
    lead_field = _lead_field(rng)
    potential = lead_field @ _dipole(state, rng)
    if state.fibrillating:
        potential += lead_field @ _fibrillatory_waves(state, rng)
    potential += _noise(rng)
    return ECG(twelve_leads(_recorded(potential)), SAMPLING_RATE)


def twelve_leads(independent: np.ndarray) -> np.ndarray:
    """The 12 leads (12, T) from I, II and V1 to V6 (8, T), in mV, by Einthoven's and Goldberger's laws."""
    first, second = independent[0], independent[1]
    derived = {"III": second - first, "aVR": -(first + second) / 2, "aVL": first - second / 2, "aVF": second - first / 2}
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


def _beats(state: Electrical, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of the QRS (s) from before the recording to after it, the RR before each (s), and which are ectopic."""
    mean = 60 / state.heart_rate
    count = int(np.ceil(13 / (0.45 * mean))) + 4
    if state.fibrillating:
        rr = mean * np.clip(rng.gamma(26, 1 / 26, count), 0.5, 1.9)
    else:
        breath, phase = rng.uniform(0.20, 0.30), rng.uniform(0, 2 * np.pi, 2)
        at = np.arange(count) * mean
        slow = np.sin(2 * np.pi * 0.1 * at + phase[0])
        fast = np.sin(2 * np.pi * breath * at + phase[1])
        rr = mean * (1 + state.respiratory_arrhythmia * (fast + 0.6 * slow) + 0.006 * rng.standard_normal(count))
    ectopic = rng.random(count) < state.ectopy * mean / 60
    ectopic[0] = False
    early = np.flatnonzero(ectopic[:-1])
    rr[early + 1] += 0.35 * rr[early]  # the pause after an ectopic beat compensates
    rr[early] *= 0.65
    return np.cumsum(rr) - rr[0] - rng.uniform(0.5, 1.5), rr, ectopic


# ------------------------------------------------------------------------------------------------------------ dipole


def _dipole(state: Electrical, rng: np.random.Generator) -> np.ndarray:
    """The heart's dipole (3, 5000), mV along Frank's x, y, z, as the sum of all waves of all beats."""
    dipole = np.zeros((3, SAMPLES), dtype=np.float64)
    sinus, wide = _waves(state), _ectopic_waves(state)
    times, rrs, ectopic = _beats(state, rng)
    gains = 1 + 0.02 * rng.standard_normal(len(times))
    for time, rr, early, gain in zip(times, rrs, ectopic, gains):
        if not -1 < time < 11:
            continue
        stretch = np.clip((rr * state.heart_rate / 60) ** (1 / 3), 0.85, 1.15)
        for wave in wide if early else sinus:
            centre, width, vector, follows_rr = wave
            centre = time + centre * (stretch if follows_rr else 1.0)
            first, last = np.searchsorted(TIME, (centre - 4 * width, centre + 4 * width))
            if first < last:
                shape = np.exp(-0.5 * ((TIME[first:last] - centre) / width) ** 2)
                dipole[:, first:last] += (gain * vector)[:, None] * shape
    return dipole


def _waves(state: Electrical) -> list[tuple[float, float, np.ndarray, bool]]:
    """Waves of a conducted beat: centre (s after mid-QRS), width (s, SD), vector (mV) and whether RR stretches it."""
    half = state.qrs_duration / 2000
    waves = []
    if not state.fibrillating:
        onset, length = -half - state.pr / 1000, state.p_duration / 1000
        right = state.p_amplitude * np.array([0.45, 0.85, -0.35])
        left = state.p_amplitude * np.array([0.55, 0.60, 0.0]) + np.array([0.15, 0.0, 1.0]) * state.p_terminal
        waves += [(onset + 0.36 * length, 0.155 * length, right, False), (onset + 0.64 * length, 0.155 * length, left, False)]
    return waves + _ventricular_waves(state, half)


def _ventricular_waves(state: Electrical, half: float) -> list[tuple[float, float, np.ndarray, bool]]:
    turn = _rotation(np.radians(state.axis_frontal - 40), np.radians(state.axis_horizontal))
    loop = state.qrs_voltage * _qrs_loop(state)[:, 2:] @ turn.T
    lost = np.array([-0.5 * state.q_lateral, -state.q_inferior, 0.9 * state.q_anterior])
    lost[0] -= 0.35 * state.q_lateral + 0.15 * state.q_anterior
    waves = [
        (place * half, width * half, vector + (0.9 * lost if -0.6 < place < 0.05 else 0.0), False)
        for (place, width), vector in zip(_qrs_loop(state)[:, :2], loop)
    ]
    mean = loop.sum(axis=0)
    direction = mean / np.linalg.norm(mean)
    discordant = state.strain + 0.9 * (state.lbbb or 0) + 0.35 * (state.rbbb or 0)
    angle = _rotation(np.radians(state.axis_frontal - 40) * 0.4 - np.radians(state.t_angle), 0.0)
    t = state.t_amplitude * (angle @ np.array([0.25, 0.21, -0.15]))
    t = t * max(0.0, 1 - discordant) - 0.38 * discordant * state.qrs_voltage * direction
    t = t + 0.8 * state.t_inversion * _away(state)
    end = -half + state.qt / 1000
    peak = end - 0.092 * (state.qt / 400)
    st = -0.10 * discordant * state.qrs_voltage * direction + 0.05 * t
    return [
        *waves,
        (half + 0.045, 0.030, st, True),
        (peak - 0.042, 0.046, 0.38 * t, True),
        (peak, 0.034, 0.72 * t, True),
    ]


def _qrs_loop(state: Electrical) -> np.ndarray:
    """The QRS loop of an average heart: rows of centre and width (in half durations), x, y, z (mV)."""
    if state.lbbb:
        return np.array(
            [
                [-0.55, 0.20, 0.30, 0.10, 0.25],
                [-0.15, 0.24, 0.75, 0.35, 0.75],
                [0.25, 0.24, 0.80, 0.30, 0.80],
                [0.62, 0.18, 0.30, 0.05, 0.35],
            ]
        )
    loop = [
        [-0.52, 0.13, -0.13, -0.06, -0.24],
        [-0.22, 0.16, 0.45, 0.40, -0.18],
        [0.02, 0.17, 0.95, 0.72, 0.36],
        [0.33, 0.17, 0.22, 0.16, 0.66],
        [0.66, 0.15, -0.12, -0.13, 0.14],
    ]
    if state.rbbb:
        loop = [[place * 0.62 - 0.33, width * 0.72, *vector] for place, width, *vector in loop]
        loop.append([0.52, 0.24, -0.62, 0.05, -0.42])
    return np.array(loop)


def _ectopic_waves(state: Electrical) -> list[tuple[float, float, np.ndarray, bool]]:
    """A ventricular ectopic beat: no P, a wide QRS, and a T opposite to it."""
    qrs = state.qrs_voltage * np.array([-0.9, 1.2, -0.6])
    return [(-0.03, 0.026, 0.6 * qrs, False), (0.02, 0.028, qrs, False), (0.27, 0.055, -0.45 * qrs, True)]


def _away(state: Electrical) -> np.ndarray:
    """Unit vector that points away from the infarct; 0 without one."""
    away = np.array([-state.q_lateral - 0.3 * state.q_anterior, -state.q_inferior, state.q_anterior + 0.2 * state.q_lateral])
    length = np.linalg.norm(away)
    return away / length if length > 0 else away


def _rotation(frontal: float, horizontal: float) -> np.ndarray:
    """Rotation of (x, y, z) by an angle in the frontal plane (left towards down), then in the horizontal (left towards back)."""
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


def _noise(rng: np.random.Generator) -> np.ndarray:
    """Noise (8, 5000), mV: baseline wander with breathing, mains, muscle, and now and then a moving electrode."""
    leads = len(INDEPENDENT)
    breath, phase = rng.uniform(0.18, 0.32), rng.uniform(0, 2 * np.pi, (leads, 2))
    wander = 0.025 * np.exp(0.5 * rng.standard_normal((leads, 1))) * np.sin(2 * np.pi * breath * TIME + phase[:, :1])
    wander += 0.020 * rng.standard_normal((leads, 1)) * np.sin(2 * np.pi * rng.uniform(0.03, 0.08) * TIME + phase[:, 1:])
    mains = 0.004 * np.exp(0.8 * rng.standard_normal((leads, 1)))
    wander += mains * np.sin(2 * np.pi * 50 * TIME + rng.uniform(0, 2 * np.pi))
    muscle = rng.standard_normal((leads, SAMPLES + 2), dtype=np.float32)
    muscle = (muscle[:, :-2] + muscle[:, 1:-1] + muscle[:, 2:]) / np.sqrt(3)  # a recorder's low pass
    wander += 0.007 * np.exp(0.5 * rng.standard_normal((leads, 1))) * muscle
    if rng.random() < 0.06:
        lead, at = rng.integers(leads), rng.uniform(1, 9)
        wander[lead] += 0.3 * rng.standard_normal() * np.exp(-np.abs(TIME - at) / 0.4)
    return wander
