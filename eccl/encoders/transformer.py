"""Layers of a vision transformer, shared by the encoders of the ECG and of the cine.

References
----------
Dosovitskiy et al., ICLR 2021 (the vision transformer); He et al., CVPR 2022 (masked autoencoders).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6  # of every LayerNorm
QUERY_GAIN = 1.5  # of the first queries and keys, over Xavier's


def sincos_positions_2d(width: int, rows: int, columns: int) -> Tensor:
    """Fixed positions (rows, columns, width) float32: the first half of the width codes the row, the rest the column.

    Each half holds the sines, then the cosines, of the coordinate times pi * 100 ** -(k / n), k = 0 .. n - 1, with
    n = width / 4. The original waves, 10000 ** -(k / n), hardly tell neighbours apart, and most of them are constant
    over the few dozen tokens of an ECG: from waves of 2 to 200 tokens the autoencoder learns in a fraction of the steps
    which tokens are of one moment.

    References
    ----------
    He et al., CVPR 2022, after Vaswani et al., NeurIPS 2017.
    """
    if width % 4:
        raise ValueError(f"a width of {width} does not divide by 4, as sines and cosines of two axes need")
    quarter = width // 4
    frequency = math.pi * 100.0 ** -(torch.arange(quarter, dtype=torch.float64) / quarter)

    def axis(length: int) -> Tensor:
        angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
        return torch.cat([angle.sin(), angle.cos()], dim=1)  # (length, width / 2)

    row = axis(rows)[:, None].expand(rows, columns, -1)
    column = axis(columns)[None].expand(rows, columns, -1)
    return torch.cat([row, column], dim=2).float()


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} does not divide into {heads} heads")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def queries_keys_values(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, heads, N, D / heads)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def weights(self, x: Tensor) -> Tensor:
        """Attention of each token (row) to each (column), (B, heads, N, N); rows sum to 1. `forward` never forms it."""
        q, k, _ = self.queries_keys_values(x)
        return (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(F.scaled_dot_product_attention(*self.queries_keys_values(x)).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A pre-norm transformer layer: (B, N, D) -> (B, N, D)."""

    def __init__(self, width: int, heads: int, mlp_ratio: float = 4.0, dropout: float = 0.0):
        super().__init__()
        hidden = int(width * mlp_ratio)
        self.norm_attention = nn.LayerNorm(width, eps=EPSILON)
        self.attention = Attention(width, heads)
        self.norm_mlp = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm_attention(x)))
        return x + self.mlp(self.norm_mlp(x))


def initialise(module: nn.Module) -> None:
    """Sets every Linear of a module to Xavier-uniform weights and zero biases, as in the MAE.

    Attention starts with equal queries and keys, so that at first a token attends to those that resemble it, as do
    those of the same moment: small networks find alignment in far fewer steps.

    References
    ----------
    Trockman and Kolter, ICML 2023 (such structure is what trained attention has).
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    for attention in (layer for layer in module.modules() if isinstance(layer, Attention)):
        with torch.no_grad():
            queries, keys, _ = attention.qkv.weight.chunk(3)
            keys.copy_(queries.mul_(QUERY_GAIN))


class Transformer(nn.Module):
    """Layers over a class token and tokens that know their position: (B, N, D) -> (B, 1 + N, D), normalised.

    Dropout acts on the embedded tokens and on what each layer adds, not on the attention weights.
    """

    def __init__(self, width: int, depth: int, heads: int, mlp_ratio: float = 4.0, dropout: float = 0.0):
        super().__init__()
        self.class_token = nn.Parameter(torch.empty(1, 1, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        initialise(self)
        nn.init.normal_(self.class_token, std=0.02)

    def prepend(self, tokens: Tensor) -> Tensor:
        return self.dropout(torch.cat([self.class_token.expand(tokens.shape[0], -1, -1), tokens], dim=1))

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.prepend(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward_attention(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and the attention of every layer, (depth, B, heads, 1 + N, 1 + N)."""
        x, maps = self.prepend(tokens), []
        for block in self.blocks:
            maps.append(block.attention.weights(block.norm_attention(x)))
            x = block(x)
        return self.norm(x), torch.stack(maps)
