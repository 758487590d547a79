"""The one training loop, for every stage: `fit`.

All randomness of an epoch (order, augmentation, masks, dropout) comes from the seed and the epoch's number alone, so a
training that was interrupted goes on from the last whole epoch as if nothing had happened: on a CPU, bit for bit.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from eccl.config import Config, StageConfig, to_dict
from eccl.machine import Machine, engine
from eccl.training.batch_norm import share_batch_norms
from eccl.training.objective import Objective, Step, Task
from eccl.training.optimisation import TRAINING, VALIDATION, entropy, epoch_batches, learning_rate, optimiser
from eccl.training.provenance import provenance
from eccl.training.runs import Run, part_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric

OnEpoch = Callable[[dict[str, float]], None]  # called with a row of the history
LARGEST_GRADIENT = 1.0  # L2 norm over all parameters; longer gradients are scaled down to it


class _Stage(nn.Module):
    """Model and objective as one module: precision and data parallelism then wrap all of a step.

    A batch travels as its fields, since the wrappers rebuild what they are given and a frozen dataclass forbids it.
    """

    def __init__(self, model: nn.Module, objective: Objective):
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, kind: type, fields: dict[str, Tensor], generator: torch.Generator) -> Step:
        return self.objective.step(self.model, kind(**fields), generator)


class _Reader(Dataset):
    """A store read by lists of indices."""

    def __init__(self, read: Callable[[np.ndarray], Any]):
        self.read = read

    def __getitem__(self, indices: np.ndarray) -> Any:
        return self.read(indices)


@dataclass(frozen=True, eq=False)
class _Training:
    """One training, whatever the model: what it optimises and on whom, where it computes, and where it writes."""

    task: Task
    run: Run
    config: Config
    machine: Machine
    fabric: Fabric
    description: Mapping[str, Any]


def fit(
    model: nn.Module,
    task: Task,
    run: Run,
    config: Config,
    machine: Machine | None = None,
    *,
    description: dict[str, Any] | None = None,
    on_epoch: OnEpoch | None = None,
    progress: bool = True,
) -> nn.Module:
    """The model with the weights of its best epoch, on the CPU: trained, resumed, or read from a complete run.

    Parameters
    ----------
    model : nn.Module
        With its initial weights. It is changed in place.
    task : Task
        Objective, participants and optimisation.
    run : Run
        Where everything is written. If it is complete, nothing is trained.
    config : Config
        Seed and precision.
    machine : Machine, optional
        With several devices each batch is shared among them.
    description : dict, optional
        What config.json and provenance.json say besides: the stage, earlier runs, data.
    on_epoch : callable, optional
        Called with the row of the history once an epoch is safely on disk.
    progress : bool
        Show a bar.

    Raises
    ------
    FloatingPointError
        If the loss or the score is no longer a number.
    DataError
        If the run's folder cannot be read or written, or another process is training it and the machine does not wait.
    """
    if not run.complete:
        machine = machine or Machine()
        fabric = engine(machine, config.precision)
        writes = fabric.is_global_zero
        cuda = [fabric.device] if fabric.device.type == "cuda" else []
        with run.lock(machine.wait) if writes else contextlib.nullcontext(), torch.random.fork_rng(cuda):
            if not run.complete:
                bar = tqdm(desc=run.name, leave=False, mininterval=1.0, disable=not (progress and writes))
                with bar:
                    _train(model, _Training(task, run, config, machine, fabric, description or {}), bar, on_epoch)
        fabric.barrier()
    return run.load_into(model.cpu()).eval()


def _train(model: nn.Module, training: _Training, bar: tqdm, on_epoch: OnEpoch | None) -> None:
    """Trains from the run's last whole epoch until the stage has ended, and completes the run."""
    run, fabric, objective, stage = training.run, training.fabric, training.task.objective, training.task.stage
    if fabric.world_size > 1:
        share_batch_norms(model)
    both = _Stage(model, objective)
    plain = optimiser(both, stage)
    module, wrapped = fabric.setup(both, plain)
    state = run.load_state() or {"history": [], "best": None}
    history, best = state["history"], state["best"]
    if history:
        both.load_state_dict(state["stage"])
        plain.load_state_dict(state["optimiser"])
    if fabric.is_global_zero:
        run.save_json("config.json", {**training.description, "config": to_dict(training.config)})

    while not objective.ended(history, stage):
        epoch, began = len(history), time.perf_counter()
        row = {
            "epoch": epoch,
            "train_loss": _train_epoch(module, wrapped, training, epoch, bar),
            **_evaluate(module, training),
            "learning_rate": wrapped.param_groups[0]["lr"],
            "seconds": time.perf_counter() - began,
        }
        row = fabric.broadcast(row)  # all processes decide alike on the best epoch and on the end
        _check_finite(row, run, stage)
        history.append(row)
        bar.set_postfix({name: f"{row[name]:.3f}" for name in ("train_loss", objective.criterion)}, refresh=False)
        if objective.best_epoch(history) == epoch:
            best = {name: value.detach().cpu().clone() for name, value in both.state_dict().items()}
        if fabric.is_global_zero:
            run.save_state(
                {"stage": both.state_dict(), "optimiser": plain.state_dict(), "best": best, "history": history}
            )
            run.save_history(history)
        if on_epoch is not None:
            on_epoch(row)

    if fabric.is_global_zero:
        _complete(training, best, history)


