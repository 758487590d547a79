"""A model that predicts by itself: an ECG in; traits in their units and diagnoses out, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from eccl.records import ECG
from eccl.share.domain import Domain
from eccl.share.prediction import Prediction, predictions
from eccl.share.readout import Readout

BATCH = 64  # ECGs in the network at once
READ = "read a file with eccl.read_ecg(path)"


@dataclass(frozen=True, eq=False)
class Model:
    """An ECG encoder with its readout and the domain it was trained on; `eccl.share.pretrained.load` reads one.

    Attributes
    ----------
    encoder : nn.Module
        From ECGs (B, 12, T) in mV to features (B, width); on the CPU, in evaluation mode.
    readout : Readout
        From features to traits and probabilities.
    domain : Domain
        What it was trained on, by which an ECG is refused.
    description : dict
        Method, people and data that it is of; `simulated` says whether these were simulated.
    """

    encoder: nn.Module
    readout: Readout
    domain: Domain
    description: Mapping[str, Any]

    def predict(self, ecg: ECG) -> Prediction:
        """Traits and diagnoses of an ECG, each with an interval.

        Parameters
        ----------
        ecg : ECG
            As `eccl.read_ecg` gives it.

        Raises
        ------
        DataError
            If the model was not trained for such an ECG; the sentence says which of its properties is outside, and by
            how much.

        Examples
        --------
        >>> model = eccl.load("runs/eccl-laptop-0123456789")  # doctest: +SKIP
        >>> model.predict(eccl.read_ecg("my.xml")).traits.loc["lv_ef"]  # doctest: +SKIP
        """
        if not isinstance(ecg, ECG):
            raise TypeError(f"predict takes one ECG, got {_kind(ecg)}; {READ}, and give a list to predict_many")
        return self.predict_many([ecg])[0]

    def predict_many(self, ecgs: Sequence[ECG]) -> list[Prediction]:
        """The predictions of several ECGs, in their order; the first that is refused is an error, as in `predict`."""
        if isinstance(ecgs, ECG):
            raise TypeError("predict_many takes a list of ECGs, got one ECG; give it to predict")
        h = self.embed(ecgs)
        return predictions(self.readout, h, [ecg.source for ecg in ecgs], self.description["simulated"])

    @torch.inference_mode()
    def embed(self, ecgs: ECG | Sequence[ECG]) -> np.ndarray:
        """Features (n, width), float32, of one ECG or several, before any projection.

        Raises
        ------
        DataError
            As `predict`.
        """
        ecgs = [ecgs] if isinstance(ecgs, ECG) else ecgs
        if isinstance(ecgs, str) or not isinstance(ecgs, Sequence) or not all(isinstance(ecg, ECG) for ecg in ecgs):
            raise TypeError(f"a model takes an ECG or a list of them, got {_kind(ecgs)}; {READ}")
        numbers = [f"ECG {row} of {len(ecgs)}" for row in range(1, len(ecgs) + 1)] if len(ecgs) > 1 else [""]
        names = [ecg.source or number for ecg, number in zip(ecgs, numbers)]
        for ecg, name in zip(ecgs, names):
            self.domain.check(ecg, name)
        starts = range(0, len(ecgs), BATCH)
        batches = [np.stack([ecg.signal for ecg in ecgs[start : start + BATCH]]) for start in starts]
        features = [self.encoder(torch.from_numpy(batch)).float().numpy() for batch in batches]
        h = np.concatenate(features) if features else np.empty((0, len(self.domain.centre)), np.float32)
        self.domain.check_features(h, names)
        return h

    def __repr__(self) -> str:
        people = self.description["people"]
        of = "simulated people" if self.description["simulated"] else "people"
        return (
            f"Model({self.description.get('method', 'an ECG encoder')}, trained on {people['train']:,} {of}: "
            f"{len(self.readout.trait_names)} traits, diagnoses {', '.join(self.readout.codes) or 'none'})"
        )


def _kind(value: object) -> str:
    """What was given, as an error says it."""
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {', '.join(sorted({type(each).__name__ for each in value})) or 'nothing'}"
    return f"a value of type {type(value).__name__}"
