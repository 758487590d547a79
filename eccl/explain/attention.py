"""Attention rollout: how much of each patch arrives in the feature of a vision transformer, whatever the score.

References
----------
Abnar and Zuidema, ACL 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor

from eccl.encoders.ecg_vit import ECGViT, unpatchify
from eccl.records import LEADS


def rollout(maps: Tensor) -> Tensor:
    """How much of each token (column) arrives in each (row) after all layers (B, N, N); rows sum to 1.

    Heads are averaged, and what goes past a layer counts as much as what goes through it.

    Parameters
    ----------
    maps : Tensor, shape (depth, B, heads, N, N)
        Attention of each layer, first layer first, rows of which sum to 1.
    """
    mixed = 0.5 * maps.mean(dim=2) + 0.5 * torch.eye(maps.shape[-1], dtype=maps.dtype)
    arrived = mixed[0]
    for layer in mixed[1:]:
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
    if not isinstance(encoder, ECGViT):
        raise TypeError(f"attention rollout needs an ECGViT; a {type(encoder).__name__} has no attention")
    _, maps = encoder.forward_attention(ecg)
    config, patches = encoder.config, encoder.patchify(ecg)
    share = encoder.pool(rollout(maps))[:, 1:]  # the row of the class token, or the mean of the others
    spread = (share / patches.shape[-1])[:, :, None].expand_as(patches)
    return unpatchify(spread, len(LEADS), config.patch_leads, config.patch_samples)
