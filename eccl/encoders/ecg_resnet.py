"""A residual network over the ECG's leads in time: few weights, quick on a CPU.

References
----------
He et al., CVPR 2016 (residual networks); Ribeiro et al., Nat Commun 2020, and Strodthoff et al., IEEE J Biomed Health
Inform 2021 (of one dimension, on 12-lead ECGs).
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import ECGEncoderConfig
from eccl.encoders.signal import Input
from eccl.records import LEADS, SAMPLES

KERNEL = 7  # samples of the rate inside
STEM_KERNEL = 15
STRIDES = (1, 2, 2, 2)  # of the four stages, after a stem of stride 2
GROWTH = (1.0, 1.5, 2.0, 3.0)  # channels of the stages, times a third of the width


class ResidualBlock(nn.Module):
    """Two convolutions and what they are added to: (B, C, T) -> (B, C', T / stride)."""

    def __init__(self, inside: int, outside: int, stride: int, dropout: float):
        super().__init__()
        self.conv1 = nn.Conv1d(inside, outside, KERNEL, stride, padding=KERNEL // 2, bias=False)
        self.norm1 = nn.BatchNorm1d(outside)
        self.conv2 = nn.Conv1d(outside, outside, KERNEL, padding=KERNEL // 2, bias=False)
        self.norm2 = nn.BatchNorm1d(outside)
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Identity()
        if stride > 1 or inside != outside:
            self.skip = nn.Sequential(
                nn.AvgPool1d(stride, ceil_mode=True), nn.Conv1d(inside, outside, 1, bias=False), nn.BatchNorm1d(outside)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.skip(x) + self.norm2(self.conv2(self.dropout(y))))


class ECGResNet(nn.Module):
    """The feature h_ecg (B, width) of ECGs (B, 12, T) in mV: the mean over time after the last of four stages.

    Parameters
    ----------
    config : ECGEncoderConfig
        `width` is that of the feature; `depth` is how many blocks each stage has.
    samples : int
        The longest T, as of the other encoder; a shorter one is taken too.

    Raises
    ------
    ValueError
        If the width does not divide into stages, or an ECG has other leads or is longer than `samples`.
    """

    def __init__(self, config: ECGEncoderConfig, samples: int = SAMPLES):
        super().__init__()
        if config.width % 6:
            raise ValueError(f"a width of {config.width} does not divide by 6, as the four stages need")
        self.config, self.samples, self.width = config, samples, config.width
        self.input = Input(config)
        channels = [round(config.width / 3 * growth) for growth in GROWTH]
        self.stem = nn.Conv1d(len(LEADS), channels[0], STEM_KERNEL, stride=2, padding=STEM_KERNEL // 2, bias=False)
        self.norm = nn.BatchNorm1d(channels[0])
        blocks, inside = [], channels[0]
        for outside, stride in zip(channels, STRIDES):
            for place in range(config.depth):
                blocks.append(ResidualBlock(inside, outside, stride if place == 0 else 1, config.dropout))
                inside = outside
        self.blocks = nn.Sequential(*blocks)

    @property
    def stride(self) -> int:
        """Samples inside that a step of the maps stands for."""
        return 2 * math.prod(STRIDES)

    def inside(self, ecg: Tensor) -> Tensor:
        """ECGs (B, 12, T) in mV as the layers take them (B, 12, T'), at the encoder's rate and in its unit."""
        if ecg.ndim != 3 or ecg.shape[1] != len(LEADS):
            raise ValueError(f"an ECG batch of shape {tuple(ecg.shape)}, expected (B, {len(LEADS)}, T)")
        if ecg.shape[2] > self.samples:
            raise ValueError(f"{ecg.shape[2]} samples, but this encoder takes at most {self.samples}")
        return self.input(ecg)

    def maps(self, inside: Tensor) -> Tensor:
        """What the last stage makes (B, width, T' / stride, rounded up) of signals (B, 12, T') of `inside`."""
        return self.blocks(F.relu(self.norm(self.stem(inside))))

    def pool(self, maps: Tensor) -> Tensor:
        """The feature (B, width) of maps (B, width, T'')."""
        return maps.mean(dim=-1)

    def forward(self, ecg: Tensor) -> Tensor:
        return self.pool(self.maps(self.inside(ecg)))
