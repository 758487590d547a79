"""Attributions: how much each sample of a signal has to do with a score. Pure functions of a score and of signals.

A score is a callable of signals (B, L, T) to (B,), or to (B, K) for K scores at once. An attribution has the shape of
the signals, (B, L, T), or (B, K, L, T), and the unit of the score; a gradient has that of the score per unit of signal.

References
----------
Sundararajan, Taly and Yan, ICML 2017 (integrated gradients). Smilkov et al., arXiv 1706.03825, 2017 (SmoothGrad).
Zeiler and Fergus, ECCV 2014 (occlusion).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]
STEPS = 16  # of the integral, from the baseline to the signal
NOISE = 0.1  # SD of SmoothGrad's noise over that of each signal


def gradient(score: Score, signals: Tensor) -> Tensor:
    """How fast each score grows with each sample."""
    inputs = signals.detach().clone().requires_grad_()
    scores = score(inputs)
    columns = scores.reshape(len(inputs), -1).sum(dim=0)
    parts = [torch.autograd.grad(column, inputs, retain_graph=True)[0] for column in columns]
    return torch.stack(parts, dim=1).reshape(*scores.shape, *inputs.shape[1:])


def integrated_gradients(score: Score, signals: Tensor, baseline: float = 0.0, steps: int = STEPS) -> Tensor:
    """What each sample adds to the score on the straight way from a flat line to the signal.

    They sum to the score of the signal less that of the baseline, but for the error of the integral, which is taken at
    the middles of `steps` equal parts.

    Parameters
    ----------
    score : callable
    signals : Tensor, shape (B, L, T)
    baseline : float
        Of the flat line, in the signals' unit.
    steps : int
    """
    away = signals - baseline
    total = sum(gradient(score, baseline + (step + 0.5) / steps * away) for step in range(steps))
    return _beside(away, total) * total / steps


def smooth_grad(
    score: Score, signals: Tensor, generator: torch.Generator, samples: int = STEPS, noise: float = NOISE
) -> Tensor:
    """The gradient, averaged over signals to which normal noise is added.

    Parameters
    ----------
    score : callable
    signals : Tensor, shape (B, L, T)
    generator : torch.Generator
        Of the noise.
    samples : int
        How many noisy signals.
    noise : float
        Its SD over the SD of each participant's signal.
    """
    sd = noise * signals.std(dim=(-2, -1), keepdim=True)
    total = 0.0
    for _ in range(samples):
        drawn = torch.randn(signals.shape, generator=generator, dtype=signals.dtype)
        total = total + gradient(score, signals + sd * drawn)
    return total / samples


@torch.no_grad()
def occlusion(score: Score, signals: Tensor, groups: Tensor, baseline: float = 0.0) -> Tensor:
    """What a score loses when a group of samples is made flat, shared evenly among the samples of the group.

    The sum over a group is that loss.

    Parameters
    ----------
    score : callable
    signals : Tensor, shape (B, L, T)
    groups : Tensor of bool, shape (G, L, T) or (B, G, L, T)
        Each group's samples, such as a lead (`leads`) or a wave in all leads; no sample in two of them.
    baseline : float
        What is put there, in the signals' unit.
    """
    groups = groups.expand(len(signals), *groups.shape[-3:])
    whole = score(signals)
    total = torch.zeros(*whole.shape, *signals.shape[1:], dtype=signals.dtype)
    for group in groups.unbind(dim=1):
        loss = whole - score(torch.where(group, baseline, signals))
        size = group.sum(dim=(-2, -1), keepdim=True).clamp(min=1)
        total += loss[..., None, None] * _beside(group / size, total)
    return total


def leads(signals: Tensor) -> Tensor:
    """The groups (L, L, T) of `occlusion` of which each is one lead."""
    count, samples = signals.shape[-2:]
    return torch.eye(count, dtype=torch.bool)[:, :, None].expand(count, count, samples)


def _beside(signals: Tensor, attributions: Tensor) -> Tensor:
    """Signals (B, L, T) with the axes of attributions, (B, L, T) or (B, K, L, T)."""
    return signals if attributions.ndim == signals.ndim else signals[:, None]
