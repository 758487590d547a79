"""Stage 2, ECCL: the ECG encoder is drawn to the frozen CMR encoder's feature of the same person, and to the traits.

The objective, contrastive plus `trait_weight` times the mean squared error of the 82 z-scores, also chooses the epoch
on the validation split. The features of the frozen encoder are computed once, without augmentation, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from eccl.config import CMREncoderConfig, Config, ECGAugmentation, ECGEncoderConfig, LossConfig, StageConfig
from eccl.data.split import Split
from eccl.data.store import Batch
from eccl.encoders.pair import ECCL
from eccl.methods import cmr_supervised, masked_autoencoder
from eccl.methods.base import Data, Method, Setup, Trained, copy_weights
from eccl.training.augmentation import augmenter
from eccl.training.losses import Contrast, gather, trait_loss
from eccl.training.objective import Objective, Step
from eccl.training.supervision import Known, rows_of, supervise


@dataclass(frozen=True)
class Settings:
    """What decides it.

    Attributes
    ----------
    shuffle_pairs : bool
        Negative control: CMR features change places among the training participants, and among the validation
        participants. The traits stay with their ECG, so that it is the pairs alone that are wrong.
    """

    stage: StageConfig
    ecg: ECGEncoderConfig
    cmr: CMREncoderConfig
    embedding: int
    loss: LossConfig
    known: Known
    augmentation: ECGAugmentation | None
    shuffle_pairs: bool = False


def settings(config: Config) -> Settings:
    """Those of a config."""
    augmentation = config.ecg_augmentation if config.stage_eccl.augment else None
    stage, encoders = config.stage_eccl, (config.ecg, config.cmr)
    return Settings(stage, *encoders, config.embedding, config.loss, Known.of(config, "traits"), augmentation)


def starts_from(config: Config) -> dict[str, Method]:
    """Both encoders' earlier stages, or that of the CMR encoder alone.

    Raises
    ------
    ValueError
        If the start of the ECG encoder is none that there is.
    """
    if config.ecg_start not in ("masked_autoencoder", "random"):
        raise ValueError(f'ecg_start is "masked_autoencoder" or "random"; got {config.ecg_start!r}')
    ecg = {} if config.ecg_start == "random" else {"ecg": masked_autoencoder.METHOD}
    return ecg | {"cmr": cmr_supervised.METHOD}


def learns_from(settings: Settings) -> tuple[str, ...]:
    """Trait labels and pairs, so far as their weights are not 0."""
    pairs = "shuffled pairs" if settings.shuffle_pairs else "pairs"
    weights = {"traits": settings.loss.trait_weight, pairs: settings.loss.contrast_weight}
    return tuple(name for name, weight in weights.items() if weight)


def start(model: ECCL, upstream: Mapping[str, Trained]) -> None:
    """From the masked autoencoder, unless the ECG encoder starts at random, and from the supervised CMR encoder."""
    if "ecg" in upstream:
        copy_weights(model.ecg, upstream["ecg"].encoder("ecg"))
    copy_weights(model.cmr, upstream["cmr"].encoder("cine"))


OfImages = Callable[[ECCL, Batch, torch.Generator], Mapping[str, Tensor]]


class PairedStep(nn.Module):
    """One step: embeddings of both against one another, and the traits from the ECG.

    Of more than two modalities each pair is contrasted, and the losses are summed.

    Parameters
    ----------
    contrast : nn.Module
        Of (z_ecg, z_cmr), or another pair.
    traits : Tensor (N, 82)
        Standardised; NaN rows are not known.
    settings : Settings
    cmr : callable (model, batch, generator) -> mapping
        What the model is given beside the ECG: `h_cmr` of a frozen encoder, or the `cine`; and a `table`.
    """

    def __init__(self, contrast: nn.Module, traits: Tensor, settings: Settings, cmr: OfImages):
        super().__init__()
        self.contrast, self.loss = contrast, settings.loss
        self.traits, self.augment, self.cmr = traits, augmenter(settings.augmentation), cmr

    def forward(self, model: ECCL, batch: Batch, generator: torch.Generator) -> Step:
        output = model(self.augment(batch["ecg"], model, generator), **self.cmr(model, batch, generator))
        # every process computes validation whole, so only training gathers
        embeddings = [gather(z) if model.training else z for z in output.embeddings]
        supervised = trait_loss(output.traits, rows_of(self.traits, batch))
        contrast = self.loss.contrast_weight * sum(self.contrast(*pair) for pair in combinations(embeddings, 2))
        return Step(contrast + self.loss.trait_weight * supervised)


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """The pairs, and the contrast that the config names."""
    return paired(settings, data, upstream, Contrast(settings.loss))


def paired(settings: Settings, data: Data, upstream: Mapping[str, Trained], contrast: nn.Module) -> Setup:
    """The pairs under any contrast: a module of (z_ecg, z_cmr), whose own parameters are trained too."""
    return of_pairs(settings, data, contrast, cached(settings, data, upstream))


def cached(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> OfImages:
    """The frozen encoder's feature of the image of each participant of a batch, computed once."""
    count, seed = len(data.store), data.config.seed
    partner = shuffled(count, data.split, seed) if settings.shuffle_pairs else np.arange(count)
    h_cmr = torch.from_numpy(upstream["cmr"].features(data, "cine"))[partner]
    return lambda model, batch, generator: {"h_cmr": rows_of(h_cmr, batch)}


def of_pairs(settings: Settings, data: Data, contrast: nn.Module, cmr: OfImages) -> Setup:
    """The contrast of each ECG with what is given of its image, and the traits of those whose are known."""
    supervision = supervise(data.store, data.split, "traits", settings.known)
    traits = supervision.targets.clone()
    traits[np.setdiff1d(data.split.train, supervision.train)] = torch.nan
    return Setup(Objective(PairedStep(contrast, traits, settings, cmr)), data.split.train, supervision.outputs)


def shuffled(count: int, split: Split, seed: int) -> np.ndarray:
    """Partner of each of `count` participants, drawn within the training and within the validation participants."""
    rng = np.random.default_rng(seed)
    partner = np.arange(count)
    for part in (split.train, split.validation):
        partner[part] = rng.permutation(part)
    return partner


METHOD = Method(
    name="eccl",
    label="ECCL",
    colour="#0072B2",
    reference="Ding et al., MICCAI 2024",
    settings=settings,
    build=lambda settings: ECCL(settings.ecg, settings.cmr, settings.embedding).freeze_cmr(),
    setup=setup,
    starts_from=starts_from,
    start=start,
    frozen=("cmr",),
    learns_from=learns_from,
    ecg_encoder=lambda model: model.ecg,
    cine_encoder=lambda model: model.cmr,
    projections=lambda model: (model.project_ecg, model.project_cmr),
)
