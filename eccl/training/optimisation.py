"""What each step of training is made of: who is in the batch, at what rate, which weights decay, which seeds draw."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from eccl.config import StageConfig

BETAS = (0.9, 0.95)  # of AdamW, as in the paper's code
ORDER, TRAINING, VALIDATION = range(3)  # what a seed is for


def entropy(purpose: int, seed: int, epoch: int = 0) -> np.random.SeedSequence:
    """Independent randomness for each purpose, seed and epoch; processes share it (`eccl.machine.share`)."""
    return np.random.SeedSequence(seed, spawn_key=(purpose, epoch, 0))


def epoch_batches(
    indices: np.ndarray, batch_size: int, seed: int, epoch: int, rank: int = 0, world: int = 1
) -> list[np.ndarray]:
    """The batches of one epoch as arrays of indices: the share of one of `world` processes.

    `batch_size` counts the participants of all processes together, so it means the same on any number of devices. The
    remainder is left out, another one at each epoch, so that no batch is smaller and has fewer negatives; if there are
    fewer participants than a batch, they make one.
    """
    order = np.random.default_rng(entropy(ORDER, seed, epoch)).permutation(indices)
    batch_size = min(batch_size, len(order)) // world * world
    if batch_size == 0:
        raise ValueError(f"{len(indices)} participants cannot be shared among {world} processes")
    whole = order[: len(order) // batch_size * batch_size].reshape(-1, batch_size)
    return list(whole[:, rank * batch_size // world : (rank + 1) * batch_size // world])


def learning_rate(step: int, steps: int, stage: StageConfig) -> float:
    """Rate of a step out of `steps`: linear warm-up to the peak, then half a cosine down to 0."""
    warmup = round(stage.warmup * steps)
    if step < warmup:
        return stage.learning_rate * (step + 1) / warmup
    return stage.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def optimiser(model: nn.Module, stage: StageConfig) -> torch.optim.AdamW:
    """AdamW over what is not frozen; biases, norms and other vectors are not decayed."""
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in free if p.ndim >= 2], "weight_decay": stage.weight_decay},
        {"params": [p for p in free if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=stage.learning_rate, betas=BETAS, fused=True)  # one pass over the weights
