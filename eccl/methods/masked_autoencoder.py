"""Stage 1a: the masked autoencoder over the ECG, chosen by the validation loss on masks that stay the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from eccl.config import Config, ECGAugmentation, ECGEncoderConfig, MAEConfig, StageConfig
from eccl.data.store import Batch
from eccl.encoders.ecg_vit import ECGViT
from eccl.encoders.masked_autoencoder import ECGMaskedAutoencoder
from eccl.methods.base import Data, Method, Setup, Trained
from eccl.training.augmentation import augmenter
from eccl.training.objective import Objective, Step


@dataclass(frozen=True)
class Settings:
    """What decides it."""

    stage: StageConfig
    ecg: ECGEncoderConfig
    mae: MAEConfig
    augmentation: ECGAugmentation | None


def settings(config: Config) -> Settings:
    """Those of a config."""
    augmentation = config.ecg_augmentation if config.stage_mae.augment else None
    return Settings(config.stage_mae, config.ecg, config.mae, augmentation)


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """The reconstruction of what is hidden."""
    augment = augmenter(settings.augmentation)

    def step(model: nn.Module, batch: Batch, generator: torch.Generator) -> Step:
        return Step(model(augment(batch["ecg"], model, generator), generator).loss)

    return Setup(Objective(step), data.split.train)


def build(settings: Settings) -> ECGMaskedAutoencoder:
    """The encoder under its decoder.

    Raises
    ------
    ValueError
        If the encoder has no tokens to hide.
    """
    if settings.ecg.name != "vit":
        raise ValueError(f'a {settings.ecg.name} has no tokens to hide; start stage 2 from ecg_start="random"')
    return ECGMaskedAutoencoder(ECGViT(settings.ecg), settings.mae)


METHOD = Method(
    name="masked_autoencoder",
    label="masked autoencoder",
    colour="#E69F00",
    reference="He et al., CVPR 2022",
    settings=settings,
    build=build,
    setup=setup,
    ecg_encoder=lambda model: model.encoder,
)
