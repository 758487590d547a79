"""ECCL with the CMR encoder trained along: both encoders move towards one another, and nothing of the cine is cached.

The paper freezes the CMR encoder, so that the ECG is drawn to what the image says and not the image to what an ECG can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from eccl.config import CineAugmentation, Config
from eccl.data.store import Batch
from eccl.encoders.pair import ECCL
from eccl.methods import eccl
from eccl.methods.base import Data, Setup, Trained, variant
from eccl.training.augmentation import augmenter
from eccl.training.losses import Contrast


@dataclass(frozen=True)
class Settings(eccl.Settings):
    """What decides it: also how the cines are augmented, which ECCL sees as they are."""

    cine_augmentation: CineAugmentation | None = None


def settings(config: Config) -> Settings:
    """Those of a config."""
    same = {name: getattr(eccl.settings(config), name) for name in eccl.Settings.__dataclass_fields__}
    return Settings(**same, cine_augmentation=config.cine_augmentation if config.stage_eccl.augment else None)


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """The pairs, each cine encoded at every step."""
    augment = augmenter(settings.cine_augmentation)

    def cine(model: ECCL, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        return {"cine": augment(batch["cine"], model, generator)}

    return eccl.of_pairs(settings, data, Contrast(settings.loss), cine)


def build(settings: Any) -> ECCL:
    """Both encoders free."""
    return ECCL(settings.ecg, settings.cmr, settings.embedding)


METHOD = variant(
    eccl.METHOD,
    name="eccl_joint",
    label="ECCL, CMR encoder trained along",
    colour="#117733",
    settings=settings,
    build=build,
    setup=setup,
    reads=("ecg", "cine"),
    frozen=(),
    standard=False,
)
