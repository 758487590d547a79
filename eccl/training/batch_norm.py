"""Batch normalisation over the batch of all processes, so that several of them train as one does, on any device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn


class _Sum(torch.autograd.Function):
    """Sum over processes; its backward sums what all of them ask of it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient


class _Shared(nn.modules.batchnorm._BatchNorm):
    """A batch norm whose mean and variance in training are those of all processes' rows, of as many each.

    torch's own SyncBatchNorm is of GPUs alone.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or distributed.get_world_size() == 1:
            return super().forward(x)
        world, dims = distributed.get_world_size(), (0, *range(2, x.ndim))
        shape = (-1, *[1] * (x.ndim - 2))
        mean = _Sum.apply(x.mean(dims)) / world
        centred = x - mean.view(shape)
        variance = _Sum.apply((centred**2).mean(dims)) / world
        with torch.no_grad():
            count = world * x.numel() / x.shape[1]
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var), self.momentum)
            self.num_batches_tracked.add_(1)
        scale = (variance + self.eps).rsqrt() * self.weight
        return centred * scale.view(shape) + self.bias.view(shape)


class SharedBatchNorm1d(_Shared, nn.BatchNorm1d):
    """`nn.BatchNorm1d` over all processes."""


class SharedBatchNorm2d(_Shared, nn.BatchNorm2d):
    """`nn.BatchNorm2d` over all processes."""


SHARED = {nn.BatchNorm1d: SharedBatchNorm1d, nn.BatchNorm2d: SharedBatchNorm2d}


def share_batch_norms(model: nn.Module) -> None:
    """Lets the batch norms of a model see the rows of all processes; parameters, buffers and their names stay."""
    for module in model.modules():
        module.__class__ = SHARED.get(type(module), type(module))
