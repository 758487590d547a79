"""How much of the phase a feature of the cine holds: is a heart nearer to itself at end-systole than to other hearts?

An encoder takes all frames of a beat. Here it is given one frame alone, in the place of each: a beat that stands still,
on which no encoder was trained. If the cosine of a heart's two phases is near one, the encoder knows the heart and not
the phase; if it is as low as that of two hearts, the phase outweighs the heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from eccl import metrics
from eccl.data.store import Store
from eccl.evaluation.retrieval import unit_rows
from eccl.methods import METHODS, obtain
from eccl.methods.base import Data
from eccl.metrics.bootstrap import in_replicates
from eccl.training.embedding import embed

if TYPE_CHECKING:
    import pandas as pd
    from lightning_fabric import Fabric

PHASES = ("end-diastole", "end-systole")
COSINES = ("one heart, both phases", "two hearts, end-diastole", "the first less the second")
SIMCLR = "SimCLR"  # of what a CMR encoder learns, beside "traits", "diagnoses" or the code of one


def frame_of(cine: Tensor, phase: str) -> Tensor:
    """The frame (B,) int of a phase, of cines (B, F, H, W) that begin with end-diastole.

    End-systole is taken to be the frame that differs most from the first, on average over the pixels: nothing in a
    cohort states it.

    Raises
    ------
    ValueError
        If there is no such phase.
    """
    if phase not in PHASES:
        raise ValueError(f"{phase!r} is none of {', '.join(PHASES)}")
    difference = (cine - cine[:, :1]).abs().mean(dim=(2, 3))
    return difference.argmax(dim=1) if phase == PHASES[1] else torch.zeros_like(difference[:, 0], dtype=torch.long)


class Still(nn.Module):
    """An encoder's feature (B, width) of cines (B, F, H, W) in which one phase stands in the place of all frames."""

    def __init__(self, encoder: nn.Module, phase: str):
        super().__init__()
        self.encoder, self.phase = encoder, phase

    def forward(self, cine: Tensor) -> Tensor:
        frame = cine[torch.arange(len(cine), device=cine.device), frame_of(cine, self.phase)]
        return self.encoder(frame[:, None].expand_as(cine))


class Pixels(nn.Module):
    """The first frame itself (B, H * W), less its mean, as if it were a feature: what no encoder has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.register_parameter("none", nn.Parameter(torch.empty(0)))  # by which a device is told

    def forward(self, cine: Tensor) -> Tensor:
        pixels = cine[:, 0].flatten(1)
        return pixels - pixels.mean(dim=1, keepdim=True)


def cosine_of_pairs(one: np.ndarray, other: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean cosine of the rows of two arrays (n, D), row by row."""
    return metrics.mean((unit_rows(one) * unit_rows(other)).sum(axis=1), weights=weights)


def cosine_of_others(features: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean cosine of every two different participants' features (n, D); a participant drawn twice is no two."""
    unit = unit_rows(features)

    def average(w: np.ndarray) -> np.ndarray:
        own = (w**2).sum(axis=1)
        pairs = w.sum(axis=1) ** 2 - own
        return np.where(pairs > 0, (((w @ unit) ** 2).sum(axis=1) - own) / np.maximum(pairs, 1), np.nan)

    return in_replicates(average)(len(unit), weights)


def cmr_encoders(data: Data, objectives: Sequence[str] = ("traits",)) -> dict[str, nn.Module]:
    """CMR encoders by what they have learnt: the image itself, random weights, and each objective's, read or trained.

    Parameters
    ----------
    data : Data
    objectives : sequence of str
        "traits", "diagnoses" or the code of one, which supervise the encoder; or "SimCLR", which needs no label.
    """
    supervised = METHODS["cmr_supervised"]
    encoders = {
        "the image itself": Pixels(),
        "random weights": supervised.cine_encoder(supervised.initial(data.config)),
    }
    for objective in objectives:
        if objective == SIMCLR:
            trained = obtain(METHODS["cmr_simclr"], data)
        else:
            trained = obtain(supervised, replace(data, config=replace(data.config, cmr_target=objective)))
        encoders[objective] = trained.encoder("cine")
    return encoders


def phase_cosines(
    encoders: Mapping[str, nn.Module],
    store: Store,
    participants: np.ndarray,
    indices: np.ndarray,
    fabric: Fabric | None = None,
) -> pd.DataFrame:
    """Mean cosine of the features of a heart's two phases, of end-diastole of two hearts, and their paired difference.

    Parameters
    ----------
    encoders : mapping of str to nn.Module
        Of cines (B, F, H, W) in [0, 1], by label; `Pixels()` is the image itself.
    store : Store
    participants : ndarray of int, shape (n,)
        Rows of the store.
    indices : ndarray, shape (R, n)
        Of the bootstrap, which draws participants.
    fabric : Fabric, optional
        As in `eccl.training.embedding.embed`.

    Returns
    -------
    DataFrame
        encoder, cosine (of `COSINES`), value, low, high, n.
    """
    import pandas as pd

    weights, rows = metrics.multiplicities(indices), []
    for label, encoder in encoders.items():
        early, late = (embed(Still(encoder, phase), store, participants, "cine", fabric=fabric) for phase in PHASES)
        own = metrics.resample(cosine_of_pairs, early, late, weights=weights)
        others = metrics.resample(cosine_of_others, early, weights=weights)
        for name, found in zip(COSINES, (own, others, own - others)):
            rows.append({"encoder": label, "cosine": name, **found.estimate(len(participants)).as_columns()})
    return pd.DataFrame(rows)
