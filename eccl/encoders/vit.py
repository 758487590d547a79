"""The vision transformer over the 12-lead ECG and its masked autoencoder.

A recording is cut into patches of `patch_leads` leads x `patch_samples` samples; a patch is a token at a fixed
position on the grid (lead group, time). The only scaling is a constant: voltage is information (it carries the mass
of the left ventricle), so no recording is normalised by its own amplitude.

References
----------
Dosovitskiy et al., ICLR 2021 (the vision transformer); He et al., CVPR 2022 (masked autoencoders).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import ECGEncoderConfig, MAEConfig
from eccl.records import LEADS, SAMPLES

UNITS_PER_MILLIVOLT = 5.0  # 0.2 mV, about the RMS of a clinical ECG, is 1 inside the networks; a constant
EPSILON = 1e-6  # of every LayerNorm
QUERY_GAIN = 1.5  # of the first queries and keys, over Xavier's


def patchify(ecg: Tensor, patch_leads: int, patch_samples: int) -> Tensor:
    """Patches (B, N, patch_leads * patch_samples) of signals (B, L, T), lead group by lead group, each along time.

    Raises
    ------
    ValueError
        If the leads or the samples do not divide into patches.
    """
    batch, leads, samples = ecg.shape
    if leads % patch_leads:
        raise ValueError(f"{leads} leads do not divide into patches of {patch_leads} leads")
    if samples == 0 or samples % patch_samples:
        raise ValueError(f"{samples} samples do not divide into patches of {patch_samples} samples")
    grid = ecg.reshape(batch, leads // patch_leads, patch_leads, samples // patch_samples, patch_samples)
    return grid.transpose(2, 3).flatten(3).flatten(1, 2)  # (B, L/p, T/q, p*q) -> (B, N, p*q)


def unpatchify(patches: Tensor, leads: int, patch_leads: int, patch_samples: int) -> Tensor:
    """Signals (B, L, T) of patches (B, N, patch_leads * patch_samples): the inverse of `patchify`."""
    groups = leads // patch_leads
    grid = patches.unflatten(-1, (patch_leads, patch_samples)).unflatten(1, (groups, -1))  # (B, L/p, T/q, p, q)
    return grid.transpose(2, 3).flatten(3).flatten(1, 2)


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

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, heads, N, D / heads)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def weights(self, x: Tensor) -> Tensor:
        """Attention of each token (row) to each (column), (B, heads, N, N); rows sum to 1. `forward` never forms it."""
        q, k, _ = self.split(x)
        return (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(F.scaled_dot_product_attention(*self.split(x)).transpose(1, 2).flatten(2))


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
        return self.dropout(torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], dim=1))

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


class ECGEncoder(nn.Module):
    """The feature h_ecg (B, width) of ECGs (B, 12, T) in mV: the class token after the last LayerNorm.

    Parameters
    ----------
    config : ECGEncoderConfig
    samples : int
        The longest T that positions cover; a shorter one takes the first of them.

    Raises
    ------
    ValueError
        If leads or samples do not divide into patches, or if an ECG is longer than `samples`.
    """

    def __init__(self, config: ECGEncoderConfig, samples: int = SAMPLES):
        super().__init__()
        self.config, self.samples, self.width = config, samples, config.width
        if len(LEADS) % config.patch_leads:
            raise ValueError(f"{len(LEADS)} leads do not divide into patches of {config.patch_leads} leads")
        if samples % config.patch_samples:
            raise ValueError(f"{samples} samples do not divide into patches of {config.patch_samples} samples")
        self.grid = (len(LEADS) // config.patch_leads, samples // config.patch_samples)  # lead groups, time patches
        self.patch = nn.Linear(config.patch_leads * config.patch_samples, config.width)
        self.transformer = Transformer(config.width, config.depth, config.heads, config.mlp_ratio, config.dropout)
        self.register_buffer("positions", sincos_positions_2d(config.width, *self.grid), persistent=False)
        initialise(self.patch)

    def patchify(self, ecg: Tensor) -> Tensor:
        """Patches (B, N, P) of an ECG, in units of 0.2 mV."""
        if ecg.ndim != 3 or ecg.shape[1] != len(LEADS):
            raise ValueError(f"an ECG batch of shape {tuple(ecg.shape)}, expected (B, {len(LEADS)}, T)")
        if ecg.shape[2] > self.samples:
            raise ValueError(f"{ecg.shape[2]} samples, but the positions of this encoder cover {self.samples}")
        return patchify(ecg * UNITS_PER_MILLIVOLT, self.config.patch_leads, self.config.patch_samples)

    def embed(self, patches: Tensor) -> Tensor:
        """Tokens (B, N, D) of patches (B, N, P): a linear map plus the position."""
        columns = patches.shape[1] // self.grid[0]
        return self.patch(patches) + self.positions[:, :columns].flatten(0, 1)

    def forward(self, ecg: Tensor) -> Tensor:
        return self.transformer(self.embed(self.patchify(ecg)))[:, 0]

    def forward_attention(self, ecg: Tensor) -> tuple[Tensor, Tensor]:
        """h_ecg (B, width) and the attention maps (depth, B, heads, 1 + N, 1 + N), token 0 the class token."""
        tokens, maps = self.transformer.forward_attention(self.embed(self.patchify(ecg)))
        return tokens[:, 0], maps


@dataclass(frozen=True, eq=False)
class MAEOutput:
    """What the masked autoencoder returns.

    Attributes
    ----------
    loss : Tensor, scalar
        The MSE in (0.2 mV)^2 over the masked patches, mixed with the correlation if its weight is not 0.
    reconstruction : Tensor (B, 12, T)
        In mV; only masked patches are trained to match.
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

    def __init__(self, encoder: ECGEncoder, config: MAEConfig):
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
        kept, mask = random_mask(*patches.shape[:2], self.config.mask_ratio, generator)
        kept, mask = kept.to(ecg.device), mask.to(ecg.device)
        prediction = self.forward_decoder(self.forward_encoder(patches, kept), kept, mask)
        loss = self.forward_loss(patches, prediction, mask)
        shape = len(LEADS), self.encoder.config.patch_leads, self.encoder.config.patch_samples
        return MAEOutput(loss, unpatchify(prediction, *shape) / UNITS_PER_MILLIVOLT, mask)
