"""Simulated people without their scans, which take most of the time: some hundreds in a few seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from eccl.config import SimulationConfig
from eccl.data.cohort import Cohort
from eccl.data.ecg import write_ecg
from eccl.data.store import Store, pack
from eccl.records import ECG
from eccl.simulate.ecg import simulate_ecg
from eccl.simulate.electrical import electrical
from eccl.simulate.geometry import traits
from eccl.simulate.heart import coded_diagnoses, draw_heart, participant_generators
from eccl.traits import DIAGNOSES

ABOUT = ("sex", "age", "height", "weight", "systolic", "diastolic")


def simulate_people(numbers: range, config: SimulationConfig | None = None) -> Iterator[tuple[ECG, dict]]:
    """ECG and row of the table of participants of a simulated cohort, the scan left out."""
    config = config or SimulationConfig()
    for number in numbers:
        generators = participant_generators(config.seed, number)
        heart = draw_heart(config, generators.heart)
        ecg = simulate_ecg(electrical(heart, config.coupling, generators.ecg), generators.ecg)
        row = {"participant_id": f"sim-{number:06d}"} | {name: getattr(heart, name) for name in ABOUT}
        row |= traits(heart, generators.cine)
        codes = coded_diagnoses(heart, config, generators.codes)
        yield ecg, row | dict(zip(DIAGNOSES, (int(code) for code in codes)))


def pack_people(folder: Path, participants: int) -> Store:
    """The store of a simulated cohort of ECGs alone."""
    (folder / "cohort" / "ecg").mkdir(parents=True)
    rows = []
    for ecg, row in simulate_people(range(participants)):
        write_ecg(folder / "cohort" / "ecg" / row["participant_id"], ecg)
        rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "cohort" / "cohort.csv", index=False)
    description = {"name": "ECGs", "simulated": True, "licence": "CC0-1.0", "generated_by": "tests"}
    description |= {"version": 1, "modalities": ["ecg"]}
    (folder / "cohort" / "dataset_description.json").write_text(json.dumps(description))
    return pack(Cohort.load(folder / "cohort"), folder / "store", progress=False)
