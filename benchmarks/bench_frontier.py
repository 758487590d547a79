"""What each ECG encoder reaches on validation, and in how many seconds; --keep writes book/results/frontier.csv.

    .venv/bin/python benchmarks/bench_frontier.py [--seeds 3] [--passes 16] [--encoders "ResNet, 100 Hz" ...] [--keep]

Each encoder is trained by the traits of the laptop preset's cohort (method *supervised*) with nothing else changed but
the learning rate, of which each is given the better of two on the validation split of the first seed. One training at a
time, in turn: the seconds compare within one run on a quiet machine. The test split is never read.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from eccl import report
from eccl.config import Config, preset, with_settings
from eccl.methods import METHODS, obtain
from eccl.study.data import Data, prepare
from eccl.training.provenance import provenance

VIT = {"ecg.name": "vit", "ecg.sampling_rate": 500, "ecg.patch_samples": 200, "ecg.depth": 4}
RESNET = {"ecg.name": "resnet", "ecg.depth": 1}
ENCODERS: dict[str, dict[str, Any]] = {
    "ViT, 500 Hz (the former preset)": VIT,
    "ViT, 500 Hz, mean of the tokens": VIT | {"ecg.pooling": "mean"},
    "ViT, 100 Hz": VIT | {"ecg.sampling_rate": 100, "ecg.patch_samples": 40},
    "ResNet, 500 Hz": RESNET | {"ecg.sampling_rate": 500},
    "ResNet, 250 Hz": RESNET | {"ecg.sampling_rate": 250},
    "ResNet, 100 Hz": RESNET | {"ecg.sampling_rate": 100},
    "ResNet, 100 Hz, twice as wide": RESNET | {"ecg.sampling_rate": 100, "ecg.width": 192},
}
RATES = (1e-3, 2e-3)


def curve(data: Data, name: str, config: Config, seed: int, rate: float) -> pd.DataFrame:
    """One encoder, trained anew in a folder that is not kept: a row an epoch, seconds so far and the validation r."""
    one = with_settings(config, {"seed": seed, "stage_supervised.learning_rate": rate})
    with tempfile.TemporaryDirectory() as folder:
        fresh = replace(data, config=one, obtained={})
        trained = obtain(METHODS["supervised"], fresh, root=Path(folder), progress=False)
        history, weights = trained.history, trained.encoder().parameters()
    return pd.DataFrame(
        {
            "encoder": name,
            "seed": seed,
            "learning_rate": rate,
            "parameters": sum(weight.numel() for weight in weights),
            "epoch": history["epoch"],
            "seconds": history["seconds"].cumsum().round(2),
            "validation_r": history["validation_score"].round(4),
        }
    )


def measured(data: Data, name: str, seeds: int, passes: int) -> pd.DataFrame:
    """The curves of one encoder: the better learning rate of the first seed, and the others by it."""
    stage = {"stage_supervised.epochs": passes, "stage_supervised.patience": passes}
    config = with_settings(preset("laptop"), ENCODERS[name] | stage)
    first = [curve(data, name, config, config.seed, rate) for rate in RATES]
    best = max(first, key=lambda one: one["validation_r"].max())
    rate, others = best["learning_rate"].iloc[0], range(config.seed + 1, config.seed + seeds)
    return pd.concat([best, *(curve(data, name, config, seed, rate) for seed in others)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=16)
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--keep", action="store_true", help="write book/results/frontier.csv")
    options = parser.parse_args()
    data, tables = prepare(preset("laptop")), []
    for name in tqdm(options.encoders, disable=None):
        tables.append(measured(data, name, options.seeds, options.passes))
        print(report.frontier_table(tables[-1]).to_string(header=len(tables) == 1), flush=True)
    if options.keep:
        report.keep_or_read("frontier", pd.concat(tables), provenance(data.config, data.machine), keep=True)


if __name__ == "__main__":
    main()
