"""SimCLR on the cine: a CMR encoder that no label has taught, in the place of the one that traits supervise.

References
----------
Chen et al., ICML 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from eccl.config import CineAugmentation, CMREncoderConfig, Config, StageConfig
from eccl.encoders.cmr import cmr_encoder
from eccl.methods.base import Method
from eccl.methods.simclr import Projected, setup


@dataclass(frozen=True)
class Settings:
    """What decides it."""

    stage: StageConfig
    cmr: CMREncoderConfig
    embedding: int
    temperature: float
    augmentation: CineAugmentation


def settings(config: Config) -> Settings:
    """Those of a config; its passes are those of the supervised CMR encoder."""
    return Settings(config.stage_cmr, config.cmr, config.embedding, config.loss.temperature, config.cine_augmentation)


METHOD = Method(
    name="cmr_simclr",
    label="CMR, SimCLR",
    colour="#44AA99",
    reference="Chen et al., ICML 2020",
    settings=settings,
    build=lambda settings: Projected(cmr_encoder(settings.cmr), settings.embedding),
    setup=partial(setup, modality="cine"),
    reads=("cine",),
    learns_from=lambda settings: ("cines",),
    cine_encoder=lambda model: model.encoder,
    standard=False,
)
