"""How a method is obtained: what it starts from is made first, and what is complete is only read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from eccl.cache import digest
from eccl.config import Config
from eccl.methods.base import Data, Method, Trained
from eccl.training.loop import OnEpoch, fit
from eccl.training.objective import Task
from eccl.training.runs import Run

RECIPE = 4  # enters every digest; raise it when the same settings come to mean another training


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
    """The method under each learning rate that its settings try, of which `obtain` takes the best on validation.

    Of several seeds the first chooses, and the others are trained under its choice alone.
    """
    if method.build is None:
        raise ValueError(f"{method.name} is a table of features, with nothing to train or to load")
    upstream = {}
    for role, earlier in method.starts_from(data.config).items():
        upstream[role] = obtain(earlier, data.shared() if role in method.frozen else data, root, progress, on_epoch)
    seen = method.view(data)
    candidates = _candidates(method, data.config)
    if len(candidates) > 1 and data.first().config.seed != data.config.seed:
        chosen = obtain(method, data.first(), root, progress, on_epoch).learning_rate
        candidates = [settings for settings in candidates if settings.stage.learning_rate == chosen]
    attempts = [_Attempt(method, settings, seen, upstream) for settings in candidates]
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
    facts |= {"people": len(np.unique(setup.train)), "reads": len(setup.train)}
    facts |= {} if setup.outputs is None else {"outputs": asdict(setup.outputs)}
    read = partial(data.store.batch, modalities=method.reads)
    task = Task(setup.objective, read, setup.train, data.split.validation, attempt.settings.stage)
    return fit(model, task, run, data.config, data.machine, description=facts, progress=progress, on_epoch=on_epoch)
