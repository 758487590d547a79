"""The stages of the method, each a function that returns its model and its run; a run that is complete is only read.

1a `pretrain_ecg`    masked autoencoder over the ECG
1b `pretrain_cmr`    CMR encoder, supervised by the traits or by diagnoses
2  `pretrain_eccl`   contrastive between both, and the traits from the ECG
3  `fine_tune`       traits or diagnoses from the ECG alone

A run's name digests exactly what influences it: the settings of its own stage and encoders, seed, precision, the
training and validation participants and their data, and the names of the runs it starts from. The test participants
are never read in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eccl.cache import digest
from eccl.config import Config, StageConfig
from eccl.data.split import Split
from eccl.data.store import Batch, Store
from eccl.encoders.cmr import cmr_encoder
from eccl.encoders.ecg_vit import ECGEncoder
from eccl.encoders.heads import CMRModel, ECGPredictor
from eccl.encoders.masked_autoencoder import ECGMaskedAutoencoder
from eccl.machine import engine
from eccl.methods.model import ECCL
from eccl.training.augmentation import CineAugmentation, ECGAugmentation
from eccl.training.embedding import cmr_features, embed, load_encoder
from eccl.training.loop import Objective, Step, Task, fit
from eccl.training.losses import contrastive, gather, trait_loss
from eccl.training.runs import Run
from eccl.training.supervision import rows_of, supervise

RECIPE = 1  # enters every digest; raise it when the same settings come to mean another training


@dataclass(frozen=True, eq=False)
class Trained:
    """A model on the CPU, in evaluation mode, with the weights of its best epoch; and its run. Unpacks into the two.

    The weights of a run that was complete already are read when the model is first asked for.
    """

    run: Run
    read: Callable[[], nn.Module]

    @cached_property
    def model(self) -> nn.Module:
        """The model."""
        return self.read()

    def __iter__(self) -> Iterator[Any]:
        return iter((self.model, self.run))


@dataclass(frozen=True, eq=False)
class Supervised(Trained):
    """A trained model that predicts traits or diagnoses."""

    store: Store
    config: Config
    modality: str
    to_units: Callable[[np.ndarray], np.ndarray]

    def predict(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Traits in their units or probabilities of diagnoses (n, K) of participants of the store."""
        fabric = engine(self.config)
        return self.to_units(embed(self.model, self.store, indices, self.modality, fabric=fabric))


def pretrain_ecg(store: Store, split: Split, config: Config, **options: Any) -> Trained:
    """Stage 1a: the masked autoencoder of the ECG, chosen by the validation loss on masks that stay the same.

    Parameters
    ----------
    store, split, config
        Data, participants and settings.
    **options
        `root` (folder of all runs), `progress` and `on_epoch`, as in `eccl.training.loop.fit`.
    """
    augment = _augmentation(ECGAugmentation, config.stage_mae)

    def step(model: nn.Module, batch: Batch, generator: torch.Generator) -> Step:
        return Step(model(augment(batch.ecg, model, generator), generator).loss)

    return _stage(
        "mae",
        config.stage_mae,
        (config.ecg, config.mae),
        build=lambda: ECGMaskedAutoencoder(ECGEncoder(config.ecg), config.mae),
        objective=lambda: Objective(step),
        data=(store, split, "ecg"),
        config=config,
        **options,
    )


def pretrain_cmr(store: Store, split: Split, config: Config, target: str = "traits", **options: Any) -> Supervised:
    """Stage 1b: the CMR encoder with a linear head, supervised from scratch.

    Parameters
    ----------
    target : str
        As in `fine_tune`; the paper takes the traits or one diagnosis.
    **options
        As in `pretrain_ecg`.
    """
    supervision = supervise(store, split, target)
    trained = _stage(
        f"cmr-{target}",
        config.stage_cmr,
        (config.cmr, target),
        build=lambda: CMRModel(cmr_encoder(config.cmr), supervision.targets.shape[1]),
        objective=lambda: supervision.objective("cine", _augmentation(CineAugmentation, config.stage_cmr)),
        data=(store, split, "cine"),
        config=config,
        **options,
    )
    return Supervised(trained.run, trained.read, store, config, "cmr", supervision.to_units)


