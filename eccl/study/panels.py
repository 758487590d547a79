"""What `eccl.explore` shows, one function a panel: each returns a Figure, and needs no widget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eccl import plots
from eccl.errors import DataError
from eccl.records import ECG, Cine
from eccl.share.predict import Model
from eccl.share.prediction import MAIN
from eccl.simulate.geometry import traits
from eccl.simulate.heart import Heart
from eccl.simulate.turned import both_views, ordinary_heart, telling_seed, turned
from eccl.study.data import Data
from eccl.study.embeddings import embeddings

FRAMES = 5  # of a cine, over the beat


def ecg_panel(data: Data, row: int) -> Figure:
    """The ECG of the participant in a row of the cohort, as a clinic prints it."""
    person = data.cohort[row]
    return plots.clinic_ecg(person.ecg, person.participant_id)


def cine_panel(data: Data, row: int, frame: int = 0) -> Figure:
    """One frame of the same participant's cine, counted from 0."""
    return plots.cine_montage(data.cohort[row].cine, "", [frame])


def prediction_panel(data: Data, row: int, model: Model) -> Figure:
    """What a model says of the ECG, beside what was measured on the cine: the traits that are read first."""
    person = data.cohort[row]
    return predicted(model, person.ecg, person.traits)


def nearest_panel(data: Data, row: int, method: str = "eccl", count: int = 4) -> Figure:
    """The participant's ECG and the cines of the test participants that lie nearest to it; the own one framed.

    Raises
    ------
    ValueError
        If the participant is none of the test split, or the method has no space that ECG and cine share.
    """
    test = data.split.test
    own = np.flatnonzero(test == row)
    if not len(own):
        raise ValueError(f"row {row} was trained on or chosen by; give one of data.split.test, such as {test[0]}")
    z_ecg, z_cmr = embeddings(data, test, method)
    signal = data.store.batch([row], ("ecg",))["ecg"].numpy()
    images = data.store.packed("cine")[test, 0] / np.float32(255)
    return plots.nearest_cines(signal, images, z_ecg[own] @ z_cmr.T, own, count)


def turned_panels(model: Model, parts: Mapping[str, float]) -> dict[str, Figure]:
    """A simulated heart changed in some of its parts: "ecg", "cine", and "prediction" beside the true traits.

    Parameters
    ----------
    model : Model
    parts : mapping of str to float
        Of `eccl.simulate.turned.STEPS`, each with its value; what is not named stays as it was.
    """
    ecg, cine, truth = turned_person(parts)
    prediction = predicted(model, ecg, truth, "true")
    return {"ecg": plots.clinic_ecg(ecg), "cine": _over_the_beat(cine), "prediction": prediction}


def turned_person(parts: Mapping[str, float]) -> tuple[ECG, Cine, pd.Series]:
    """ECG, cine and true traits by name of the same heart, changed in the same way."""
    heart, seed = _start()
    for part, value in parts.items():
        heart = turned(heart, part, value)
    return *both_views(heart, seed), pd.Series(traits(heart, np.random.default_rng([seed, 3])))


def predicted(model: Model, ecg: ECG, truth: Mapping[str, float], known: str = "measured") -> Figure:
    """The traits that are read first, as a model predicts them, beside what is known; or why it does not."""
    try:
        made = model.predict(ecg)
    except DataError as refused:
        return plots.refusal(f"Refused: {refused.problem}. Remedy: {refused.remedy}.")
    names, scaler = model.readout.trait_names, model.readout.trait_probe.scaler
    mean, std = dict(zip(names, scaler.mean)), dict(zip(names, scaler.std))
    return plots.trait_intervals(made.traits.loc[[name for name in MAIN if name in names]], mean, std, truth, known)


@lru_cache(maxsize=1)
def _start() -> tuple[Heart, int]:
    """The heart that is changed, and the seed of its views."""
    heart = ordinary_heart()
    return heart, telling_seed(heart)


def _over_the_beat(cine: Cine) -> Figure:
    return plots.cine_montage(cine, "", FRAMES)
