"""From the electrical state to a 12-lead ECG: a three-dimensional dipole, a lead field, and a recorder.

The eight independent leads are recorded; the other four limb leads are derived from I and II as a recorder does it, so
Einthoven's and Goldberger's laws hold for the written samples.

References
----------
Wagner et al., Sci Data 2020 (PTB-XL, whose normal recordings the mean wave of each lead was compared with).
"""

from __future__ import annotations

import numpy as np

from eccl.data.formats.limb_leads import derived_leads
from eccl.data.standard.twelve_leads import RESOLUTION
from eccl.records import ECG, LEADS, SAMPLES, SAMPLING_RATE
from eccl.simulate.dipole import dipoles, fibrillatory_waves
from eccl.simulate.electrical import Electrical
from eccl.simulate.lead_field import ATRIAL, INDEPENDENT, lead_field
from eccl.simulate.rhythm import TIME, Beats, Breath, beats

RANGE = 10.0  # mV, where the recorder clips


def simulate_ecg(state: Electrical, rng: np.random.Generator) -> ECG:
    """The recorded ECG, (12, 5000) mV at 500 Hz: noisy, clipped and quantised at 5 uV.

    Parameters
    ----------
    state : Electrical
    rng : Generator
        Of everything that the electrical state leaves open: electrodes, beat-to-beat variation, noise.
    """
    field, breath, rhythm = _drawn(state, rng)
    ventricles, atria = dipoles(state, breath, rhythm, rng)
    if state.fibrillating:
        atria += fibrillatory_waves(state, rng)
    potential = field @ ventricles + (ATRIAL[:, None] * field) @ atria
    potential += _noise(breath, rng)
    return ECG(twelve_leads(_recorded(potential)), SAMPLING_RATE)


def true_beats(state: Electrical, rng: np.random.Generator) -> Beats:
    """The beats of the ECG that `simulate_ecg` makes with a generator in the same state."""
    return _drawn(state, rng)[2]


def _drawn(state: Electrical, rng: np.random.Generator) -> tuple[np.ndarray, Breath, Beats]:
    field = lead_field(rng)
    breath = Breath(rng.uniform(0.18, 0.30), rng.uniform(0, 2 * np.pi))
    return field, breath, beats(state, breath, rng)


def twelve_leads(independent: np.ndarray) -> np.ndarray:
    """The 12 leads (12, T) from I, II and V1 to V6 (8, T), in mV, by Einthoven's and Goldberger's laws."""
    leads = dict(zip(INDEPENDENT, independent)) | derived_leads(independent[0], independent[1])
    return np.stack([leads[lead] for lead in LEADS]).astype(np.float32)


def _recorded(potential: np.ndarray) -> np.ndarray:
    """Clipped and quantised. Limb leads take even steps, so that the halves in aVR, aVL and aVF are whole steps too."""
    step = np.full((len(INDEPENDENT), 1), RESOLUTION)
    step[:2] *= 2
    return np.round(np.clip(potential, -RANGE, RANGE) / step) * step


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
