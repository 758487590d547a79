"""What a method is, and how it is obtained: what it starts from is made first, and what is complete is only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import nn

from eccl.cache import digest, kept_array
from eccl.config import Config
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.data.store import Store
from eccl.machine import Machine, engine
from eccl.training.embedding import embed
from eccl.training.loop import OnEpoch, fit
from eccl.training.objective import Objective, Task
from eccl.training.runs import Run
from eccl.training.supervision import Outputs

if TYPE_CHECKING:
    import pandas as pd

RECIPE = 3  # enters every digest; raise it when the same settings come to mean another training


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
        """The data with the seed that all seeds of a comparison share."""


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


def obtain(
    method: Method, data: Data, root: Path | None = None, progress: bool = True, on_epoch: OnEpoch | None = None
) -> Trained:
    """A method trained on data: read where its run is complete, else resumed or trained, after what it starts from.

    A run's name digests exactly what influences it: the method's settings, seed, precision, the training and validation
    participants and their data, and the names of the runs it starts from. The test participants are never read.

    Parameters
    ----------
    method : Method
        A network; `METHODS` holds them by name.
    data : Data
        Config, participants and machine. What was obtained from it once is not read again.
    root : path, optional
        Folder of all runs; default home()/"runs".
    progress, on_epoch
        As in `eccl.training.loop.fit`.
    """
    found = tried(method, data, root, progress, on_epoch)
    return found[0] if len(found) == 1 else min(found, key=_criterion)


def tried(
    method: Method, data: Data, root: Path | None = None, progress: bool = True, on_epoch: OnEpoch | None = None
) -> list[Trained]:
    """The method under each learning rate that its settings try, of which `obtain` takes the best on validation."""
    if method.build is None:
        raise ValueError(f"{method.name} is a table of features, with nothing to train or to load")
    upstream = {}
    for role, earlier in method.starts_from(data.config).items():
        upstream[role] = obtain(earlier, data.shared() if role in method.frozen else data, root, progress, on_epoch)
    seen = method.view(data)
    attempts = [_Attempt(method, settings, seen, upstream) for settings in _candidates(method, data.config)]
    return [_obtained(attempt, attempt.run(root), progress, on_epoch) for attempt in attempts]


def _candidates(method: Method, config: Config) -> list[Any]:
    """The settings to train: one for each learning rate that is to be tried."""
    settings = method.settings(config)
    rates = settings.stage.learning_rates if method.setup is not None else ()
    if not rates:
        return [settings]
    return [replace(settings, stage=replace(settings.stage, learning_rate=rate, learning_rates=())) for rate in rates]


def _criterion(trained: Trained) -> float:
    """What chose the best epoch on validation, the lower the better."""
    metrics = trained.run.metrics
    value = metrics[metrics["chosen_by"]]
    return -value if metrics["better"] == "higher" else value


@dataclass(frozen=True, eq=False)
class _Attempt:
    """One training of a method, under one learning rate: on what, and from what."""

    method: Method
    settings: Any
    data: Data
    upstream: Mapping[str, Trained]

    @property
    def facts(self) -> dict[str, Any]:
        """What config.json says of the run beside the config."""
        return {
            "method": self.method.name,
            "settings": asdict(self.settings),
            "upstream": {role: trained.run.name for role, trained in self.upstream.items()},
            "simulated": self.data.store.simulated,
            "data": self.data.store.fingerprint,
            "participants": digest(self.data.split.train.tolist(), self.data.split.validation.tolist()),
        }

    def run(self, root: Path | None) -> Run:
        """Its folder."""
        config, facts = self.data.config, self.facts
        parts = (RECIPE, self.method.name, self.settings, config.seed, config.precision)
        data = (facts["data"], facts["participants"], facts["upstream"])
        return Run.open(f"{self.method.name}-{config.preset}", *parts, *data, root=root)


def _obtained(attempt: _Attempt, run: Run, progress: bool, on_epoch: OnEpoch | None) -> Trained:
    """The method as obtained from these data before, read, or trained."""
    method, data = attempt.method, attempt.data
    if run.name in data.obtained:
        return data.obtained[run.name]
    if method.setup is None:
        trained = Trained(method, run, lambda: method.initial(data.config).eval())
    elif run.complete:
        trained = Trained(method, run, lambda: run.load_into(method.initial(data.config)).eval())
    else:
        model = _fitted(attempt, run, progress, on_epoch)
        trained = Trained(method, run, lambda: model)
    return data.obtained.setdefault(run.name, trained)


def _fitted(attempt: _Attempt, run: Run, progress: bool, on_epoch: OnEpoch | None) -> nn.Module:
    """The module, trained from what it starts from."""
    method, data, facts = attempt.method, attempt.data, attempt.facts
    model = method.initial(data.config)
    method.start(model, attempt.upstream)
    setup = method.setup(attempt.settings, data, attempt.upstream)
    facts |= {"people": len(setup.train)} | ({} if setup.outputs is None else {"outputs": asdict(setup.outputs)})
    read = partial(data.store.batch, modalities=method.reads)
    task = Task(setup.objective, read, setup.train, data.split.validation, attempt.settings.stage)
    return fit(model, task, run, data.config, data.machine, description=facts, progress=progress, on_epoch=on_epoch)


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
