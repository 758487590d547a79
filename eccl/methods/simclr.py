"""SimCLR on the ECG: two changed copies of each ECG of a batch find one another among those of the others.

It sees no image and no label. The copies differ by the augmentation of the config, which is its only teacher: what that
leaves as it is, the encoder learns to keep. A pass reads every ECG once and encodes it twice.

References
----------
Chen et al., ICML 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import Config, ECGAugmentation, ECGEncoderConfig, StageConfig
from eccl.data.store import Batch
from eccl.encoders.ecg import ecg_encoder
from eccl.methods.base import Data, Method, Setup, Trained
from eccl.training.augmentation import augmenter
from eccl.training.losses import gather, nt_xent_loss
from eccl.training.objective import Objective, Step


@dataclass(frozen=True)
class Settings:
    """What decides it."""

    stage: StageConfig
    ecg: ECGEncoderConfig
    embedding: int
    temperature: float
    augmentation: ECGAugmentation


def settings(config: Config) -> Settings:
    """Those of a config."""
    return Settings(config.stage_simclr, config.ecg, config.embedding, config.loss.temperature, config.ecg_augmentation)


class Projected(nn.Module):
    """An encoder under SimCLR's projection of two layers: unit embeddings (B, embedding) in float32."""

    def __init__(self, encoder: nn.Module, embedding: int):
        super().__init__()
        self.encoder = encoder
        self.project = nn.Sequential(
            nn.Linear(encoder.width, encoder.width), nn.ReLU(), nn.Linear(encoder.width, embedding)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.project(self.encoder(x)).float(), dim=-1)


def setup(settings: Any, data: Data, upstream: Mapping[str, Trained], modality: str = "ecg") -> Setup:
    """Two copies of each recording of a batch, drawn anew at every step; on validation the same two every time.

    Raises
    ------
    ValueError
        If the stage is not augmented: the copies would be equal.
    """
    if not settings.stage.augment:
        raise ValueError("SimCLR learns from augmentation alone; leave `augment` of its stage at True")
    augment = augmenter(settings.augmentation, always=True)

    def step(model: nn.Module, batch: Batch, generator: torch.Generator) -> Step:
        copies = [model(augment(batch[modality], model, generator)) for _ in range(2)]
        first, second = (gather(z) if model.training else z for z in copies)
        return Step(nt_xent_loss(first, second, settings.temperature))

    return Setup(Objective(step), data.split.train)


METHOD = Method(
    name="simclr",
    label="SimCLR",
    colour="#EE99AA",
    reference="Chen et al., ICML 2020",
    settings=settings,
    build=lambda settings: Projected(ecg_encoder(settings.ecg), settings.embedding),
    setup=setup,
    learns_from=lambda settings: ("ECGs",),
    ecg_encoder=lambda model: model.encoder,
    standard=False,
)
