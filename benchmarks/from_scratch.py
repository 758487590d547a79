"""What training from scratch reaches when it is not stopped early, beside ECCL's probe; kept in book/results/.

    .venv/bin/python benchmarks/from_scratch.py [--passes 4 22] [--seeds 42 43] [--learning-rate 1e-3]

Each row is the mean r over the 82 traits of the laptop preset's test participants, with an interval by bootstrap over
them. Both the rows from scratch and ECCL see the trait labels of all training participants.
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd

from eccl import report
from eccl.config import preset
from eccl.evaluation.rows import Row
from eccl.evaluation.tables import trait_table
from eccl.study.compare import predictions
from eccl.study.data import prepare
from eccl.training.provenance import provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, nargs="+", default=[4, 22])
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43])
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    options = parser.parse_args()
    config = preset()
    data = prepare(config)

    def entry(row: Row, passes: int, rate: float, labels: str, predicted: np.ndarray) -> dict:
        truth = data.cohort.traits[data.split.test]
        table = trait_table({row: predicted}, truth, data.indices).query("group == 'all traits'")
        found = {**row._asdict(), "passes": passes, "learning_rate": rate, "labels": labels}
        return found | table[["value", "low", "high", "n"]].iloc[0].to_dict()

    rows = []
    for passes in options.passes:
        for seed in options.seeds:
            stage = {"epochs": passes, "patience": passes, "learning_rate": options.learning_rate}
            one = replace(data, config=preset(seed=seed, stage_finetune=stage))
            tuned = predictions(one, ["random"], protocols=("finetune",))[Row("random", "finetune")]
            rows.append(entry(Row("random", "finetune", seed), passes, options.learning_rate, "traits", tuned))
            print(rows[-1], flush=True)
    passes, rate = config.stage_mae.epochs + config.stage_eccl.epochs, config.stage_eccl.learning_rate
    probed = predictions(data, ["eccl"])[Row("eccl")]
    rows.append(entry(Row("eccl", "probe", config.seed), passes, rate, "traits and pairs", probed))
    print(rows[-1])
    report.keep_or_read("from_scratch", pd.DataFrame(rows).round(4), provenance(config), keep=True)


if __name__ == "__main__":
    main()
