"""A download of UK Biobank with more fields and with genotypes, and the cohort that is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from eccl.config import SimulationConfig
from eccl.data.cohort import Cohort
from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest
from eccl.data.standard.tabular import fields
from eccl.simulate.biobank import FIRST, write_biobank

CONFIG = SimulationConfig(participants=9, seed=31)
NAMES = [f"g{group:02d}_rs{group}_A" for group in range(1, 50)]


def write_beside(download: Path) -> Path:
    """A download with 84 more fields and genotypes of everyone; its last person has withdrawn."""
    write_biobank(CONFIG, download, slices=3, withdrawn=1, workers=1, progress=False)
    rng, spec = np.random.default_rng(5), fields()
    known = pd.read_csv(download / "tables" / "participants.csv", nrows=0).columns
    people = [FIRST + number for number in range(CONFIG.participants)]
    wanted = [name for name in spec.index if not any(head.startswith(f"{spec.at[name, 'field']}-") for head in known)]
    values = {
        f"{spec.at[name, 'field']}-2.0": rng.choice(spec.at[name, "codes"] or [3.5, 4.25, 5], len(people))
        for name in wanted
    }
    table = pd.DataFrame({"eid": people, **values}).rename(columns={"30600-2.0": "30600-0.0"})
    table.to_csv(download / "tables" / "more.csv", index=False)
    fixed = {"FID": people, "IID": people, "PAT": 0, "MAT": 0, "SEX": 1, "PHENOTYPE": -9}
    raw = pd.DataFrame({**fixed, **{name: rng.integers(0, 3, len(people)) for name in NAMES}})
    raw.to_csv(download / "genotypes.raw", sep=" ", index=False)
    return download


def taken(download: Path, folder: Path, genotypes: bool = True, **options) -> Cohort:
    """The cohort of that download, in that folder."""
    options |= {"genotypes": str(download / "genotypes.raw")} if genotypes else {}
    source = open_source("ukbiobank", download, simulated=True, **options)
    return Cohort.load(ingest(source, folder, workers=1, progress=False))
