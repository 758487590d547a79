"""Where the heart lies in a simulated cine: what a map of an image encoder is judged by.

The heart is drawn again from the participant's seed; the recording is read by nobody and changed by nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eccl.data.cohort import Cohort
from eccl.simulate.cine import LABELS
from eccl.simulate.cohort import participant_labels
from eccl.simulate.waves import simulation_of

REGIONS = {  # the labels of each
    "heart": (LABELS["lv"], LABELS["myocardium"], LABELS["rv"]),
    "wall": (LABELS["myocardium"],),
    "LV cavity": (LABELS["lv"],),
}


def regions(labels: np.ndarray) -> np.ndarray:
    """The share of the frames in which each pixel is in each of `REGIONS`: (R, H, W), of labels (F, H, W)."""
    return np.stack([np.isin(labels, held).mean(axis=0) for held in REGIONS.values()])


def cohort_labels(cohort: Cohort, rows: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """The labels (F, H, W) of the cine of participants of a simulated cohort, by `eccl.simulate.cine.LABELS`.

    Raises
    ------
    DataError
        If the cohort was not simulated here.
    """
    config = simulation_of(cohort, "wall and cavities of these hearts")
    return [participant_labels(config, cohort.participant_ids[row]) for row in rows]
