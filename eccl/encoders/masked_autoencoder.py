"""The masked autoencoder over the ECG: an encoder learns to reconstruct the patches that it does not see.

References
----------
He et al., CVPR 2022 (masked autoencoders).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import MAEConfig
from eccl.encoders.ecg_vit import ECGViT, unpatchify
from eccl.encoders.transformer import EPSILON, Block, initialise, sincos_positions_2d
from eccl.machine import share
from eccl.records import LEADS


@dataclass(frozen=True, eq=False)
class MAEOutput:
    """What the masked autoencoder returns.

    Attributes
    ----------
    loss : Tensor, scalar
        The MSE in (0.2 mV)^2 over the masked patches, mixed with the correlation if its weight is not 0.
    reconstruction : Tensor (B, 12, T)
        In mV (or -1 to 1, where each lead is scaled); only masked patches are trained to match.
    mask : Tensor (B, N)
        0 is keep, 1 is removed.
    """

    loss: Tensor
    reconstruction: Tensor
    mask: Tensor


def random_mask(batch: int, tokens: int, ratio: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Indices of the kept tokens (B, K) and the mask (B, N), 0 is keep, 1 is removed, on the generator's device.

    Every row keeps the same number of tokens, round(N (1 - ratio)), but at least one and not all.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"a mask ratio of {ratio}, expected between 0 and 1")
    number = min(max(round(tokens * (1 - ratio)), 1), tokens - 1)
    noise = torch.rand(batch, tokens, generator=generator, device=generator.device)
    kept = noise.argsort(dim=1)[:, :number]
    return kept, torch.ones_like(noise).scatter_(1, kept, 0.0)


def take(tokens: Tensor, index: Tensor) -> Tensor:
    """Tokens (B, K, D) at indices (B, K) of tokens (B, N, D)."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[2]))


class ECGMaskedAutoencoder(nn.Module):
    """Trains an ECG encoder to reconstruct the patches that it does not see.

    The encoder runs on the kept tokens alone, so a step at 75 % masking costs it a quarter of the tokens. Any token of
    the lead x time grid can be removed, also at the same time in different leads.

    Decided here: the error counts on masked patches only, patches are not normalised (amplitude matters), and the
    correlation, when used, is centred by the means of the masked samples of each recording.
    """

    def __init__(self, encoder: ECGViT, config: MAEConfig):
        super().__init__()
        self.encoder, self.config = encoder, config
        self.bridge = nn.Linear(encoder.width, config.width)
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
        tokens = self.mask_token.to(x.dtype).expand(*mask.shape, -1)
        tokens = tokens.scatter(1, kept[..., None].expand(-1, -1, x.shape[2]), x[:, 1:])  # the kept, back in place
        tokens = tokens + self.positions[:, : mask.shape[1] // self.encoder.grid[0]].flatten(0, 1)
        x = torch.cat([x[:, :1], tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))[:, 1:]

    def forward_loss(self, patches: Tensor, prediction: Tensor, mask: Tensor) -> Tensor:
        """(1 - w) MSE + w (1 - correlation) over the masked patches (mask: 0 is keep, 1 is removed)."""
        removed = mask.bool()
        target = patches[removed].view(len(patches), -1).float()  # (B, masked samples)
        guess = prediction[removed].view(len(patches), -1).float()
        weight = self.config.correlation_weight
        loss = F.mse_loss(guess, target)
        if weight:
            guess, target = guess - guess.mean(dim=1, keepdim=True), target - target.mean(dim=1, keepdim=True)
            loss = (1 - weight) * loss + weight * (1 - F.cosine_similarity(guess, target, dim=1).mean())
        return loss

    def forward(self, ecg: Tensor, generator: torch.Generator) -> MAEOutput:
        """Masks ECGs (B, 12, T) in mV by the generator's draw and reconstructs them."""
        patches = self.encoder.patchify(ecg)
        count, rows = share(len(ecg)) if self.training else (len(ecg), slice(None))  # validation is whole everywhere
        kept, mask = random_mask(count, patches.shape[1], self.config.mask_ratio, generator)
        kept, mask = kept[rows].to(ecg.device), mask[rows].to(ecg.device)
        prediction = self.forward_decoder(self.forward_encoder(patches, kept), kept, mask)
        loss = self.forward_loss(patches, prediction, mask)
        shape = len(LEADS), self.encoder.config.patch_leads, self.encoder.config.patch_samples
        return MAEOutput(loss, unpatchify(prediction, *shape) / self.encoder.input.units, mask)
