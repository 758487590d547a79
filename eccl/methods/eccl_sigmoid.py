"""ECCL by the sigmoid loss: each pair of the batch is a question of its own, own or not, and no row is normalised.

Temperature and bias are learned, from 10 and -10 on, so that at first nearly every pair is said to be none.

References
----------
Zhai et al., ICCV 2023 (SigLIP).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.methods.base import variant
from eccl.methods.eccl import METHOD as ECCL
from eccl.methods.eccl import paired
from eccl.training.losses import contrastive_logits


class SigmoidContrast(nn.Module):
    """Mean over anchors of the summed binary cross-entropy of all their pairs, of embeddings (B, D) on the sphere."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def forward(self, z_ecg: Tensor, z_cmr: Tensor) -> Tensor:
        logits = contrastive_logits(z_ecg, z_cmr, (-self.log_scale).exp()) + self.bias
        sign = 2 * torch.eye(len(logits), device=logits.device) - 1  # 1 for one's own partner, else -1
        return -F.logsigmoid(sign * logits).sum(dim=1).mean()


METHOD = variant(
    ECCL,
    name="eccl_sigmoid",
    label="ECCL, sigmoid loss",
    colour="#B3446C",
    reference="Zhai et al., ICCV 2023",
    setup=lambda settings, data, upstream: paired(settings, data, upstream, SigmoidContrast()),
    standard=False,
)
