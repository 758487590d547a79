"""Stage 1b: the CMR encoder with a linear head, supervised from scratch by the traits, or by one diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from eccl.config import CineAugmentation, CMREncoderConfig, Config, StageConfig
from eccl.encoders.cmr import cmr_encoder
from eccl.encoders.heads import Predictor
from eccl.methods.base import Method
from eccl.methods.supervised import setup
from eccl.training.supervision import Known, outputs_of


@dataclass(frozen=True)
class Settings:
    """What decides it."""

    stage: StageConfig
    cmr: CMREncoderConfig
    target: str
    known: Known
    augmentation: CineAugmentation | None


def settings(config: Config) -> Settings:
    """Those of a config."""
    augmentation = config.cine_augmentation if config.stage_cmr.augment else None
    target = config.cmr_target
    return Settings(config.stage_cmr, config.cmr, target, Known.of(config, target), augmentation)


METHOD = Method(
    name="cmr_supervised",
    label="CMR",
    colour="#009E73",
    reference="Ding et al., MICCAI 2024",
    settings=settings,
    build=lambda settings: Predictor(cmr_encoder(settings.cmr), len(outputs_of(settings.target))),
    setup=partial(setup, modality="cine"),
    reads=("cine",),
    learns_from=lambda settings: (settings.target,),
    cine_encoder=lambda model: model.encoder,
    standard=False,  # an image, which no ECG need equal
)
