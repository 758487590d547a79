"""Tables of the people of a cohort, of values that say nothing, in the files where a real cohort has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from eccl.data.standard.tabular import answers, numbers


def write_tables(cohort: Path) -> Path:
    """The folder of the cohort, in which tabular.csv and snp.csv are now."""
    rng, people = np.random.default_rng(11), pd.read_csv(cohort / "cohort.csv", dtype={"participant_id": str})
    count = len(people)
    values = {name: rng.normal(100, 15, count).round(2) for name in numbers()}
    values |= {name: rng.choice(codes, count) for name, codes in answers().items()}
    tabular = pd.DataFrame(values).mask(rng.random((count, len(values))) < 0.1)
    snp = pd.DataFrame(
        {f"g{group:02d}_{letter}": rng.integers(0, 3, count) for group in range(1, 50) for letter in "abc"}
    )
    for name, table in (("tabular", tabular), ("snp", snp)):
        table.insert(0, "participant_id", people["participant_id"])
        table.to_csv(cohort / f"{name}.csv", index=False)
    return cohort
