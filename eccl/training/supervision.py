"""What the supervised stages learn: targets, loss and score of the traits or of the diagnoses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.data.store import Batch, Store
from eccl.metrics import auroc, pearson
from eccl.records import DataError
from eccl.training.loop import Objective, Step
from eccl.training.losses import trait_loss
from eccl.traits import DIAGNOSES


@dataclass(frozen=True, eq=False)
class Supervision:
    """What a supervised stage learns: targets (N, K) of all participants, loss, score (higher is better), and units."""

    targets: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[np.ndarray, np.ndarray], float]
    to_units: Callable[[np.ndarray], np.ndarray]

    def objective(self, field: str, augment: Callable[..., Tensor]) -> Objective:
        """The objective of a model that predicts the targets from one field of the batch."""

        def step(model: nn.Module, batch: Batch, generator: torch.Generator) -> Step:
            prediction, target = model(augment(getattr(batch, field), model, generator)), rows_of(self.targets, batch)
            return Step(self.loss(prediction, target), prediction, target)

        return Objective(step, self.score, "higher")


def supervise(store: Store, split: Split, target: str) -> Supervision:
    """The supervision by "traits", by "diagnoses" or by the code of one; scale and weights are those of training.

    Raises
    ------
    ValueError
        If there is no such target.
    DataError
        If a diagnosis has no cases or no controls in the training split, or none has both in the validation split.
    """
    if target == "traits":
        scaler = Scaler.fit(store.traits, split.train)
        targets = torch.from_numpy(np.asarray(scaler.transform(store.traits), dtype=np.float32))
        return Supervision(targets, trait_loss, _mean_pearson, scaler.inverse)
    codes = DIAGNOSES if target == "diagnoses" else (target,)
    if not set(codes) <= set(DIAGNOSES):
        raise ValueError(f"no target is named {target!r}; there are traits, diagnoses, {', '.join(DIAGNOSES)}")
    targets = torch.from_numpy(store.diagnoses[:, [DIAGNOSES.index(code) for code in codes]].astype(np.float32))
    unknown = [code for code, column in zip(codes, targets.T) if column.isnan().any()]
    if unknown:
        raise DataError(
            f"the diagnosis {', '.join(unknown)} is not known in this cohort",
            source=store.folder,
            remedy=f"train on a diagnosis that is: {', '.join(code for code in DIAGNOSES if code not in unknown)}",
        )
    cases = targets[split.train].sum(dim=0)
    controls = len(split.train) - cases
    for code, few in zip(codes, torch.minimum(cases, controls)):
        if not few:
            raise DataError(
                f"the {len(split.train)} training participants are all alike in {code}",
                remedy="use more participants, or leave this diagnosis out",
            )
    prevalence = targets[split.validation].mean(dim=0)
    if not ((prevalence > 0) & (prevalence < 1)).any():
        raise DataError(
            f"the {len(split.validation)} validation participants are all alike in {', '.join(codes)}",
            remedy="use more participants: without cases and controls no epoch can be chosen",
        )
    weight = controls / cases

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits.float(), truth, pos_weight=weight.to(logits.device))

    return Supervision(targets, loss, _mean_auroc, lambda logits: 1 / (1 + np.exp(-logits)))


def _mean_pearson(prediction: np.ndarray, target: np.ndarray) -> float:
    """Mean r over columns; a constant prediction tells nothing and counts as 0."""
    return float(np.nan_to_num(pearson(prediction, target)).mean())


def _mean_auroc(prediction: np.ndarray, target: np.ndarray) -> float:
    """Mean over the diagnoses that have both cases and controls; nan if a prediction is none."""
    if not np.isfinite(prediction).all():
        return float("nan")
    return float(np.nanmean([auroc(labels, scores) for labels, scores in zip(target.T, prediction.T)]))


def rows_of(values: Tensor, batch: Batch) -> Tensor:
    """The rows of a batch from an array over all participants, on its device."""
    return values[batch.index.cpu()].to(batch.index.device)
