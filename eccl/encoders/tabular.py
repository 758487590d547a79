"""Encoder of a table of people: a multilayer perceptron over numbers, one-hot answers, and what is missing."""

from __future__ import annotations

from torch import Tensor, nn

from eccl.data.standard.tabular import FEATURES


class TabularEncoder(nn.Module):
    """(B, 255) of `eccl.data.standard.tabular.encode` to (B, width), by two hidden layers of that width.

    The published one takes 195 features to 256, 256 and the latent. The latent is here the projection behind it, and 60
    more inputs say which of the numbers are missing.

    References
    ----------
    Hager et al., CVPR 2023 (contrast of images and tables of UK Biobank).
    """

    def __init__(self, width: int = 256):
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Linear(FEATURES, width), nn.GELU(), nn.Linear(width, width), nn.GELU())

    def forward(self, table: Tensor) -> Tensor:
        return self.layers(table)
