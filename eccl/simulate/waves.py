"""Where the waves of a simulated ECG lie: what an explanation of a model is judged by.

A wave lies where one of its Gaussians is within two SDs of its middle, as `eccl.simulate.dipole` places it. The heart
and the beats are drawn again from the participant's seed; the recording is read by nobody and changed by nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eccl.config import SimulationConfig, replace
from eccl.data.cohort import Cohort
from eccl.records import SAMPLES, DataError
from eccl.simulate.cohort import number_of
from eccl.simulate.dipole import beat_waves
from eccl.simulate.ecg import true_beats
from eccl.simulate.electrical import Electrical, electrical
from eccl.simulate.heart import draw_heart, participant_generators
from eccl.simulate.rhythm import TIME, Beats

PARTS = ("P", "QRS", "ST", "T", "rest")
OVER = ("ST", "T", "P", "QRS")  # where two waves meet, the later of these has the samples
REACH = 2.0  # SDs on either side


def wave_masks(config: SimulationConfig, participant: int) -> np.ndarray:
    """Which samples each wave of one participant's ECG takes, and which none: bool, (5, 5000), rows as `PARTS`.

    Each sample is in one row. In fibrillation there is no P; the fibrillatory waves are everywhere.

    Parameters
    ----------
    config : SimulationConfig
        Of the cohort.
    participant : int
        The participant's number.
    """
    state, rhythm = true_rhythm(config, participant)
    part = np.full(SAMPLES, PARTS.index("rest"))
    placed = [each for _, waves in beat_waves(state, rhythm) for each in waves]
    for name in OVER:
        for centre, wave in placed:
            if wave.part == name:
                reach = REACH * wave.width
                first, last = np.searchsorted(TIME, (centre - reach, centre + reach))
                part[first:last] = PARTS.index(name)
    return part == np.arange(len(PARTS))[:, None]


def true_rhythm(config: SimulationConfig, participant: int) -> tuple[Electrical, Beats]:
    """The electrical state of one participant and the beats of the ECG, drawn as when it was simulated."""
    generators = participant_generators(config.seed, participant)
    state = electrical(draw_heart(config, generators.heart), config.coupling, generators.ecg)
    return state, true_beats(state, generators.ecg)


def cohort_waves(cohort: Cohort, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """The masks (n, 5, 5000) of `wave_masks` of participants of a simulated cohort.

    Raises
    ------
    DataError
        If the cohort was not simulated here.
    """
    config = simulation_of(cohort, "the waves of these ECGs")
    return np.stack([wave_masks(config, number_of(cohort.participant_ids[row])) for row in rows])


def simulation_of(cohort: Cohort, sought: str) -> SimulationConfig:
    """The config of a simulated cohort, from which its people are drawn again.

    Raises
    ------
    DataError
        If the cohort was not simulated here: nobody knows where what is sought lies.
    """
    settings = cohort.description.get("config")
    if not cohort.simulated or settings is None:
        raise DataError(
            f"nobody knows where {sought} lie",
            source=cohort.folder,
            remedy="only a simulated cohort tells: simulate_cohort()",
        )
    return replace(SimulationConfig(), **settings)
