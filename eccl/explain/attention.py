"""Attention rollout: how much of each patch arrives in the feature of a vision transformer, or moves a score of it.

References
----------
Abnar and Zuidema, ACL 2020 (rollout). Chefer, Gur and Wolf, ICCV 2021 (weighted by its gradient).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from eccl.encoders.ecg_vit import ECGViT, unpatchify
from eccl.encoders.transformer import Attention
from eccl.explain.attribution import Score
from eccl.records import LEADS


def rollout(maps: Tensor) -> Tensor:
    """How much of each token (column) arrives in each (row) after all layers (B, N, N); rows sum to 1.

    Heads are averaged, and what goes past a layer counts as much as what goes through it.

    Parameters
    ----------
    maps : Tensor, shape (depth, B, heads, N, N)
        Attention of each layer, first layer first, rows of which sum to 1.
    """
    return _chained(0.5 * maps.mean(dim=2) + 0.5 * torch.eye(maps.shape[-1], dtype=maps.dtype))


def gradient_rollout(maps: Tensor, gradients: Tensor) -> Tensor:
    """How much each token (column) raises a score by way of each (row), after all layers (B, N, N); rows sum to 1.

    Attention is weighted by the gradient of the score; what would lower the score is left out, and heads are averaged.
    Where all gradients are 1 this is `rollout`. The unit of the score says how much the ways through several layers
    weigh beside those through one.

    Parameters
    ----------
    maps, gradients : Tensor, shape (depth, B, heads, N, N)
        Attention of each layer, first layer first, and the gradient of each participant's score by it.
    """
    weighted = (maps * gradients).clamp(min=0).mean(dim=2)
    arrived = _chained(weighted + torch.eye(maps.shape[-1], dtype=maps.dtype))
    return arrived / arrived.sum(dim=-1, keepdim=True)


def _chained(layers: Tensor) -> Tensor:
    """The product (B, N, N) of layers (depth, B, N, N), the first of which acts first."""
    arrived = layers[0]
    for layer in layers[1:]:
        arrived = layer @ arrived
    return arrived


@torch.no_grad()
def attention_rollout(encoder: ECGViT, ecg: Tensor) -> Tensor:
    """Attributions (B, 12, T') of ECGs (B, 12, T) in mV at the encoder's rate: the same for every score of a feature.

    A patch's share is spread evenly over its samples. What the class token keeps of itself is no sample's.

    Raises
    ------
    TypeError
        If the encoder is not a vision transformer, which alone has attention.
    """
    _check(encoder)
    return _spread(encoder, rollout(encoder.forward_attention(ecg)[1]), ecg)


def gradient_attention_rollout(encoder: ECGViT, score: Score, ecg: Tensor) -> Tensor:
    """Attributions (B, K, 12, T') of ECGs (B, 12, T) in mV at the encoder's rate, one for each of K scores.

    Parameters
    ----------
    encoder : ECGViT
    score : callable
        Of ECGs, to (B, K), by way of the encoder: such as its feature times the weights of a probe.
    ecg : Tensor, shape (B, 12, T)

    Raises
    ------
    TypeError
        If the encoder is not a vision transformer, which alone has attention.
    """
    _check(encoder)
    scores, maps = _with_attention(encoder, score, ecg)
    parts = []
    for column in scores.sum(dim=0):
        gradients = torch.stack(torch.autograd.grad(column, maps, retain_graph=True))
        parts.append(_spread(encoder, gradient_rollout(torch.stack(maps).detach(), gradients), ecg))
    return torch.stack(parts, dim=1)


def _check(encoder: nn.Module) -> None:
    if not isinstance(encoder, ECGViT):
        raise TypeError(f"attention rollout needs an ECGViT; a {type(encoder).__name__} has no attention")


@torch.enable_grad()
def _with_attention(encoder: ECGViT, score: Score, ecg: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Scores (B, K), and the attention (B, heads, N, N) of each layer that led to them, in one graph."""
    maps = []

    def form(layer: Attention, inputs: tuple[Tensor], _: Tensor) -> Tensor:
        """What the layer gives, by weights that are formed: its own way never forms them."""
        maps.append(layer.weights(*inputs).requires_grad_())
        values = layer.queries_keys_values(*inputs)[2]
        return layer.project((maps[-1] @ values).transpose(1, 2).flatten(2))

    hooks = [block.attention.register_forward_hook(form) for block in encoder.transformer.blocks]
    try:
        return score(ecg), maps
    finally:
        for hook in hooks:
            hook.remove()


def _spread(encoder: ECGViT, arrived: Tensor, ecg: Tensor) -> Tensor:
    """What arrives in the feature (B, N, N) of each patch of the ECG, evenly over its samples: (B, 12, T')."""
    config, patches = encoder.config, encoder.patchify(ecg)
    share = encoder.pool(arrived)[:, 1:]  # the row of the class token, or the mean of the others
    spread = (share / patches.shape[-1])[:, :, None].expand_as(patches)
    return unpatchify(spread, len(LEADS), config.patch_leads, config.patch_samples)
