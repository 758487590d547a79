"""The loop: schedule, shares, the optimiser by hand; and that interruption, repetition and processes change nothing."""

import math
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.processes import free_port, join_as, processes
from torch import Tensor, nn

from eccl.config import StageConfig, preset
from eccl.machine import Machine
from eccl.records import DataError
from eccl.training.loop import fit
from eccl.training.losses import clip_loss, gather
from eccl.training.objective import Objective, Step, Task
from eccl.training.optimisation import epoch_batches, learning_rate, optimiser
from eccl.training.runs import Run

CONFIG = preset("smoke")
CPU = Machine("cpu")
STAGE = StageConfig(epochs=4, batch_size=8, learning_rate=1e-2, patience=9)
TRAIN, VALIDATION = np.arange(30), np.arange(30, 40)
X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
Y = X @ torch.randn(6, 3, generator=torch.Generator().manual_seed(1))


@dataclass(frozen=True)
class Pairs:
    """A batch of the toy store."""

    x: Tensor
    y: Tensor

    def to(self, device):
        return Pairs(self.x.to(device), self.y.to(device))


def read(indices):
    return Pairs(X[indices], Y[indices])


class Toy(nn.Module):
    """Dropout, batch norm and a vector: everything whose state or randomness a resume could lose."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.body = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))

    def forward(self, x):
        return self.body(x)


def regress(model, batch, generator):
    x = batch.x + 0.1 * torch.randn(batch.x.shape, generator=generator) if model.training else batch.x
    prediction = model(x)
    return Step(F.mse_loss(prediction, batch.y), prediction, batch.y)


def train(folder, model=None, objective=None, stage=STAGE, config=CONFIG, machine=CPU, **options):
    model = model or Toy()
    run = Run(Path(folder) / "toy-0")
    task = Task(objective or Objective(regress), read, TRAIN, VALIDATION, stage)
    fit(model, task, run, config, machine, progress=False, **options)
    return model, run


def timeless(run):
    return run.history.drop(columns="seconds")


def same(a, b):
    return all(torch.equal(value, b[name]) for name, value in a.items()) and a.keys() == b.keys()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted training."""
    return train(tmp_path_factory.mktemp("whole"))


def test_rate_warms_up_linearly_and_ends_near_zero():
    stage = replace(STAGE, warmup=0.1)
    rates = [learning_rate(step, 100, stage) for step in range(100)]
    assert rates[:10] == pytest.approx([stage.learning_rate * k / 10 for k in range(1, 11)])
    assert rates[10] == pytest.approx(stage.learning_rate) and rates[55] == pytest.approx(stage.learning_rate / 2)
    assert all(np.diff(rates[10:]) < 0) and 0 < rates[-1] < 1e-3 * stage.learning_rate
    assert learning_rate(0, 100, replace(STAGE, warmup=0.0)) == stage.learning_rate


def test_epoch_depends_on_seed_and_number_alone():
    order = np.concatenate(epoch_batches(TRAIN, 8, seed=1, epoch=2))
    np.testing.assert_array_equal(order, np.concatenate(epoch_batches(TRAIN, 8, seed=1, epoch=2)))
    for seed, epoch in ((1, 3), (2, 2)):
        assert not np.array_equal(order, np.concatenate(epoch_batches(TRAIN, 8, seed, epoch)))


@pytest.mark.parametrize(("batch_size", "world"), [(8, 2), (9, 2), (64, 3), (8, 1)])
def test_processes_share_every_batch_equally(batch_size, world):
    shares = [epoch_batches(TRAIN, batch_size, 0, 0, rank, world) for rank in range(world)]
    sizes = {len(batch) for share in shares for batch in share}
    assert sizes == {min(batch_size, 30) // world}
    taken = np.concatenate([batch for share in shares for batch in share])
    assert len(np.unique(taken)) == len(taken) and set(taken) <= set(TRAIN)
    if batch_size % world == 0 and batch_size <= 30:
        for alone, *parts in zip(epoch_batches(TRAIN, batch_size, 0, 0), *shares):
            np.testing.assert_array_equal(alone, np.concatenate(parts))


def test_too_few_participants_for_the_processes():
    with pytest.raises(ValueError, match="1 participants cannot be shared among 2"):
        epoch_batches(np.arange(1), 8, 0, 0, 0, 2)


def test_vectors_are_not_decayed_and_frozen_weights_are_left_out():
    model = Toy()
    model.body[0].weight.requires_grad_(False)
    decayed, plain = optimiser(model, STAGE).param_groups
    assert [p.shape for p in decayed["params"]] == [(3, 16)] and decayed["weight_decay"] == STAGE.weight_decay
    assert all(p.ndim == 1 for p in plain["params"]) and len(plain["params"]) == 4 and plain["weight_decay"] == 0
    assert decayed["betas"] == (0.9, 0.95)


def test_steps_equal_adamw_with_clipping_by_hand(tmp_path):
    """Loshchilov and Hutter, ICLR 2019, algorithm 2, in numpy on one matrix."""
    scale = 5.0  # makes gradients longer than the limit

    def step(model, batch, generator):
        return Step(scale * F.mse_loss(model(batch.x), batch.y))

    model = nn.Linear(6, 3, bias=False)
    w = model.weight.detach().double().numpy().copy()
    stage = replace(STAGE, epochs=1, batch_size=10, warmup=0.5)
    train(tmp_path, model, Objective(step), stage)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, rows in enumerate(epoch_batches(TRAIN, 10, CONFIG.seed, 0)):
        x, y = X[rows].double().numpy(), Y[rows].double().numpy()
        gradient = scale * 2 * (x @ w.T - y).T @ x / y.size
        assert np.linalg.norm(gradient) > 1
        gradient /= np.linalg.norm(gradient)
        m, v = 0.9 * m + 0.1 * gradient, 0.95 * v + 0.05 * gradient**2
        rate = learning_rate(t, 3, stage)
        w -= rate * stage.weight_decay * w
        w -= rate * (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.95 ** (t + 1))) + 1e-8)
    np.testing.assert_allclose(model.weight.detach().numpy(), w, rtol=1e-4, atol=1e-6)


