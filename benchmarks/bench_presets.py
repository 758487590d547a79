"""Seconds that the laptop preset trains, all stages up to ECCL, beside another checkout's, one after the other.

    .venv/bin/python benchmarks/bench_presets.py --against FOLDER [--keep]

Each checkout trains on its own simulated cohort, in a folder that is not kept. Only training is timed: neither the
simulation nor what follows. --keep writes book/results/presets.csv.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import pandas as pd
from checkouts import HERE, by_package_of, commit_of

from eccl import report
from eccl.config import preset
from eccl.methods import METHODS, obtain
from eccl.study.data import prepare
from eccl.training.provenance import provenance
from eccl.training.runs import Run


def trained() -> list[dict[str, object]]:
    """Passes and seconds of each stage of this process's package."""
    with tempfile.TemporaryDirectory() as folder:
        obtain(METHODS["eccl"], prepare(preset("laptop")), root=Path(folder))
        runs = [Run(path) for path in sorted(Path(folder).iterdir()) if (path / "history.csv").exists()]
        return [
            {"stage": run.name.partition("-")[0], "passes": len(run.history)}
            | {"seconds": round(float(run.history["seconds"].sum()), 1)}
            for run in runs
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--keep", action="store_true", help="write book/results/presets.csv")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.json:
        print(json.dumps(trained()))
        return
    checkouts = [HERE, *([] if options.against is None else [options.against.resolve()])]
    tables = [pd.DataFrame(by_package_of(folder, __file__)).assign(checkout=commit_of(folder)) for folder in checkouts]
    table = pd.concat(tables)[["checkout", "stage", "passes", "seconds"]]
    print(table.to_string(index=False))
    print(table.groupby("checkout", sort=False)["seconds"].sum().to_string())
    if options.keep:
        report.keep_or_read("presets", table, provenance(preset("laptop")), keep=True)


if __name__ == "__main__":
    main()
