"""What a stage optimises, by what its best epoch is chosen, and on whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from eccl.config import StageConfig

Score = Callable[[np.ndarray, np.ndarray], float]


class Step(NamedTuple):
    """What a step makes of a batch: its mean loss and, where a score chooses the epoch, what that needs."""

    loss: Tensor
    prediction: Tensor | None = None
    target: Tensor | None = None


class Objective(nn.Module):
    """What a stage optimises and by what its best epoch is chosen.

    Parameters
    ----------
    step : callable (model, batch, generator) -> Step
        Augments if `model.training`, and draws from the generator alone. If it is a module, its parameters (a learned
        temperature) are trained with the model's.
    score : callable (prediction, target) -> float, optional
        Of the whole validation split; None takes the validation loss.
    better : "lower" or "higher"
        Direction of the score.
    """

    def __init__(
        self,
        step: Callable[[nn.Module, Any, torch.Generator], Step],
        score: Score | None = None,
        better: Literal["lower", "higher"] = "lower",
    ):
        super().__init__()
        self.step, self.score, self.better = step, score, better

    @property
    def criterion(self) -> str:
        """Column of the history that chooses the epoch."""
        return "validation_loss" if self.score is None else "validation_score"

    def best_epoch(self, history: Sequence[dict[str, float]]) -> int:
        """Position of the best value of the criterion; the first of equals."""
        values = [row[self.criterion] for row in history]
        return values.index(min(values) if self.better == "lower" else max(values))

    def ended(self, history: Sequence[dict[str, float]], stage: StageConfig) -> bool:
        """Whether all epochs are done, or `patience` epochs have passed without a better value."""
        if not history:
            return False
        return len(history) >= stage.epochs or len(history) - 1 - self.best_epoch(history) >= stage.patience


@dataclass(frozen=True, eq=False)
class Task:
    """What is trained on whom.

    Attributes
    ----------
    objective : Objective
        Loss, score and its direction.
    read : callable (indices) -> batch
        A dataclass of tensors with a method `to(device)`, such as `Store.batch` gives.
    train, validation : ndarray of int
        Participants, as positions that `read` takes.
    stage : StageConfig
        How to optimise.
    """

    objective: Objective
    read: Callable[[np.ndarray], Any]
    train: np.ndarray
    validation: np.ndarray
    stage: StageConfig
