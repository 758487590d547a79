"""The cross-modal autoencoder: both views of a heart drawn from one latent, whichever of them was seen.

Here with this book's encoders of a ten-second ECG and of a short-axis cine. The published one takes a median beat and a
four-chamber cine, a latent of 256, and encoders of its own (densely connected convolutions).

References
----------
Radhakrishnan et al., Nat Commun 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from eccl.config import CineAugmentation, CMREncoderConfig, Config, ECGAugmentation, ECGEncoderConfig, StageConfig
from eccl.data.store import Batch
from eccl.encoders.cross_modal import CrossModalAutoencoder, mixed
from eccl.methods.base import Data, Method, Setup, Trained
from eccl.training.augmentation import augmenter
from eccl.training.losses import clip_loss, gather
from eccl.training.objective import Objective, Step

CONTRAST = 0.1  # weight of the contrast beside the reconstruction, as published


@dataclass(frozen=True)
class Settings:
    """What decides it."""

    stage: StageConfig
    ecg: ECGEncoderConfig
    cmr: CMREncoderConfig
    latent: int
    temperature: float
    augmentation: ECGAugmentation | None
    cine_augmentation: CineAugmentation | None
    contrast: float = CONTRAST


def settings(config: Config) -> Settings:
    """Those of a config, in the passes of stage 2."""
    stage, augment = config.stage_eccl, config.stage_eccl.augment
    changes = (config.ecg_augmentation, config.cine_augmentation) if augment else (None, None)
    return Settings(stage, config.ecg, config.cmr, config.embedding, config.loss.temperature, *changes)


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """Both views of each participant from a latent of the one, of the other or of both, and the contrast of the two."""
    change_ecg, change_cine = augmenter(settings.augmentation), augmenter(settings.cine_augmentation)

    def step(model: CrossModalAutoencoder, batch: Batch, generator: torch.Generator) -> Step:
        ecg, cine = (
            change(batch[name], model, generator) for name, change in (("ecg", change_ecg), ("cine", change_cine))
        )
        z_ecg, z_cmr = model.encode(ecg, cine)
        error = model.error(model.draw(mixed(z_ecg, z_cmr, generator)), ecg, cine)
        sphere = [F.normalize(z.float(), dim=-1) for z in (z_ecg, z_cmr)]
        one, two = (gather(z) if model.training else z for z in sphere)
        return Step(error + settings.contrast * clip_loss(one, two, settings.temperature))

    return Setup(Objective(step), data.split.train)


METHOD = Method(
    name="cross_modal_autoencoder",
    label="cross-modal autoencoder",
    colour="#DDCC77",
    reference="Radhakrishnan et al., Nat Commun 2023",
    settings=settings,
    build=lambda settings: CrossModalAutoencoder(settings.ecg, settings.cmr, settings.latent),
    setup=setup,
    reads=("ecg", "cine"),
    learns_from=lambda settings: ("ECGs", "pairs"),
    ecg_encoder=lambda model: model.ecg,
    cine_encoder=lambda model: model.cmr,
    projections=lambda model: (model.project_ecg, model.project_cmr),
    standard=False,
)
