"""The masked autoencoder over the ECG: an encoder learns to reconstruct what it does not see, with tokens or without.

Decided here: the error counts on hidden samples only, and nothing is normalised, since amplitude matters.

References
----------
He et al., CVPR 2022 (masked autoencoders); Shi et al., CVPR 2016 (rearranging channels into samples).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import MAEConfig
from eccl.encoders.ecg_resnet import ECGResNet
from eccl.encoders.ecg_vit import ECGViT, unpatchify
from eccl.encoders.masking import mask_of_batch, reconstruction_loss
from eccl.encoders.transformer import EPSILON, Block, initialise, sincos_positions_2d
from eccl.records import LEADS

KERNEL = 7  # of the decoder of maps, in steps of the encoder's maps


@dataclass(frozen=True, eq=False)
class MAEOutput:
    """What the masked autoencoder returns, at the encoder's sampling rate.

    Attributes
    ----------
    loss : Tensor, scalar
        The MSE in (0.2 mV)^2 over the hidden samples, mixed with the correlation if its weight is not 0.
    reconstruction : Tensor (B, 12, T')
        In mV (or -1 to 1, where each lead is scaled); only hidden samples are trained to match.
    hidden : Tensor of bool (B, 12, T')
        Which samples the encoder did not see.
    """

    loss: Tensor
    reconstruction: Tensor
    hidden: Tensor


def masked_autoencoder(encoder: nn.Module, config: MAEConfig) -> MaskedTokens | MaskedSamples:
    """An ECG encoder under a decoder: a transformer is not given what is hidden, another one is given 0 mV instead."""
    return MaskedTokens(encoder, config) if isinstance(encoder, ECGViT) else MaskedSamples(encoder, config)


def take(tokens: Tensor, index: Tensor) -> Tensor:
    """Tokens (B, K, D) at indices (B, K) of tokens (B, N, D)."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[2]))


class MaskedTokens(nn.Module):
    """Trains a transformer over patches to reconstruct those that it does not see.

    The encoder runs on the kept tokens alone, so a step at 75 % masking costs it a quarter of the tokens.
    """

    def __init__(self, encoder: ECGViT, config: MAEConfig):
        super().__init__()
        self.encoder, self.config = encoder, config
        self.bridge = nn.Linear(encoder.width, config.width)
        self.guide = nn.Linear(encoder.width, config.width) if config.guided else None
        self.mask_token = nn.Parameter(torch.empty(1, 1, config.width))
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)
        self.head = nn.Linear(config.width, encoder.patch.in_features)
        self.register_buffer("positions", sincos_positions_2d(config.width, *encoder.grid), persistent=False)
        for module in (self.bridge, self.blocks, self.head):
            initialise(module)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward_encoder(self, patches: Tensor, kept: Tensor) -> Tensor:
        """Encoded class token and kept tokens (B, 1 + K, D) of patches (B, N, P), in the order of their indices."""
        return self.encoder.transformer(take(self.encoder.embed(patches), kept))

    def forward_decoder(self, latent: Tensor, kept: Tensor, mask: Tensor) -> Tensor:
        """Predicted patches (B, N, P) at every position, from the encoded tokens and mask tokens for the others."""
        x = self.bridge(latent)
        filling = self.mask_token.to(x.dtype)
        if self.guide is not None:
            filling = filling + self.guide(self.encoder.pool(latent))[:, None]
        tokens = filling.expand(*mask.shape, -1)
        tokens = tokens.scatter(1, kept[..., None].expand(-1, -1, x.shape[2]), x[:, 1:])  # the kept, back in place
        tokens = tokens + self.positions[:, : mask.shape[1] // self.encoder.grid[0]].flatten(0, 1)
        x = torch.cat([x[:, :1], tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))[:, 1:]

    def forward(self, ecg: Tensor, generator: torch.Generator) -> MAEOutput:
        """Hides patches of ECGs (B, 12, T) in mV by the generator's draw and reconstructs them."""
        patches, config = self.encoder.patchify(ecg), self.config
        grid = self.encoder.grid[0], patches.shape[1] // self.encoder.grid[0]
        kept, mask = mask_of_batch(config.masking, ecg, *grid, config.mask_ratio, generator, self.training)
        guess = self.forward_decoder(self.forward_encoder(patches, kept), kept, mask)
        hidden = mask.bool()[..., None].expand_as(patches)
        loss = reconstruction_loss(patches, guess, hidden, config.correlation_weight)
        shape = len(LEADS), self.encoder.config.patch_leads, self.encoder.config.patch_samples
        return MAEOutput(loss, unpatchify(guess, *shape) / self.encoder.input.units, unpatchify(hidden, *shape))


class MaskedSamples(nn.Module):
    """Trains a convolutional encoder to reconstruct spans of leads that are set to 0 mV before it sees them.

    A lead is cut into spans of `config.span` seconds. The decoder works at the rate of the encoder's maps, and makes
    of each of their steps the samples that it stands for.
    """

    def __init__(self, encoder: ECGResNet, config: MAEConfig):
        super().__init__()
        self.encoder, self.config = encoder, config
        self.span = max(1, round(config.span * encoder.config.sampling_rate))  # samples
        self.bridge = nn.Conv1d(encoder.width, config.width, 1)
        self.guide = nn.Linear(encoder.width, config.width) if config.guided else None
        self.blocks = nn.ModuleList(_MapBlock(config.width) for _ in range(config.depth))
        self.head = nn.Conv1d(config.width, len(LEADS) * encoder.stride, 1)

    def forward_decoder(self, maps: Tensor, samples: int) -> Tensor:
        """Predicted samples (B, 12, T') of the encoder's maps (B, C, T'')."""
        x = self.bridge(maps)
        if self.guide is not None:
            x = x + self.guide(self.encoder.pool(maps))[..., None]
        for block in self.blocks:
            x = block(x)
        steps = self.head(x).unflatten(1, (len(LEADS), -1))  # (B, 12, stride, T'')
        return steps.transpose(2, 3).flatten(2)[..., :samples]

    def forward(self, ecg: Tensor, generator: torch.Generator) -> MAEOutput:
        """Hides spans of ECGs (B, 12, T) in mV by the generator's draw and reconstructs them."""
        signal, config = self.encoder.inside(ecg), self.config
        samples = signal.shape[2]
        grid = len(LEADS), -(-samples // self.span)
        _, mask = mask_of_batch(config.masking, ecg, *grid, config.mask_ratio, generator, self.training)
        hidden = mask.bool().unflatten(1, grid).repeat_interleave(self.span, dim=2)[..., :samples]
        guess = self.forward_decoder(self.encoder.maps(signal.masked_fill(hidden, 0.0)), samples)
        loss = reconstruction_loss(signal, guess, hidden, config.correlation_weight)
        return MAEOutput(loss, guess / self.encoder.input.units, hidden)


class _MapBlock(nn.Module):
    """A convolution beside which its input passes: (B, C, T'') -> (B, C, T'')."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.conv = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.gelu(self.conv(self.norm(x)))
