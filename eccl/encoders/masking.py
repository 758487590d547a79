"""What a masked autoencoder hides of an ECG, cell by cell of a grid of leads x time, and its loss on that alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from eccl.machine import share

MASKINGS = ("random", "time", "lead", "mixed")


def draw_mask(
    kind: str, batch: int, rows: int, columns: int, ratio: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Indices of the kept cells (B, K) and the mask (B, N), 0 is keep, 1 is removed, on the generator's device.

    Cells run over time first, then over rows: N = rows * columns. Every ECG keeps the same number of cells,
    round(N (1 - ratio)), but at least one and not all; so where whole columns or rows are hidden, the last of them may
    be hidden in part.

    Parameters
    ----------
    kind : str
        "random": any cell of any row, on its own; "time": all rows at once; "lead": a row as a whole; "mixed": for
        each ECG one of the three.

    Raises
    ------
    ValueError
        If there is no such kind, or the ratio hides nothing or all.
    """
    if kind not in MASKINGS:
        raise ValueError(f"masking is {kind!r}; it is one of {', '.join(MASKINGS)}")
    if not 0 < ratio < 1:
        raise ValueError(f"a mask ratio of {ratio}, expected between 0 and 1")
    cells = rows * columns
    number = min(max(round(cells * (1 - ratio)), 1), cells - 1)

    def uniform(*size: int) -> Tensor:
        return torch.rand(batch, *size, generator=generator, device=generator.device)

    rank = uniform(cells)
    if kind != "random":
        of_column, of_row = uniform(1, columns).expand(-1, rows, -1), uniform(rows, 1).expand(-1, -1, columns)
        which = torch.full((batch,), MASKINGS.index(kind), device=generator.device)
        if kind == "mixed":
            which = torch.randint(3, (batch,), generator=generator, device=generator.device)
        coarse = torch.stack([torch.zeros_like(of_column), of_column, of_row], dim=1).flatten(2)
        rank = coarse[torch.arange(batch, device=generator.device), which] + 1e-4 * rank  # which decides among equals
    kept = rank.argsort(dim=1)[:, :number]
    return kept, torch.ones_like(rank).scatter_(1, kept, 0.0)


def mask_of_batch(
    kind: str, ecg: Tensor, rows: int, columns: int, ratio: float, generator: torch.Generator, training: bool
) -> tuple[Tensor, Tensor]:
    """The mask of a batch of ECGs (B, 12, T), as `draw_mask`, where the batch is.

    In training each of several processes draws that of the whole batch and takes its own; validation is whole in each.
    """
    count, own = share(len(ecg)) if training else (len(ecg), slice(None))
    kept, mask = draw_mask(kind, count, rows, columns, ratio, generator)
    return kept[own].to(ecg.device), mask[own].to(ecg.device)


def reconstruction_loss(target: Tensor, guess: Tensor, hidden: Tensor, correlation_weight: float = 0.0) -> Tensor:
    """(1 - w) MSE + w (1 - correlation) over the hidden samples alone, the mean over ECGs, a scalar.

    The correlation of an ECG is centred by the means of its hidden samples.

    Parameters
    ----------
    target, guess : Tensor (B, ...)
        In any unit.
    hidden : Tensor of bool (B, ...)
        Of the same shape; at least one sample in each row.
    """
    hidden = hidden.flatten(1)
    target, guess = (torch.where(hidden, x.flatten(1).float(), 0.0) for x in (target, guess))
    count = hidden.sum(dim=1, keepdim=True)
    loss = ((guess - target).square() / count).sum(dim=1).mean()
    if correlation_weight:
        centred = [torch.where(hidden, x - x.sum(dim=1, keepdim=True) / count, 0.0) for x in (target, guess)]
        correlation = F.cosine_similarity(*centred, dim=1).mean()
        loss = (1 - correlation_weight) * loss + correlation_weight * (1 - correlation)
    return loss
