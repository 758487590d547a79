"""Stage 1a: the masked autoencoder over the ECG, chosen by the validation loss on masks that stay the same.

It needs no labels, and so learns from the unlabelled ECGs too, where the data have some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from eccl.config import Config, ECGAugmentation, ECGEncoderConfig, MAEConfig, StageConfig
from eccl.data.joined import Joined
from eccl.data.store import Batch
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.masked_autoencoder import masked_autoencoder
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


def view(data: Data) -> Data:
    """The data with the unlabelled, if there are any, among the training participants; validation stays the cohort's.

    An epoch is a pass over all of them.
    """
    if data.unlabelled is None:
        return data
    store = Joined(data.store, data.unlabelled)
    train = np.concatenate([data.split.train, np.arange(len(data.store), len(store))])
    return replace(data, store=store, split=replace(data.split, train=train))


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """The reconstruction of what is hidden."""
    augment = augmenter(settings.augmentation)

    def step(model: nn.Module, batch: Batch, generator: torch.Generator) -> Step:
        return Step(model(augment(batch["ecg"], model, generator), generator).loss)

    return Setup(Objective(step), data.split.train)


def build(settings: Settings) -> nn.Module:
    """The encoder under its decoder."""
    return masked_autoencoder(ecg_encoder(settings.ecg), settings.mae)


METHOD = Method(
    name="masked_autoencoder",
    label="masked autoencoder",
    colour="#E69F00",
    reference="He et al., CVPR 2022",
    settings=settings,
    build=build,
    setup=setup,
    view=view,
    learns_from=lambda settings: ("ECGs",),
    ecg_encoder=lambda model: model.encoder,
)
