"""The ECG encoder trained by trait labels alone, from random weights, for at most as many passes as ECCL's stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from eccl.config import Config, ECGAugmentation, ECGEncoderConfig, StageConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.heads import Predictor
from eccl.methods.base import Data, Method, Setup, Trained
from eccl.training.augmentation import augmenter
from eccl.training.supervision import Known, outputs_of, supervise


@dataclass(frozen=True)
class Settings:
    """What decides it; also what decides a fine-tuning, whose stage and start are others."""

    stage: StageConfig
    ecg: ECGEncoderConfig
    target: str
    known: Known
    augmentation: ECGAugmentation | None


def settings(config: Config, stage: StageConfig, target: str) -> Settings:
    """Those of a config, a stage and a target."""
    augmentation = config.ecg_augmentation if stage.augment else None
    return Settings(stage, config.ecg, target, Known.of(config, target), augmentation)


def build(settings: Settings) -> nn.Module:
    """The ECG encoder under a linear head."""
    return Predictor(ecg_encoder(settings.ecg), len(outputs_of(settings.target)))


def setup(settings: Any, data: Data, upstream: Mapping[str, Trained], modality: str = "ecg") -> Setup:
    """The labels of the settings' target, and the participants of whom they are known.

    A pass is as many steps however few they are: they are read again until as many ECGs were as there are participants.

    Parameters
    ----------
    modality : str
        What the targets are predicted from.
    """
    supervision = supervise(data.store, data.split, settings.target, settings.known)
    objective = supervision.objective(modality, augmenter(settings.augmentation))
    return Setup(objective, np.resize(supervision.train, len(data.split.train)), supervision.outputs)


METHOD = Method(
    name="supervised",
    label="supervised",
    colour="#332288",
    reference="He et al., CVPR 2016",
    settings=lambda config: settings(config, config.stage_supervised, "traits"),
    build=build,
    setup=setup,
    learns_from=lambda settings: (settings.target,),
    ecg_encoder=lambda model: model.encoder,
)
