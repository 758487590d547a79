"""A simulated paired cohort on disk, in the same files that a real one would have.

Participant `i` of seed `s` is the same, byte for byte, whatever the cohort's size, the order or the number of workers.
The latent truth is written beside the cohort (`simulation/truth.csv`), where no loader looks.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from eccl.cache import digest, home
from eccl.config import SimulationConfig, to_dict
from eccl.data.cmr import write_cine
from eccl.data.cohort import DESCRIPTION, TABLE
from eccl.data.ecg import write_ecg
from eccl.files import PARTIAL, locked, make_folder, replacing, write_json
from eccl.parallel import in_blocks
from eccl.records import ECG, Cine, DataError
from eccl.simulate.cine import simulate_cine
from eccl.simulate.ecg import simulate_ecg
from eccl.simulate.electrical import Electrical, electrical
from eccl.simulate.geometry import traits
from eccl.simulate.heart import Heart, coded_diagnoses, draw_heart, participant_generators
from eccl.traits import DIAGNOSES, TRAIT_NAMES

VERSION = 3  # raise it whenever a participant's bytes change, so that cohorts made before are not taken for new ones
BLOCK = 25  # participants a worker writes between two saves: what a killed run loses at most, per worker
TRUTH = Path("simulation") / "truth.csv"


@dataclass(frozen=True, eq=False)
class Participant:
    """One simulated participant: both views, what is measured of them, and the truth behind them."""

    participant_id: str
    heart: Heart
    electrical: Electrical
    ecg: ECG
    cine: Cine
    traits: dict[str, float]
    diagnoses: np.ndarray  # (4,) coded diagnoses, 0 or 1, with the noise of coding


def simulate_participant(config: SimulationConfig, participant: int) -> Participant:
    """One participant, from the cohort's seed and the participant's number alone."""
    generators = participant_generators(config.seed, participant)
    heart = draw_heart(config, generators.heart)
    state = electrical(heart, config.coupling, generators.ecg)
    return Participant(
        participant_id=f"sim-{participant:06d}",
        heart=heart,
        electrical=state,
        ecg=simulate_ecg(state, generators.ecg),
        cine=simulate_cine(heart, generators.cine),
        traits=traits(heart, generators.cine),
        diagnoses=coded_diagnoses(heart, config, generators.codes),
    )


def simulate_cohort(
    config: SimulationConfig,
    folder: Path | str | None = None,
    workers: int = -1,
    progress: bool = True,
) -> Path:
    """The folder of a simulated cohort, made now or found complete.

    A killed run goes on where it stopped; memory does not grow with the number of participants.

    Parameters
    ----------
    config : SimulationConfig
        Size, seed, prevalence, coupling and the noise of coding.
    folder : path, optional
        Where to write; by default `cohorts/sim-<participants>-<digest>` under `eccl.cache.home()`.
    workers : int
        Processes, as in joblib; -1 takes every core.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Path
        Holds cohort.csv, dataset_description.json, ecg/, cmr/ and simulation/truth.csv.

    Raises
    ------
    DataError
        If the folder holds another cohort, or cannot be written.

    Examples
    --------
    >>> folder = simulate_cohort(eccl.preset("smoke").simulation)
    >>> sorted(path.name for path in folder.iterdir())
    ['cmr', 'cohort.csv', 'dataset_description.json', 'ecg', 'simulation']
    """
    name = f"sim-{config.participants}-{digest(config, VERSION)}"
    folder = Path(folder) if folder is not None else home() / "cohorts" / name
    description = {
        "name": "Simulated paired ECG-CMR cohort",
        "simulated": True,
        "licence": "CC0-1.0",
        "generated_by": f"eccl.simulate, version {VERSION}",
        "config": to_dict(config),
    }
    plan = folder / "simulation" / "plan.json"
    if plan.exists() and json.loads(plan.read_text()) != description:
        raise DataError(
            "the folder holds a cohort of other settings",
            source=folder,
            remedy="give another folder, or delete this one",
        )
    if (folder / DESCRIPTION).exists() and not plan.exists():
        raise DataError(
            "the folder holds a cohort that was not simulated here", source=folder, remedy="give another folder"
        )
    if not (folder / DESCRIPTION).exists():
        with locked(folder / "simulation", wait=True) as lock:
            if not (folder / DESCRIPTION).exists():  # made by another process meanwhile
                _simulate(config, folder, description, workers, progress)
            lock.unlink(missing_ok=True)
    return folder


def _simulate(config: SimulationConfig, folder: Path, description: dict, workers: int, progress: bool) -> None:
    """Writes a cohort that is not there, or not whole, into its folder."""
    for part in ("ecg", "cmr"):
        make_folder(folder / part)
    write_json(folder / "simulation" / "plan.json", description)
    parts = folder / "simulation" / "parts"
    write = partial(_write_block, config, folder)
    blocks = blocks_of(config.participants)
    _join_parts(folder, in_blocks(write, blocks, parts, workers, progress, "simulating"))
    for left_by_a_killed_run in folder.rglob(f"{PARTIAL}-*"):
        left_by_a_killed_run.unlink()
    write_json(folder / DESCRIPTION, description)
    shutil.rmtree(parts)


def blocks_of(participants: int) -> dict[str, range]:
    """The numbers of so many participants in blocks of `BLOCK`, by the name of a block."""
    ranges = [range(start, min(start + BLOCK, participants)) for start in range(0, participants, BLOCK)]
    return {f"{block.start:06d}-{block.stop:06d}": block for block in ranges}


def _write_block(config: SimulationConfig, folder: Path, block: range) -> pd.DataFrame:
    rows = []
    for number in block:
        participant = simulate_participant(config, number)
        write_ecg(folder / "ecg" / participant.participant_id, participant.ecg)
        write_cine(folder / "cmr" / f"{participant.participant_id}.nii.gz", participant.cine)
        rows.append(_row(participant))
    return pd.DataFrame(rows)


def _row(participant: Participant) -> dict:
    heart = participant.heart
    row = {"participant_id": participant.participant_id}
    row |= {name: getattr(heart, name) for name in ("sex", "age", "height", "weight", "systolic", "diastolic")}
    row |= {name: participant.traits[name] for name in TRAIT_NAMES}
    row |= dict(zip(DIAGNOSES, (int(code) for code in participant.diagnoses)))
    for item in dataclasses.fields(heart):
        value = getattr(heart, item.name)
        if isinstance(value, np.ndarray):
            row |= {f"heart.{item.name}_{place}": entry for place, entry in enumerate(value, start=1)}
        else:
            row[f"heart.{item.name}"] = value
    row |= {f"true.{code}": int(present) for code, present in zip(DIAGNOSES, heart.diagnoses)}
    row |= {f"electrical.{name}": value for name, value in dataclasses.asdict(participant.electrical).items()}
    return row


def _join_parts(folder: Path, parts: list[Path]) -> None:
    table = pd.concat([pd.read_csv(part, keep_default_na=False) for part in parts], ignore_index=True)
    hidden = [name for name in table if "." in name]
    with replacing(folder / TRUTH) as beside:
        table[["participant_id", *hidden]].to_csv(beside, index=False)
    with replacing(folder / TABLE) as beside:
        table.drop(columns=hidden).to_csv(beside, index=False, float_format="%.6g")


def read_truth(folder: Path | str) -> pd.DataFrame:
    """The latent truth of a simulated cohort, indexed by participant_id: columns heart.*, true.* and electrical.*."""
    path = Path(folder) / TRUTH
    if not path.exists():
        raise DataError(
            "no truth is known for this cohort",
            source=path,
            remedy="only simulated cohorts have one: simulate_cohort()",
        )
    return pd.read_csv(path, keep_default_na=False).set_index("participant_id")
