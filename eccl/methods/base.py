"""What a method is, what a method that was trained is, and which trainings it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import nn

from eccl.cache import kept_array
from eccl.config import Config
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.data.store import Store
from eccl.machine import Machine, engine
from eccl.training.embedding import embed
from eccl.training.objective import Objective
from eccl.training.runs import Run
from eccl.training.supervision import Outputs

if TYPE_CHECKING:
    import pandas as pd


class Data(Protocol):
    """What a method is trained on, as `eccl.study.data.Data`."""

    config: Config
    cohort: Cohort
    store: Store
    split: Split
    machine: Machine
    unlabelled: Store | None
    obtained: dict[str, Trained]

    def shared(self) -> Data:
        """The data with the seed that all seeds of a comparison share, and the labels that this one knows."""

    def first(self) -> Data:
        """The first of the seeds of a comparison, with the labels that it knows."""


@dataclass(frozen=True, eq=False)
class Setup:
    """What the training of a method needs: its objective, who is trained on, and what its run says besides."""

    objective: Objective
    train: np.ndarray
    outputs: Outputs | None = None


@dataclass(frozen=True, eq=False)
class Method:
    """One way to features of an ECG or a cine: what it reads, starts from, builds and optimises.

    Attributes
    ----------
    name : str
        "eccl": how it is asked for, prefix of its runs, row of every table.
    label, colour : str
        As readers see it.
    reference : str
        Where it is from.
    settings : callable (Config) -> settings, a frozen dataclass with a StageConfig `stage`
        What decides it; the digest of its run is of the whole of it. None of what is not trained.
    build : callable (settings) -> nn.Module
        The module, with fresh weights from torch's global generator. None of a table.
    setup : callable (settings, Data, upstream) -> Setup
        Objective and participants. None of what is not trained.
    reads : tuple of str
        Modalities of a batch.
    view : callable (Data) -> Data
        What it is trained on, of the data: by default the cohort, and never the unlabelled.
    starts_from : callable (Config) -> mapping of str to Method
        By role: whose trained weights or features it needs.
    start : callable (module, upstream)
        Gives weights of `upstream`, the Trained by role, to the module.
    frozen : tuple of str
        Roles that all seeds of a comparison share, since they are not trained on.
    learns_from : callable (settings) -> tuple of str
        What teaches it, beside what it starts from: "traits", "diagnoses" or the code of one, "pairs", "ECGs".
    ecg_encoder, cine_encoder : callable (module) -> module
        What evaluation takes out of the module.
    projections : callable (module) -> (module, module)
        From features of ECG and cine to their shared space.
    table : callable (Data) -> DataFrame
        Features without a network, one row a participant; may hold NaN.
    standard : bool
        Whether comparisons hold it unless they are told which methods to compare.
    """

    name: str
    label: str
    colour: str
    reference: str
    settings: Callable[[Config], Any] | None = None
    build: Callable[[Any], nn.Module] | None = None
    setup: Callable[[Any, Data, Mapping[str, Trained]], Setup] | None = None
    reads: tuple[str, ...] = ("ecg",)
    view: Callable[[Any], Any] = lambda data: data
    starts_from: Callable[[Config], Mapping[str, Method]] = lambda config: {}
    start: Callable[[Any, Mapping[str, Trained]], None] = lambda module, upstream: None
    frozen: tuple[str, ...] = ()
    learns_from: Callable[[Any], tuple[str, ...]] = lambda settings: ()
    ecg_encoder: Callable[[Any], nn.Module] | None = None
    cine_encoder: Callable[[Any], nn.Module] | None = None
    projections: Callable[[Any], tuple[nn.Module, nn.Module]] | None = None
    table: Callable[[Data], pd.DataFrame] | None = None
    standard: bool = True

    def __repr__(self) -> str:
        return f"Method({self.name!r}: {self.label}; {self.reference})"

    def initial(self, config: Config) -> nn.Module:
        """The module with the initial weights of a config's seed; the global generator is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(config.seed)
            return self.build(self.settings(config))


@dataclass(frozen=True, eq=False)
class Trained:
    """A method as trained by one config: a module on the CPU, in evaluation mode, with the weights of its best epoch.

    The weights of a run that was complete already are read when the model is first asked for.
    """

    method: Method
    run: Run
    read: Callable[[], nn.Module] = field(repr=False)

    def _repr_html_(self) -> str:
        return self.run._repr_html_()

    @cached_property
    def model(self) -> nn.Module:
        """The module."""
        return self.read()

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch, as `Run.history`."""
        return self.run.history

    @property
    def learning_rate(self) -> float:
        """The peak rate of its stage."""
        return self.run.config["settings"]["stage"]["learning_rate"]

    def encoder(self, modality: str = "ecg") -> nn.Module:
        """The encoder of a modality.

        Raises
        ------
        ValueError
            If the method has none.
        """
        take = {"ecg": self.method.ecg_encoder, "cine": self.method.cine_encoder}.get(modality)
        if take is None:
            raise ValueError(f"{self.method.name} has no encoder of the {modality}")
        return take(self.model)

    def features(self, data: Data, modality: str = "ecg") -> np.ndarray:
        """Features (N, width) of everyone's ECG or cine before any projection; computed once and kept."""
        fabric = engine(data.machine, data.config.precision)
        rows = np.arange(len(data.store))
        return kept_array(
            f"features-{modality}",
            (self.run.name, data.store.fingerprint, data.config.precision),
            lambda: embed(self.encoder(modality), data.store, rows, modality, fabric=fabric),
            fabric,
        )


@dataclass(frozen=True, eq=False)
class Stage:
    """One training that a method stands on, whether it is of the ECG encoder, and whether all seeds share it."""

    method: Method
    of_ecg: bool
    shared: bool


def stages(method: Method, config: Config, of_ecg: bool = True, shared: bool = False) -> Iterator[Stage]:
    """The trainings that a method stands on, earlier ones first, its own last."""
    for role, earlier in method.starts_from(config).items():
        yield from stages(earlier, config, of_ecg and role == "ecg", shared or role in method.frozen)
    if method.setup is not None:
        yield Stage(method, of_ecg, shared)


def most_passes(method: Method, config: Config, of_ecg: bool = True) -> int:
    """Passes over the training participants that a config grants the ECG encoder, or else the frozen CMR encoder."""
    chain = [stage.method for stage in stages(method, config) if stage.of_ecg == of_ecg]
    return sum(each.settings(config).stage.epochs for each in chain)


def variant(method: Method, name: str, label: str, colour: str, **changes: Any) -> Method:
    """A method that differs from another in some fields, under a name of its own."""
    return replace(method, name=name, label=label, colour=colour, **changes)


def copy_weights(into: nn.Module, encoder: nn.Module) -> None:
    """Gives an encoder the weights of a trained one of the same shape.

    Raises
    ------
    ValueError
        If the shapes differ, as where the config of the earlier run had another size.
    """
    try:
        into.load_state_dict(encoder.state_dict())
    except RuntimeError as error:
        raise ValueError(f"weights do not fit ({str(error).splitlines()[-1].strip()}); use one config") from error
