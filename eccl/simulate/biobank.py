"""A simulated cohort written as UK Biobank ships its data: a download from which an ingest must find the cohort again.

    bulk/<eid>_20205_2_0.xml    resting ECG, CardioSoft
    bulk/<eid>_20209_2_0.zip    short-axis cine, one DICOM file a slice and frame
    tables/participants.csv     person and traits, headers of the showcase (24100-2.0)
    tables/hospital.csv         ICD-10 codes of hospital stays and the date of each one's first (41270, 41280)
    w0_simulated.csv            who has withdrawn

The seven digits that stand for a participant begin with 9, as no real ones do, and belong to nobody.
"""

from __future__ import annotations

import datetime
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.cache import digest, home
from eccl.config import SimulationConfig, to_dict
from eccl.data.formats.cardiosoft import write_cardiosoft
from eccl.data.formats.dicom_writer import write_dicom_cine
from eccl.files import make_folder, replacing, write_json
from eccl.parallel import in_blocks
from eccl.records import DataError
from eccl.simulate.cohort import VERSION, Participant, blocks_of, simulate_participant
from eccl.simulate.heart import participant_generators
from eccl.simulate.stack import image_stack
from eccl.traits import DIAGNOSES, TRAITS

FIRST = 9_000_000  # the number that stands for participant 0
SUBCODES = dict(zip(DIAGNOSES, ("I219", "I420", "I480", "I500")))  # as hospitals code: no dot, a fourth character


def write_biobank(
    config: SimulationConfig,
    folder: Path | str,
    slices: int = 3,
    withdrawn: int = 0,
    damaged: int = 0,
    workers: int = -1,
    progress: bool = True,
) -> Path:
    """The folder of a simulated download in UK Biobank's layout; made now, resumed, or found whole.

    Parameters
    ----------
    config : SimulationConfig
    folder : path
    slices : int
        Short-axis slices of each cine; UK Biobank has about 10.
    withdrawn : int
        How many of the last participants are on the list of those who have withdrawn.
    damaged : int
        How many of the first participants have a damaged recording: in turn an ECG that ends early, an ECG whose unit
        is gone, a zip that ends early.
    workers, progress
        As in `eccl.simulate.cohort.simulate_cohort`.
    """
    folder = Path(folder)
    people, plan = folder / "tables" / "participants.csv", folder / "simulated.json"
    settings = {"config": to_dict(config), "slices": slices, "withdrawn": withdrawn, "damaged": damaged}
    if plan.exists() and json.loads(plan.read_text()) != settings:
        raise DataError("a download of other settings is here", source=folder, remedy="give another folder")
    if people.exists():
        return folder
    for part in ("bulk", "tables"):
        make_folder(folder / part)
    write_json(plan, settings)
    write = partial(_write_block, config, folder, slices)
    blocks = blocks_of(range(config.participants))
    parts = in_blocks(write, blocks, folder / "parts", workers, progress, "writing a download")
    table = pd.concat([pd.read_csv(part, dtype=str) for part in parts], ignore_index=True)
    hospital = ["eid", *(name for name in table if name.startswith("412"))]
    numbers = "".join(f"{FIRST + config.participants - 1 - number}\n" for number in range(withdrawn))
    with replacing(folder / "w0_simulated.csv") as beside:
        beside.write_text(numbers)
    for number in range(damaged):
        _damage(folder / "bulk", number)
    for path, part in (
        (folder / "tables" / "hospital.csv", table[hospital]),
        (people, table.drop(columns=hospital[1:])),  # last: it says that the download is whole
    ):
        with replacing(path) as beside:
            part.to_csv(beside, index=False)
    shutil.rmtree(folder / "parts")
    return folder


def simulated_download(participants: int, **options: int) -> Path:
    """The folder of a simulated download under `eccl.cache.home()`, made now or found; options of `write_biobank`."""
    config = SimulationConfig(participants=participants)
    name = f"simulated-ukbiobank-{digest(config, VERSION, options)}"
    return write_biobank(config, home() / "downloads" / name, **options)


def _damage(bulk: Path, number: int) -> None:
    ecg, cine = bulk / f"{FIRST + number}_20205_2_0.xml", bulk / f"{FIRST + number}_20209_2_0.zip"
    kind = number % 3
    path = cine if kind == 2 else ecg
    whole = path.read_bytes()
    with replacing(path) as beside:
        beside.write_bytes(whole.replace(b' units="uVperLsb"', b"") if kind == 1 else whole[: len(whole) // 2])


def _write_block(config: SimulationConfig, folder: Path, slices: int, block: range) -> pd.DataFrame:
    rows = []
    for number in block:
        participant = simulate_participant(config, number)
        name, generators = str(FIRST + number), participant_generators(config.seed, number)
        heart_rate = participant.heart.heart_rate
        write_cardiosoft(folder / "bulk" / f"{name}_20205_2_0.xml", participant.ecg, heart_rate)
        stack, _ = image_stack(participant.heart, generators.cine, slices=slices)
        write_dicom_cine(folder / "bulk" / f"{name}_20209_2_0.zip", stack, name, seed=number)
        rows.append(_row(name, participant, generators.codes))
    return pd.DataFrame(rows)


def _row(name: str, participant: Participant, rng: np.random.Generator) -> dict[str, Any]:
    heart = participant.heart
    scan = datetime.date(2019, 1, 1) + datetime.timedelta(days=int(rng.integers(0, 1200)))
    row = {
        "eid": name,
        "31-0.0": heart.sex,
        "21003-2.0": round(heart.age),
        "50-2.0": round(heart.height),
        "21002-2.0": round(heart.weight, 1),
        "4080-2.0": round(heart.systolic),
        "4080-2.1": round(heart.systolic),
        "4079-2.0": round(heart.diastolic),
        "4079-2.1": round(heart.diastolic),
        "53-2.0": scan.isoformat(),
    }
    row |= {f"{trait.field}-2.0": f"{participant.traits[trait.name]:.6g}" for trait in TRAITS}
    coded = [code for code, present in zip(DIAGNOSES, participant.diagnoses) if present]
    for place in range(len(DIAGNOSES)):
        code = coded[place] if place < len(coded) else None
        day = scan + datetime.timedelta(days=int(rng.integers(-3000, 900)))
        row[f"41270-0.{place}"] = SUBCODES[code] if code else None
        row[f"41280-0.{place}"] = day.isoformat() if code else None
    return row
