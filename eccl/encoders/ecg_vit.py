"""The vision transformer over the 12-lead ECG.

A recording is cut into patches of `patch_leads` leads x `patch_samples` samples; a patch is a token at a fixed
position on the grid (lead group, time). The only scaling is a constant: voltage is information (it carries the mass
of the left ventricle), so no recording is normalised by its own amplitude unless a config asks for it.

References
----------
Dosovitskiy et al., ICLR 2021.
"""

from __future__ import annotations

from torch import Tensor, nn

from eccl.config import ECGEncoderConfig
from eccl.encoders.signal import Input
from eccl.encoders.transformer import Transformer, initialise, sincos_positions_2d
from eccl.records import LEADS, SAMPLES

POOLINGS = ("class", "mean")


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


class ECGViT(nn.Module):
    """The feature h_ecg (B, width) of ECGs (B, 12, T) in mV: the class token after the last LayerNorm, or the mean.

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
        if config.pooling not in POOLINGS:
            raise ValueError(f"the pooling is {config.pooling!r}; it is one of {', '.join(POOLINGS)}")
        self.input = Input(config)
        inside = samples // self.input.factor
        if len(LEADS) % config.patch_leads:
            raise ValueError(f"{len(LEADS)} leads do not divide into patches of {config.patch_leads} leads")
        if inside % config.patch_samples:
            raise ValueError(f"{inside} samples do not divide into patches of {config.patch_samples} samples")
        self.grid = (len(LEADS) // config.patch_leads, inside // config.patch_samples)  # lead groups, time patches
        self.patch = nn.Linear(config.patch_leads * config.patch_samples, config.width)
        self.transformer = Transformer(config.width, config.depth, config.heads, config.mlp_ratio, config.dropout)
        self.register_buffer("positions", sincos_positions_2d(config.width, *self.grid), persistent=False)
        initialise(self.patch)

    def patchify(self, ecg: Tensor) -> Tensor:
        """Patches (B, N, P) of an ECG, in units of 0.2 mV, or of half a lead's range."""
        if ecg.ndim != 3 or ecg.shape[1] != len(LEADS):
            raise ValueError(f"an ECG batch of shape {tuple(ecg.shape)}, expected (B, {len(LEADS)}, T)")
        if ecg.shape[2] > self.samples:
            raise ValueError(f"{ecg.shape[2]} samples, but the positions of this encoder cover {self.samples}")
        return patchify(self.input(ecg), self.config.patch_leads, self.config.patch_samples)

    def embed(self, patches: Tensor) -> Tensor:
        """Tokens (B, N, D) of patches (B, N, P): a linear map plus the position."""
        columns = patches.shape[1] // self.grid[0]
        return self.patch(patches) + self.positions[:, :columns].flatten(0, 1)

    def forward(self, ecg: Tensor) -> Tensor:
        return self.pool(self.transformer(self.embed(self.patchify(ecg))))

    def pool(self, tokens: Tensor) -> Tensor:
        """The feature (B, D) of encoded tokens (B, 1 + N, D), the class token first."""
        return tokens[:, 0] if self.config.pooling == "class" else tokens[:, 1:].mean(dim=1)

    def forward_attention(self, ecg: Tensor) -> tuple[Tensor, Tensor]:
        """h_ecg (B, width) and the attention maps (depth, B, heads, 1 + N, 1 + N), token 0 the class token."""
        tokens, maps = self.transformer.forward_attention(self.embed(self.patchify(ecg)))
        return self.pool(tokens), maps