def test_it_learns(tmp_path):
    _, run = train(tmp_path, nn.Linear(6, 3), stage=replace(STAGE, epochs=40, learning_rate=0.1))
    assert run.history["validation_loss"].iloc[-1] < 0.02 * run.history["validation_loss"].iloc[0]


def test_run_holds_the_best_epoch(whole):
    model, run = whole
    history, metrics = run.history, run.metrics
    assert len(history) == STAGE.epochs and not model.training
    assert metrics["epoch"] == history["validation_loss"].idxmin()
    assert metrics["validation_loss"] == history["validation_loss"].min()
    assert same(model.state_dict(), run.load_model())
    with torch.no_grad():
        loss = F.mse_loss(model(X[VALIDATION]), Y[VALIDATION])
    assert float(loss) == pytest.approx(metrics["validation_loss"], rel=1e-5)
    assert run.config["config"]["seed"] == CONFIG.seed and run.provenance["run"] == "toy-0"


@pytest.mark.parametrize("after", range(STAGE.epochs))
def test_interrupted_and_resumed_equals_uninterrupted(whole, tmp_path, after):
    def interrupt(row):
        if row["epoch"] == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, on_epoch=interrupt)
    assert not (tmp_path / "toy-0" / "metrics.json").exists()
    torch.manual_seed(99)  # nothing may hang on the state of the global generator
    epochs = []
    model, run = train(tmp_path, on_epoch=epochs.append)
    assert len(epochs) == STAGE.epochs - 1 - after
    assert same(model.state_dict(), whole[0].state_dict())
    assert timeless(run).equals(timeless(whole[1]))


def test_interruption_within_an_epoch_repeats_that_epoch(whole, tmp_path):
    calls = []

    def breaking(model, batch, generator):
        calls.append(1)
        if len(calls) == 7:
            raise RuntimeError("power cut")
        return regress(model, batch, generator)

    with pytest.raises(RuntimeError, match="power cut"):
        train(tmp_path, objective=Objective(breaking))
    model, run = train(tmp_path)
    assert same(model.state_dict(), whole[0].state_dict()) and timeless(run).equals(timeless(whole[1]))


def killed(folder):
    train(folder, on_epoch=lambda row: row["epoch"] == 1 and os.kill(os.getpid(), signal.SIGKILL))


def test_killed_process_is_resumed_bit_for_bit(whole, tmp_path):
    assert processes(killed, (tmp_path,)) == [-signal.SIGKILL]
    assert (tmp_path / "toy-0" / "state.pt").exists()
    epochs = []
    model, run = train(tmp_path, on_epoch=epochs.append)
    assert [row["epoch"] for row in epochs] == [2, 3]
    assert same(model.state_dict(), whole[0].state_dict()) and timeless(run).equals(timeless(whole[1]))


def test_finished_run_is_read_and_not_trained(whole):
    def refuse(*_):
        raise AssertionError("it trained")

    run = whole[1]
    before = {path.name: path.stat().st_mtime_ns for path in run.folder.iterdir()}
    model = fit(Toy(), Task(Objective(refuse), refuse, TRAIN, VALIDATION, STAGE), run, CONFIG)
    assert same(model.state_dict(), whole[0].state_dict()) and not model.training
    assert before == {path.name: path.stat().st_mtime_ns for path in run.folder.iterdir()}