def _train_epoch(module: nn.Module, optimizer: Any, training: _Training, epoch: int, bar: tqdm) -> float:
    """Mean loss over the batches of an epoch and over the processes, each batch a step of the optimiser."""
    task, fabric, stage, seed = training.task, training.fabric, training.task.stage, training.config.seed
    generator = _draw(fabric, TRAINING, seed, epoch)
    batches = epoch_batches(task.train, stage.batch_size, seed, epoch, fabric.global_rank, fabric.world_size)
    bar.total, total = stage.epochs * len(batches), torch.zeros((), device=fabric.device)
    module.train()
    loaded = _load(task.read, batches, fabric, training.machine.workers)
    for position, batch in enumerate(loaded, start=epoch * len(batches)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(position, bar.total, stage)
        loss = module(type(batch), vars(batch), generator).loss
        fabric.backward(loss)
        fabric.clip_gradients(module, optimizer, max_norm=LARGEST_GRADIENT, error_if_nonfinite=False)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.detach()
        bar.update(position + 1 - bar.n)
    return float(fabric.all_reduce(total)) / len(batches)


def _complete(training: _Training, best: dict[str, Tensor], history: list[dict[str, float]]) -> None:
    """Writes the best weights, what they reached and what made them."""
    run, objective = training.run, training.task.objective
    seconds = sum(row["seconds"] for row in history)
    metrics = {"stopped_after": len(history), "chosen_by": objective.criterion, "better": objective.better}
    metrics |= history[objective.best_epoch(history)]
    metrics |= {name: value.tolist() for name, value in part_of(best, "objective.").items()}
    facts = provenance(training.config, training.machine, **training.description, run=run.name, total_seconds=seconds)
    run.finish(part_of(best, "model."), history, metrics, facts)


@torch.no_grad()
def _evaluate(module: nn.Module, training: _Training) -> dict[str, float]:
    """Loss and score of the whole validation split, by each process, with the same draw at every epoch."""
    task, fabric = training.task, training.fabric
    module.eval()
    generator = _draw(fabric, VALIDATION, training.config.seed)
    count = max(1, len(task.validation) // task.stage.batch_size)
    batches = np.array_split(task.validation, count)  # none is smaller than a batch, or has fewer negatives
    loaded = _load(task.read, batches, fabric, training.machine.workers)
    steps = [module(type(batch), vars(batch), generator) for batch in loaded]
    loss = np.average([float(step.loss) for step in steps], weights=[len(batch) for batch in batches])
    if task.objective.score is None:
        return {"validation_loss": float(loss)}
    prediction = torch.cat([step.prediction for step in steps]).float().cpu().numpy()
    target = torch.cat([step.target for step in steps]).float().cpu().numpy()
    return {"validation_loss": float(loss), "validation_score": float(task.objective.score(prediction, target))}


def _draw(fabric: Fabric, purpose: int, *key: int) -> torch.Generator:
    """A generator on the device for augmentation and masks, which each process draws for the whole batch.

    Dropout, which knows no generator, is seeded as well: apart for each process, whose rows are its own.
    """
    dropout, draw = (int(word) for word in entropy(purpose, *key).generate_state(2, np.uint32))
    torch.manual_seed(dropout + fabric.global_rank)
    return torch.Generator(device=fabric.device).manual_seed(draw)


def _load(read: Callable, batches: list[np.ndarray], fabric: Fabric, workers: int) -> Iterator[Any]:
    """Batches on the device, in order, whatever the number of reading processes."""
    pinned = fabric.device.type == "cuda"
    loader = DataLoader(_Reader(read), sampler=batches, batch_size=None, num_workers=workers, pin_memory=pinned)
    for batch in loader:
        yield batch.to(fabric.device)


def _check_finite(row: dict[str, float], run: Run, stage: StageConfig) -> None:
    for name, value in row.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"{run.name}, epoch {row['epoch']}: the {name.replace('_', ' ')} is {value}. Remedy: lower the "
                f"learning rate of this stage (now {stage.learning_rate:g}) or lengthen its warm-up (now "
                f"{stage.warmup:g} of the epochs), or train in precision 32-true; the epochs before are kept."
            )