def pretrain_eccl(
    store: Store,
    split: Split,
    config: Config,
    mae_run: Run | None,
    cmr_run: Run,
    shuffle_pairs: bool = False,
    **options: Any,
) -> Trained:
    """Stage 2: the ECG encoder is drawn to the frozen CMR encoder's feature of the same person, and to the traits.

    The objective, contrastive plus `trait_weight` times the mean squared error of the 82 z-scores, also chooses the
    epoch on the validation split.

    Parameters
    ----------
    mae_run : Run or None
        Stage 1a, from which the ECG encoder starts; None starts from scratch.
    cmr_run : Run
        Stage 1b, whose encoder is frozen. Its features are computed once, without augmentation, and kept in its folder.
    shuffle_pairs : bool
        Negative control: the CMR features and the traits change places among the training participants, and among the
        validation participants.
    **options
        As in `pretrain_ecg`.
    """

    def start(model: ECCL) -> None:
        if mae_run is not None:
            load_encoder(model.ecg, mae_run)
        load_encoder(model.cmr, cmr_run)

    def objective() -> Objective:
        partner = shuffled(len(store), split, config.seed) if shuffle_pairs else np.arange(len(store))
        traits = supervise(store, split, "traits").targets[partner]
        h_cmr = torch.from_numpy(cmr_features(store, config, cmr_run))[partner]
        augment = _augmentation(ECGAugmentation, config.stage_eccl)
        across = contrastive(config.loss)

        def step(model: nn.Module, batch: Batch, generator: torch.Generator) -> Step:
            output = model(augment(batch.ecg, model, generator), h_cmr=rows_of(h_cmr, batch))
            # every process computes validation whole, so only training gathers
            z_ecg, z_cmr = (gather(z) if model.training else z for z in (output.z_ecg, output.z_cmr))
            supervised = trait_loss(output.traits, rows_of(traits, batch))
            return Step(across(z_ecg, z_cmr) + config.loss.trait_weight * supervised)

        return Objective(step)

    return _stage(
        "eccl-shuffled" if shuffle_pairs else "eccl",
        config.stage_eccl,
        (config.ecg, config.cmr, config.latent, config.loss, shuffle_pairs),
        build=lambda: ECCL(config).freeze_cmr(),
        start=start,
        objective=objective,
        data=(store, split, "ecg"),
        config=config,
        upstream={"mae": mae_run, "cmr": cmr_run},
        **options,
    )


def fine_tune(
    store: Store, split: Split, config: Config, init: Run | None = None, target: str = "traits", **options: Any
) -> Supervised:
    """Stage 3: traits or diagnoses from the ECG alone, all weights free.

    Parameters
    ----------
    init : Run or None
        Stage 1a or 2, from which the ECG encoder starts; None starts from scratch.
    target : str
        "traits": mean squared error of the 82 z-scores, chosen by the validation mean r. "diagnoses" or the code of
        one: cross-entropy, chosen by the validation (mean) AUROC. Cases are weighted to balance the controls, so
        predicted probabilities exceed the prevalence.
    **options
        As in `pretrain_ecg`.
    """
    supervision = supervise(store, split, target)

    def start(model: ECGPredictor) -> None:
        if init is not None:
            load_encoder(model.encoder, init)

    trained = _stage(
        f"finetune-{target}-{'scratch' if init is None else init.config['stage']}",
        config.stage_finetune,
        (config.ecg, target),
        build=lambda: ECGPredictor(ECGEncoder(config.ecg), supervision.targets.shape[1]),
        start=start,
        objective=lambda: supervision.objective("ecg", _augmentation(ECGAugmentation, config.stage_finetune)),
        data=(store, split, "ecg"),
        config=config,
        upstream={"init": init},
        **options,
    )
    return Supervised(trained.run, trained.read, store, config, "ecg", supervision.to_units)


def shuffled(count: int, split: Split, seed: int) -> np.ndarray:
    """Partner of each of `count` participants, drawn within the training and within the validation participants."""
    rng = np.random.default_rng(seed)
    partner = np.arange(count)
    for part in (split.train, split.validation):
        partner[part] = rng.permutation(part)
    return partner


def _augmentation(kind: type, stage: StageConfig) -> Callable[[Tensor, nn.Module, torch.Generator], Tensor]:
    """A function that augments while the model is training, if the stage is to be augmented at all."""
    augmentation = kind()

    def augment(x: Tensor, model: nn.Module, generator: torch.Generator) -> Tensor:
        if not (model.training and stage.augment):
            return x
        return augmentation.apply(x, augmentation.sample(len(x), generator))

    return augment


def _stage(
    name: str,
    stage: StageConfig,
    parts: Sequence[Any],
    *,
    build: Callable[[], nn.Module],
    objective: Callable[[], Objective],
    data: tuple[Store, Split, str],
    config: Config,
    start: Callable[[nn.Module], None] | None = None,
    upstream: Mapping[str, Run | None] | None = None,
    root: Path | None = None,
    **options: Any,
) -> Trained:
    """A stage, trained unless its run is complete: `start` gives weights of `upstream` to the model that is built."""
    store, split, field = data
    names = {role: run and run.name for role, run in (upstream or {}).items()}
    participants = digest(split.train.tolist(), split.validation.tolist())
    run = Run.open(
        f"{name}-{config.preset}",
        *(RECIPE, name, stage, *parts, config.seed, config.precision, store.fingerprint, participants, names),
        root=root,
    )

    def built() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(config.seed)  # initial weights
            return build()

    if run.complete:
        return Trained(run, lambda: run.load_into(built()).eval())
    model = built()
    if start is not None:
        start(model)
    description = {"stage": name, "upstream": names, "data": store.fingerprint, "participants": participants}
    read = partial(store.batch, modalities=(field,))
    task = Task(objective(), read, split.train, split.validation, stage)
    fit(model, task, run, config, description=description, **options)
    return Trained(run, lambda: model)
