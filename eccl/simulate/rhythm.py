"""When the heart beats, and how the chest breathes: one breathing moves the rate, the heart and the baseline.

References
----------
Tateno and Glass, Med Biol Eng Comput 2001 (RR intervals in atrial fibrillation).
Moody et al., Comput Cardiol 1985 (breathing turns the heart's axis and scales the QRS).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eccl.records import SAMPLES, SAMPLING_RATE
from eccl.simulate.electrical import Electrical

TIME = np.arange(SAMPLES, dtype=np.float32) / np.float32(SAMPLING_RATE)  # s
SINUS, VENTRICULAR, ATRIAL = range(3)  # where a beat starts


class Breath(NamedTuple):
    """Breathing during the recording."""

    frequency: float  # Hz
    phase: float  # radians

    def at(self, seconds: np.ndarray | float) -> np.ndarray | float:
        """How full the chest is, from -1 to 1."""
        return np.sin(2 * np.pi * self.frequency * seconds + self.phase)


class Beats(NamedTuple):
    """The beats of a recording, and some before and after it; arrays of equal length."""

    times: np.ndarray  # s, middle of QRS
    rr: np.ndarray  # s, RR before each
    origins: np.ndarray  # where each starts: SINUS, VENTRICULAR or ATRIAL


def beats(state: Electrical, breath: Breath, rng: np.random.Generator) -> Beats:
    """The beats from before the recording to after it."""
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
    return Beats(start + np.cumsum(rr) - rr[0], rr, origin)