def test_weights_of_another_model_are_refused(whole):
    with pytest.raises(DataError, match=r"do not fit a Linear") as caught:
        fit(nn.Linear(2, 2), Task(Objective(regress), read, TRAIN, VALIDATION, STAGE), whole[1], CONFIG)
    assert "model.safetensors" in str(caught.value)


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_early_stopping_keeps_the_best_weights(tmp_path, better):
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.2, 0.9] if better == "higher" else [0.9, 0.5, 0.6, 0.5, 0.8, 0.1])
    model, seen = Toy(), []
    objective = Objective(regress, score=lambda prediction, target: next(scores), better=better)
    keep = lambda row: seen.append({name: value.clone() for name, value in model.state_dict().items()})  # noqa: E731
    _, run = train(tmp_path, model, objective, replace(STAGE, epochs=9, patience=3), on_epoch=keep)
    assert len(seen) == 5  # epoch 1 is best, an equal is no better, three more pass
    assert run.metrics["epoch"] == 1 and run.metrics["validation_score"] == 0.5 and run.metrics["stopped_after"] == 5
    assert same(model.state_dict(), seen[1]) and not same(model.state_dict(), seen[4])


def test_score_sees_the_whole_validation_split_in_order(tmp_path):
    def score(prediction, target):
        np.testing.assert_array_equal(target, Y[VALIDATION].numpy())
        assert prediction.shape == target.shape
        return 1.0

    train(tmp_path, objective=Objective(regress, score, "higher"), stage=replace(STAGE, epochs=1, batch_size=3))


def test_validation_draws_alike_at_every_epoch_and_training_does_not(tmp_path):
    def lottery(model, batch, generator):
        return Step(0 * model(batch.x).sum() + torch.rand((), generator=generator))

    _, run = train(tmp_path, nn.Linear(6, 3), Objective(lottery))
    assert run.history["validation_loss"].nunique() == 1
    assert run.history["train_loss"].nunique() == STAGE.epochs


@pytest.mark.parametrize("quantity", ["train loss", "validation loss"])
def test_not_a_number_stops_with_a_remedy_and_keeps_the_epochs_before(tmp_path, quantity):
    calls = []

    def diverging(model, batch, generator):
        step = regress(model, batch, generator)
        calls.extend([1] * model.training)
        bad = len(calls) > 3 and model.training == (quantity == "train loss")
        return step._replace(loss=step.loss * math.nan) if bad else step

    with pytest.raises(FloatingPointError, match=rf"toy-0, epoch 1: the {quantity} is nan.*Remedy: lower the learning"):
        train(tmp_path, objective=Objective(diverging))
    assert len(Run(tmp_path / "toy-0").load_state()["history"]) == 1


def test_global_randomness_is_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    model = Toy()
    torch.manual_seed(5)
    train(tmp_path, model, stage=replace(STAGE, epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_reading_processes_change_nothing(whole, tmp_path):
    model, _ = train(tmp_path, machine=replace(CPU, workers=2), stage=STAGE)
    assert same(model.state_dict(), whole[0].state_dict())


def test_bf16_trains_float32_weights(tmp_path):
    config, stage = replace(CONFIG, precision="bf16-mixed"), replace(STAGE, epochs=20, learning_rate=0.1)
    model, run = train(tmp_path, nn.Linear(6, 3), stage=stage, config=config)
    assert model.weight.dtype == torch.float32
    assert run.metrics["validation_loss"] < 0.1 * run.history["validation_loss"].iloc[0]


class Contrast(nn.Module):
    """Two encoders whose loss hangs on the whole batch."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.a, self.b = nn.Linear(6, 4), nn.Linear(3, 4)

    def forward(self, batch):
        return F.normalize(self.a(batch.x), dim=-1), F.normalize(self.b(batch.y), dim=-1)


def contrast(model, batch, generator):
    return Step(clip_loss(*(gather(z) if model.training else z for z in model(batch))))


def rank(number, port, folder):
    join_as(number, 2, port)
    two = replace(CPU, devices=2)
    model, run = train(folder, Contrast(), Objective(contrast), replace(STAGE, epochs=2), machine=two)
    torch.save({"weights": model.state_dict(), "complete": run.complete}, Path(folder) / f"{number}.pt")


def test_two_processes_train_as_one(tmp_path):
    port = free_port()
    assert processes(rank, (0, port, tmp_path), (1, port, tmp_path)) == [0, 0]
    first, second = (torch.load(tmp_path / f"{number}.pt", weights_only=True) for number in range(2))
    assert first["complete"] and second["complete"] and same(first["weights"], second["weights"])
    alone, run = train(tmp_path / "alone", Contrast(), Objective(contrast), replace(STAGE, epochs=2))
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(first["weights"][name], value, rtol=1e-4, atol=1e-5)
    together = Run(tmp_path / "toy-0").history
    np.testing.assert_allclose(timeless(run), together.drop(columns="seconds"), rtol=1e-4)
