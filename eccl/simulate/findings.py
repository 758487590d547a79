"""Findings that simulated ECGs are checked for: waves of each lead, and whether a detector finds ectopic beats."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pandas as pd

from eccl.data.measure.beats import r_peaks, remove_baseline
from eccl.data.measure.ecg import wave_amplitudes
from eccl.records import ECG, LEADS
from eccl.simulate.ecg import simulate_ecg, true_beats
from eccl.simulate.electrical import Electrical
from eccl.simulate.rhythm import VENTRICULAR

NEAR = 0.10  # s within which a detected peak is a beat's


def wave_table(ecgs: Iterable[ECG]) -> dict[str, pd.DataFrame]:
    """Heights of P, R, S and T by name, a row an ECG and a column a lead, mV."""
    measured = [wave_amplitudes(ecg) for ecg in ecgs]
    return {wave: pd.DataFrame([heights[wave] for heights in measured], columns=LEADS) for wave in "PRST"}


def most_ordinary(states: pd.DataFrame) -> object:
    """Index of the row of electrical states that is nearest to their mean, each number over its SD."""
    numbers = states.select_dtypes("number")
    spread = numbers.std().replace(0, 1).fillna(1)
    return (((numbers - numbers.mean()) / spread) ** 2).sum(axis=1).idxmin()


def ectopic_beats_found(state: Electrical, seed: int, a_minute: float = 8.0) -> tuple[np.ndarray, int]:
    """Of a new recording with many ventricular ectopic beats: whether each has a detected peak, and peaks of no beat.

    Parameters
    ----------
    state : Electrical
        Of the participant who is recorded; its own rate of ectopic beats is not used.
    seed : int
        Of the recording.
    a_minute : float
        Expected ventricular ectopic beats a minute.

    Returns
    -------
    found : ndarray of bool, shape (B,)
        Of the B ectopic beats that are not within 0.3 s of an end of the recording.
    false : int
        Detected peaks that are no beat's.
    """
    state = dataclasses.replace(state, ectopy=a_minute)
    beats = true_beats(state, np.random.default_rng(seed))
    ecg = simulate_ecg(state, np.random.default_rng(seed))
    peaks = r_peaks(remove_baseline(ecg).signal, ecg.sampling_rate) / ecg.sampling_rate
    near = np.abs(peaks[:, None] - beats.times) < NEAR
    end = ecg.signal.shape[1] / ecg.sampling_rate - 0.3
    ectopic = (beats.origins == VENTRICULAR) & (beats.times > 0.3) & (beats.times < end)
    return near[:, ectopic].any(axis=0), int((~near.any(axis=1)).sum())
