"""Linear heads on an encoder's feature."""

from __future__ import annotations

from torch import Tensor, nn


def linear_head(width: int, outputs: int) -> nn.Linear:
    """A linear layer of small weights (normal, 0.02, cut at 2) and zero bias: it starts from the mean."""
    head = nn.Linear(width, outputs)
    nn.init.trunc_normal_(head.weight, std=0.02, a=-0.04, b=0.04)
    nn.init.zeros_(head.bias)
    return head


class Predictor(nn.Module):
    """An encoder and a linear head on its feature: (B, ...) -> (B, outputs).

    Outputs are z-scores of traits or logits of diagnoses; initial weights come from torch's global generator.
    """

    def __init__(self, encoder: nn.Module, outputs: int):
        super().__init__()
        self.encoder = encoder
        self.head = linear_head(encoder.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x))
