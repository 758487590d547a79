"""What the supervised stages learn: targets, loss and score of the traits or of the diagnoses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import Config
from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.data.store import Batch, Store
from eccl.metrics import auroc, pearson
from eccl.records import DataError
from eccl.training.augmentation import Augmenter
from eccl.training.losses import trait_loss
from eccl.training.objective import Objective, Step
from eccl.traits import DIAGNOSES, TRAIT_NAMES


@dataclass(frozen=True)
class Outputs:
    """The columns of a supervised model, kept with its run so that it predicts without the cohort.

    Attributes
    ----------
    names : tuple of str
        Names of traits, or codes of diagnoses.
    mean, std : tuple of float
        Of the training split, in the traits' units; empty for diagnoses.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def to_units(self, values: np.ndarray) -> np.ndarray:
        """Traits in their units of z-scores (n, K), or probabilities of the diagnoses of logits."""
        if not self.mean:
            return 1 / (1 + np.exp(-values))
        return Scaler(np.array(self.mean, np.float32), np.array(self.std, np.float32)).inverse(values)


@dataclass(frozen=True, eq=False)
class Supervision:
    """What a supervised stage learns.

    Attributes
    ----------
    outputs : Outputs
        What the columns are, for whoever predicts.
    targets : Tensor (N, K)
        Of all participants.
    train : ndarray of int
        The training participants whose labels are known.
    loss, score : callable (prediction, target)
        The score of arrays, higher is better.
    """

    outputs: Outputs
    targets: Tensor
    train: np.ndarray
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[np.ndarray, np.ndarray], float]

    def objective(self, modality: str, augment: Augmenter) -> Objective:
        """The objective of a model that predicts the targets from one modality of the batch."""

        def step(model: nn.Module, batch: Batch, generator: torch.Generator) -> Step:
            prediction, target = model(augment(batch[modality], model, generator)), rows_of(self.targets, batch)
            return Step(self.loss(prediction, target), prediction, target)

        return Objective(step, self.score, "higher")


@dataclass(frozen=True)
class Known:
    """Of which training participants the labels are known.

    Attributes
    ----------
    share : float
        Of them, above 0 and at most 1.
    seed : int
        Which they are; of all of them it says nothing.
    """

    share: float = 1.0
    seed: int = 0

    @classmethod
    def of(cls, config: Config, target: str) -> Known:
        """The labels of a target that a config knows: of diagnoses, a share of those whose traits are known."""
        share = config.label_share * (1.0 if target == "traits" else config.diagnosis_share)
        return cls(share, config.label_seed) if share < 1 else cls()

    def among(self, train: np.ndarray) -> np.ndarray:
        """Those of the training participants, ascending; of one seed, a larger share holds a smaller one.

        Raises
        ------
        ValueError
            If the share is not above 0 and at most 1.
        """
        if not 0 < self.share <= 1:
            raise ValueError(f"a label share of {self.share}; it is above 0 and at most 1")
        if self.share == 1:
            return train
        order = np.random.default_rng(self.seed).permutation(train)
        return np.sort(order[: max(1, round(self.share * len(train)))])


def outputs_of(target: str) -> tuple[str, ...]:
    """Names of the columns of a target: "traits", "diagnoses" or the code of one.

    Raises
    ------
    ValueError
        If there is no such target.
    """
    named = {"traits": TRAIT_NAMES, "diagnoses": DIAGNOSES, **{code: (code,) for code in DIAGNOSES}}
    if target not in named:
        raise ValueError(f"no target is named {target!r}; there are {', '.join(named)}")
    return named[target]


def supervise(store: Store, split: Split, target: str, known: Known = Known()) -> Supervision:
    """The supervision by "traits", by "diagnoses" or by the code of one; scale and weights are those of training.

    Parameters
    ----------
    known : Known
        Whose labels there are; by default all.

    Raises
    ------
    ValueError
        If there is no such target.
    DataError
        If a diagnosis has no cases or no controls in the training split, or none has both in the validation split.
    """
    train = known.among(split.train)
    if target == "traits":
        scaler = Scaler.fit(store.traits, train)
        targets = torch.from_numpy(np.asarray(scaler.transform(store.traits), dtype=np.float32))
        outputs = Outputs(TRAIT_NAMES, tuple(scaler.mean.tolist()), tuple(scaler.std.tolist()))
        return Supervision(outputs, targets, train, trait_loss, _mean_pearson)
    codes = outputs_of(target)
    targets = torch.from_numpy(store.diagnoses[:, [DIAGNOSES.index(code) for code in codes]])
    weight = _weight_of_cases(store, targets, codes, train, split.validation)

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits.float(), truth, pos_weight=weight.to(logits.device))

    return Supervision(Outputs(codes), targets, train, loss, _mean_auroc)


def _weight_of_cases(
    store: Store, targets: Tensor, codes: tuple[str, ...], train: np.ndarray, validation: np.ndarray
) -> Tensor:
    """Controls per case of each diagnosis in training, if it can be learned and an epoch be chosen by it."""
    unknown = [code for code, column in zip(codes, targets.T) if column.isnan().any()]
    if unknown:
        known = [code for code, column in zip(DIAGNOSES, store.diagnoses.T) if not np.isnan(column).any()]
        raise DataError(
            f"the diagnosis {', '.join(unknown)} is not known in this cohort",
            source=store.folder,
            remedy=f"train on a diagnosis that is: {', '.join(known) or 'none is, so use another cohort'}",
        )
    cases = targets[train].sum(dim=0)
    controls = len(train) - cases
    for code, few in zip(codes, torch.minimum(cases, controls)):
        if not few:
            raise DataError(
                f"the {len(train)} training participants are all alike in {code}",
                remedy="use more participants, or leave this diagnosis out",
            )
    prevalence = targets[validation].mean(dim=0)
    if not ((prevalence > 0) & (prevalence < 1)).any():
        raise DataError(
            f"the {len(validation)} validation participants are all alike in {', '.join(codes)}",
            remedy="use more participants: without cases and controls no epoch can be chosen",
        )
    return controls / cases


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
