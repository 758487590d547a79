"""Prints what an epoch of each stage costs, and how much of it is reading, augmentation and writing the state.

    .venv/bin/python benchmarks/bench_training.py [--preset laptop] [--participants 500] [--epochs 3]

A small cohort is simulated (once) and every stage is trained on it in a folder that is removed afterwards. The first
epoch is left out: it pays for imports and warm-up. Reading, augmentation and writing are timed alone, on the CPU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from eccl.config import StageConfig, preset, replace
from eccl.data.store import Store
from eccl.evaluation.protocols import finetuned
from eccl.methods import METHODS, Trained, obtain
from eccl.study.data import Data, prepare
from eccl.training.augmentation import sample
from eccl.training.optimisation import epoch_batches, optimiser
from eccl.training.runs import Run

STAGES = ("stage_mae", "stage_cmr", "stage_eccl", "stage_finetune")


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def reading(store: Store, batches: list, field: str) -> float:
    return seconds(lambda: [store.batch(batch, modalities=(field,)) for batch in batches])


def augmenting(data: Data, batches: list, field: str) -> float:
    augmentation = data.config.ecg_augmentation if field == "ecg" else data.config.cine_augmentation
    x, generator = data.store.batch(batches[0], modalities=(field,))[field], torch.Generator().manual_seed(0)
    return seconds(lambda: [sample(augmentation, len(x), generator).apply(x) for _ in batches])


def saving(model: nn.Module, stage: StageConfig, folder: Path) -> float:
    optimizer = optimiser(model, stage)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    run, weights = Run(folder / "state"), model.state_dict()
    run.folder.mkdir(exist_ok=True)
    return seconds(lambda: run.save_state({"model": weights, "optimiser": optimizer.state_dict(), "best": weights}))


def train_all(data: Data, root: Path) -> dict[str, Trained]:
    methods = [METHODS[name] for name in ("masked_autoencoder", "cmr_supervised", "eccl")]
    methods.append(finetuned(METHODS["eccl"], "traits"))
    return {stage: obtain(method, data, root, progress=False) for stage, method in zip(STAGES, methods)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--participants", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    config = preset(options.preset, simulation={"participants": options.participants})
    config = replace(config, **{name: {"epochs": max(2, options.epochs), "patience": 99} for name in STAGES})
    data = prepare(config)
    store, parts = data.store, data.split
    print(f"{len(parts.train)} train, {len(parts.validation)} validation, {torch.get_num_threads()} threads")
    print(f"{'stage':>15} {'s/epoch':>8} {'train/s':>8} {'reading':>8} {'augment':>8} {'state':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, trained in train_all(data, Path(folder)).items():
            stage, field = getattr(config, name), "cine" if name == "stage_cmr" else "ecg"
            batches = epoch_batches(parts.train, stage.batch_size, config.seed, 0)
            epoch = trained.run.history["seconds"].iloc[1:].median()
            extra = (
                reading(store, batches, field),
                augmenting(data, batches, field),
                saving(trained.model, stage, Path(folder)),
            )
            shares = " ".join(f"{value / epoch:8.1%}" for value in extra)
            print(f"{name:>15} {epoch:8.2f} {len(batches) * len(batches[0]) / epoch:8.0f} {shares}")


if __name__ == "__main__":
    main()
