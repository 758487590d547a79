"""The cross-modal autoencoder: one latent from which both the ECG and the cine are drawn, whichever of them was seen.

Initial weights come from torch's global generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import CMREncoderConfig, ECGEncoderConfig
from eccl.data.standard.plane import SIZE
from eccl.encoders.cmr import cmr_encoder
from eccl.encoders.ecg import ecg_encoder
from eccl.records import FRAMES, LEADS, SAMPLES, SAMPLING_RATE

CHANNELS = (64, 48, 32)  # of both decoders, from the latent on
STRETCH = 2  # of a decoder's stage, in time or along a side of the image


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a latent draws, beside what it should.

    Attributes
    ----------
    ecg : Tensor (B, 12, T')
        At the ECG encoder's rate and in its unit.
    cine : Tensor (B, 50, S, S)
        Intensity.
    """

    ecg: Tensor
    cine: Tensor


class SignalDecoder(nn.Module):
    """ECGs (B, 12, samples) of latents (B, D): stretched three times, a convolution after each."""

    def __init__(self, latent: int, samples: int):
        super().__init__()
        self.samples, self.first = samples, -(-samples // STRETCH ** len(CHANNELS))
        self.start = nn.Linear(latent, CHANNELS[0] * self.first)
        widths = (*CHANNELS, len(LEADS))
        self.stages = nn.ModuleList(nn.Conv1d(inside, outside, 7, padding=3) for inside, outside in pairwise(widths))

    def forward(self, z: Tensor) -> Tensor:
        x = self.start(z).reshape(len(z), CHANNELS[0], self.first)
        for stage in self.stages:
            x = stage(F.interpolate(F.gelu(x), scale_factor=STRETCH, mode="linear", align_corners=False))
        return x[..., : self.samples]


class CineDecoder(nn.Module):
    """Cines (B, 50, size, size) of latents (B, D): stretched three times, a convolution after each."""

    def __init__(self, latent: int, size: int):
        super().__init__()
        self.size, self.first = size, -(-size // STRETCH ** len(CHANNELS))
        self.start = nn.Linear(latent, CHANNELS[0] * self.first**2)
        widths = (*CHANNELS, FRAMES)
        self.stages = nn.ModuleList(nn.Conv2d(inside, outside, 3, padding=1) for inside, outside in pairwise(widths))

    def forward(self, z: Tensor) -> Tensor:
        x = self.start(z).reshape(len(z), CHANNELS[0], self.first, self.first)
        for stage in self.stages:
            x = stage(F.interpolate(F.gelu(x), scale_factor=STRETCH, mode="bilinear", align_corners=False))
        return x[..., : self.size, : self.size]


class CrossModalAutoencoder(nn.Module):
    """Both encoders with a linear step to one latent, and a decoder of each modality from it.

    Parameters
    ----------
    latent : int
        Its dimensions; embeddings in the shared space are latents on the unit sphere.
    """

    def __init__(self, ecg: ECGEncoderConfig, cmr: CMREncoderConfig, latent: int):
        super().__init__()
        self.ecg, self.cmr = ecg_encoder(ecg), cmr_encoder(cmr)
        self.project_ecg, self.project_cmr = nn.Linear(self.ecg.width, latent), nn.Linear(self.cmr.width, latent)
        self.draw_ecg = SignalDecoder(latent, SAMPLES * ecg.sampling_rate // round(SAMPLING_RATE))
        self.draw_cine = CineDecoder(latent, SIZE)

    def encode(self, ecg: Tensor, cine: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, D) of ECGs (B, 12, T) in mV and of cines (B, 50, S, S) in [0, 1]."""
        return self.project_ecg(self.ecg(ecg)), self.project_cmr(self.cmr(cine))

    def draw(self, latent: Tensor) -> Drawn:
        """Both views of latents."""
        return Drawn(self.draw_ecg(latent), self.draw_cine(latent))

    def error(self, drawn: Drawn, ecg: Tensor, cine: Tensor) -> Tensor:
        """Mean squared error of the ECG, in its encoder's unit, plus that of the cine, over the batch's variance."""
        with torch.no_grad():
            signal, spread = self.ecg.input(ecg), cine.var().clamp(min=1e-6)
        return F.mse_loss(drawn.ecg.float(), signal.float()) + F.mse_loss(drawn.cine.float(), cine.float()) / spread


def mixed(z_ecg: Tensor, z_cmr: Tensor, generator: torch.Generator) -> Tensor:
    """One latent a participant: of the ECG alone, of the cine alone, or the mean of both, each a third of the time."""
    kind = torch.randint(3, (len(z_ecg), 1), generator=generator, device=generator.device).to(z_ecg.device)
    return torch.where(kind == 0, z_ecg, torch.where(kind == 1, z_cmr, (z_ecg + z_cmr) / 2))
