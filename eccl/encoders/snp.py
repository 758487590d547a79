"""Encoder of genotypes: a transformer over groups of variants, each group a token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from eccl.data.standard.genotypes import ALLELES, GROUPS, VARIANTS
from eccl.encoders.transformer import Transformer, initialise


class SNPEncoder(nn.Module):
    """(B, 49, 120) of `eccl.data.standard.genotypes.encode_genotypes` to (B, width): the class token.

    A group of variants is mapped linearly to a token, and a learned vector says which group it is, since their order
    means nothing. The published transformer has 12 layers, over the same 49 groups of 120 numbers.
    """

    def __init__(self, width: int = 64, depth: int = 2, heads: int = 4):
        super().__init__()
        self.width = width
        self.embed = nn.Linear(VARIANTS * ALLELES, width)
        self.groups = nn.Parameter(torch.empty(GROUPS, width))
        self.transformer = Transformer(width, depth, heads)
        initialise(self.embed)
        nn.init.normal_(self.groups, std=0.02)

    def forward(self, genotypes: Tensor) -> Tensor:
        return self.transformer(self.embed(genotypes) + self.groups)[:, 0]
