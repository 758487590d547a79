"""What training from scratch reaches when it is not stopped early, beside ECCL's probe; kept in book/results/.

    .venv/bin/python benchmarks/from_scratch.py [--passes 4 22] [--seeds 42 43] [--learning-rate 1e-3]

Each row is the mean r over the 82 traits of the laptop preset's test participants, with an interval by bootstrap over
them. Both the rows from scratch and ECCL see the trait labels of all training participants.
"""

import argparse

import numpy as np
import pandas as pd

from eccl import report
from eccl.config import preset
from eccl.evaluation.tables import trait_table
from eccl.methods.stages import fine_tune
from eccl.study import experiment
from eccl.training.provenance import provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, nargs="+", default=[4, 22])
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43])
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    options = parser.parse_args()
    config = preset()
    data = experiment.prepare(config)

    def row(model: str, passes: int, rate: float, labels: str, seed: int, predicted: np.ndarray) -> dict:
        truth = data.cohort.traits[data.split.test]
        table = trait_table({model: predicted}, truth, data.indices).query("group == 'all traits'")
        found = {"model": model, "passes": passes, "learning_rate": rate, "labels": labels, "training_seed": seed}
        return found | table[["value", "low", "high", "n"]].iloc[0].to_dict()

    rows = []
    for passes in options.passes:
        for seed in options.seeds:
            stage = {"epochs": passes, "patience": passes, "learning_rate": options.learning_rate}
            tuned = fine_tune(data.store, data.split, preset(seed=seed, stage_finetune=stage))
            rows.append(row("scratch", passes, options.learning_rate, "traits", seed, tuned.predict(data.split.test)))
            print(rows[-1], flush=True)
    passes = config.stage_mae.epochs + config.stage_eccl.epochs
    probed = experiment.probed(data, "traits")["ECCL"]
    rows.append(row("ECCL, probe", passes, config.stage_eccl.learning_rate, "traits and pairs", config.seed, probed))
    print(rows[-1])
    report.keep_or_read("from_scratch", pd.DataFrame(rows).round(4), provenance(config), keep=True)


if __name__ == "__main__":
    main()
