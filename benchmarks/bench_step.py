"""Where the milliseconds of a training step of the ECG encoder go, and against another checkout in the same run.

    .venv/bin/python benchmarks/bench_step.py [laptop:32:32-true paper:8:bf16-mixed ...] [--against FOLDER ...] [--keep]

A step is that of the method *supervised*: a batch is read and augmented, goes forward and back through encoder and
head, gradients are cut to length, AdamW moves the weights; what is written once a pass is shared out among its steps.
Every part is timed alone, by its median. A case is preset:batch size:precision. Checkouts take turns, each in processes
of its own, so that their ratio holds on a busy machine where the milliseconds do not. --keep writes
book/results/step.csv.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from checkouts import HERE, by_package_of, commit_of

from eccl import report
from eccl.config import preset
from eccl.methods import METHODS
from eccl.study.data import prepare
from eccl.training.augmentation import sample
from eccl.training.losses import trait_loss
from eccl.training.optimisation import optimiser
from eccl.training.provenance import provenance
from eccl.training.runs import Run

STEPS = 56  # of a pass over the training participants of the laptop preset, in batches of 32


def milliseconds(function: Callable[[], object], repeats: int) -> float:
    """The median of some calls, after one that is not counted."""
    function()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


CASES = ("laptop:32:32-true", "paper:8:32-true", "paper:8:bf16-mixed")


def profile(case: str) -> dict[str, float]:
    """Milliseconds of each part of a step."""
    name, size, precision = case.split(":")
    config, store, batch_size = preset(name), prepare(preset("smoke")).store, int(size)
    repeats = 3 if name == "paper" else 20
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    rows = rng.choice(len(store), batch_size, replace=batch_size > len(store))
    ecg, traits = store.batch(rows, ("ecg",))["ecg"], torch.randn(batch_size, 82)
    model = METHODS["supervised"].initial(config).train()
    optimizer = optimiser(model, config.stage_supervised)

    def forward() -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16-mixed"):
            return trait_loss(model(ecg), traits)

    def both() -> None:
        optimizer.zero_grad()
        forward().backward()

    def write() -> None:
        state = {"model": model.state_dict(), "optimiser": optimizer.state_dict(), "best": model.state_dict()}
        run.save_state(state)

    found = {
        "reading": milliseconds(lambda: store.batch(rows, ("ecg",)), repeats),
        "augmentation": milliseconds(
            lambda: sample(config.ecg_augmentation, batch_size, generator).apply(ecg), repeats
        ),
        "forward": milliseconds(forward, repeats),
    }
    found["backward"] = milliseconds(both, repeats) - found["forward"]
    found["length of the gradients"] = milliseconds(
        lambda: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0), repeats
    )
    found["AdamW"] = milliseconds(optimizer.step, repeats)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "run")
        run.folder.mkdir()
        found["writing"] = milliseconds(write, 3) / STEPS
    return found


def measured(case: str, checkouts: list[Path], rounds: int) -> pd.DataFrame:
    """The medians of each checkout, in turn; one row a part."""
    taken = [(folder, by_package_of(folder, __file__, case)) for _ in range(rounds) for folder in checkouts]
    name, size, precision = case.split(":")
    rows = []
    for folder in checkouts:
        mine = [one for other, one in taken if other == folder]
        for part in mine[0]:
            spent = round(statistics.median(one[part] for one in mine), 3)
            row = {"checkout": commit_of(folder), "preset": name, "batch_size": int(size), "precision": precision}
            rows.append(row | {"part": part, "milliseconds": spent})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--against", type=Path, nargs="+", default=[], help="other checkouts, for the ratio")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="write book/results/step.csv")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.json:
        print(json.dumps(profile(*options.cases)))
        return
    checkouts, tables = [HERE, *(folder.resolve() for folder in options.against)], []
    for case in options.cases:
        tables.append(measured(case, checkouts, options.rounds))
        shown = tables[-1].pivot(index="part", columns="checkout", values="milliseconds")
        print(case, shown.loc[tables[-1]["part"].unique()].to_string(), shown.sum().round(1).to_dict(), sep="\n")
    if options.keep:
        made = provenance(preset("laptop"))
        report.keep_or_read("step", pd.concat(tables), made, keep=True)


if __name__ == "__main__":
    main()
