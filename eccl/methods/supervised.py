"""The ECG encoder trained by the trait labels alone, from random weights, for as many passes as both stages of ECCL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eccl.config import Config, ECGAugmentation, ECGEncoderConfig, StageConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.heads import Predictor
from eccl.methods.base import Data, Method, Setup, Trained
from eccl.training.augmentation import augmenter
from eccl.training.supervision import outputs_of, supervise


@dataclass(frozen=True)
class Settings:
    """What decides it."""

    stage: StageConfig
    ecg: ECGEncoderConfig
    label_share: float
    augmentation: ECGAugmentation | None


def settings(config: Config) -> Settings:
    """Those of a config."""
    augmentation = config.ecg_augmentation if config.stage_supervised.augment else None
    return Settings(config.stage_supervised, config.ecg, config.label_share, augmentation)


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """The trait labels, and the participants of whom they are known."""
    supervision = supervise(data.store, data.split, "traits", settings.label_share, data.config.seed)
    objective = supervision.objective("ecg", augmenter(settings.augmentation))
    return Setup(objective, supervision.train, supervision.outputs)


METHOD = Method(
    name="supervised",
    label="supervised",
    colour="#332288",
    reference="He et al., CVPR 2016",
    settings=settings,
    build=lambda settings: Predictor(ecg_encoder(settings.ecg), len(outputs_of("traits"))),
    setup=setup,
    ecg_encoder=lambda model: model.encoder,
    standard=False,
)
