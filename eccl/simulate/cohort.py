"""A simulated paired cohort on disk, in the same files that a real one would have.

Participant `i` of seed `s` is the same, byte for byte, whatever the cohort's size, the order or the number of workers.
The latent truth is written beside the cohort (`simulation/truth.csv`), where no loader looks.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from eccl.cache import digest, home
from eccl.config import SimulationConfig, to_dict
from eccl.data.cmr import write_cine
from eccl.data.cohort import DESCRIPTION, TABLE, UNSTATED
from eccl.data.ecg import write_ecg
from eccl.data.modalities import MODALITIES
from eccl.files import PARTIAL, locked, make_folder, replacing, write_json
from eccl.parallel import in_blocks
from eccl.records import ECG, Cine, DataError
from eccl.simulate.cine import LABELS, label_frames, simulate_cine
from eccl.simulate.ecg import simulate_ecg
from eccl.simulate.electrical import Electrical, electrical
from eccl.simulate.geometry import traits
from eccl.simulate.heart import Generators, Heart, coded_diagnoses, draw_heart, participant_generators
from eccl.traits import DIAGNOSES, TRAIT_NAMES

VERSION = 5  # raise it whenever a participant's bytes change, so that cohorts made before are not taken for new ones
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


def name_of(participant: int) -> str:
    """The participant_id of a participant's number."""
    return f"sim-{participant:06d}"


def number_of(participant_id: str) -> int:
    """The number of which `name_of` makes a name."""
    return int(participant_id.rpartition("-")[2])


def simulate_participant(config: SimulationConfig, participant: int) -> Participant:
    """One participant, from the cohort's seed and the participant's number alone."""
    generators = participant_generators(config.seed, participant)
    heart, state, ecg = _electrical_view(config, generators)
    return Participant(
        participant_id=name_of(participant),
        heart=heart,
        electrical=state,
        ecg=ecg,
        cine=simulate_cine(heart, generators.cine),
        traits=traits(heart, generators.cine),
        diagnoses=coded_diagnoses(heart, config, generators.codes),
    )


def participant_labels(config: SimulationConfig, participant_id: str) -> np.ndarray:
    """What lies where in a participant's cine, by `LABELS`: (F, H, W) of uint8."""
    generators = participant_generators(config.seed, number_of(participant_id))
    return label_frames(draw_heart(config, generators.heart), generators.cine)


def participant_wall(config: SimulationConfig, participant_id: str) -> np.ndarray:
    """Where the muscle of the left ventricle is in a participant's cine: (F, H, W) of bool."""
    return participant_labels(config, participant_id) == LABELS["myocardium"]


def _electrical_view(config: SimulationConfig, generators: Generators) -> tuple[Heart, Electrical, ECG]:
    """The heart, what it is to an ECG, and that ECG."""
    heart = draw_heart(config, generators.heart)
    state = electrical(heart, config.coupling, generators.ecg)
    return heart, state, simulate_ecg(state, generators.ecg)


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
    description = _describe("Simulated paired ECG-CMR cohort", config)
    blocks = blocks_of(range(config.participants))
    write = partial(in_blocks, partial(_write_block, config, folder), blocks)
    return _complete(folder, description, partial(write, workers=workers, progress=progress, task="simulating"))


def simulate_ecgs(
    config: SimulationConfig,
    people: int,
    folder: Path | str | None = None,
    workers: int = -1,
    progress: bool = True,
) -> Path:
    """The folder of the ECGs of further people of a simulated cohort, made now or found complete.

    They are numbered after the cohort's own, so that nobody is in both; of none is a cine, a trait or a diagnosis
    there. Without the cine a person takes a few milliseconds.

    Parameters
    ----------
    config : SimulationConfig
        Of the cohort.
    people : int
        How many.
    folder, workers, progress
        As in `simulate_cohort`; by default `cohorts/sim-ecg-<people>-<digest>`.

    Raises
    ------
    DataError
        As `simulate_cohort`.
    """
    name = f"sim-ecg-{people}-{digest(config, people, VERSION)}"
    folder = Path(folder) if folder is not None else home() / "cohorts" / name
    description = _describe("Simulated ECGs of unlabelled people", config)
    description |= {"people": people, "modalities": ["ecg"], "diagnoses": []}
    blocks = blocks_of(range(config.participants, config.participants + people))
    write = partial(in_blocks, partial(_write_ecgs, config, folder), blocks)
    return _complete(folder, description, partial(write, workers=workers, progress=progress, task="simulating"))


def _describe(name: str, config: SimulationConfig) -> dict:
    """The description of a simulated cohort."""
    return {
        "name": name,
        "simulated": True,
        "licence": "CC0-1.0",
        "generated_by": f"eccl.simulate, version {VERSION}",
        "config": to_dict(config),
    }


def _complete(folder: Path, description: dict, write: Callable[[Path], list[Path]]) -> Path:
    """The folder, holding the cohort of a description: written now, written to its end, or found.

    Parameters
    ----------
    write : callable (parts) -> list of Path
        Writes the recordings into the cohort's folder, and the rows of the table into parts, which it returns.
    """
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
                _write_cohort(folder, description, write)
            lock.unlink(missing_ok=True)
    return folder


def _write_cohort(folder: Path, description: dict, write: Callable[[Path], list[Path]]) -> None:
    """Writes a cohort that is not there, or not whole, into its folder."""
    for modality in description.get("modalities", UNSTATED):
        make_folder(folder / MODALITIES[modality].folder)
    write_json(folder / "simulation" / "plan.json", description)
    parts = folder / "simulation" / "parts"
    _join_parts(folder, write(parts))
    for left_by_a_killed_run in folder.rglob(f"{PARTIAL}-*"):
        left_by_a_killed_run.unlink()
    write_json(folder / DESCRIPTION, description)
    shutil.rmtree(parts)


def blocks_of(numbers: range) -> dict[str, range]:
    """The numbers of participants in blocks of `BLOCK`, by the name of a block."""
    ranges = [numbers[start : start + BLOCK] for start in range(0, len(numbers), BLOCK)]
    return {f"{block.start:06d}-{block.stop:06d}": block for block in ranges}


def _write_block(config: SimulationConfig, folder: Path, block: range) -> pd.DataFrame:
    rows = []
    for number in block:
        participant = simulate_participant(config, number)
        write_ecg(folder / "ecg" / participant.participant_id, participant.ecg)
        write_cine(folder / "cmr" / f"{participant.participant_id}.nii.gz", participant.cine)
        labels = {name: participant.traits[name] for name in TRAIT_NAMES}
        labels |= dict(zip(DIAGNOSES, (int(code) for code in participant.diagnoses)))
        rows.append(_row(participant.participant_id, participant.heart, participant.electrical, labels))
    return pd.DataFrame(rows)


def _write_ecgs(config: SimulationConfig, folder: Path, block: range) -> pd.DataFrame:
    rows = []
    for number in block:
        participant_id = name_of(number)
        heart, state, ecg = _electrical_view(config, participant_generators(config.seed, number))
        write_ecg(folder / "ecg" / participant_id, ecg)
        rows.append(_row(participant_id, heart, state, dict.fromkeys((*TRAIT_NAMES, *DIAGNOSES))))
    return pd.DataFrame(rows)


def _row(participant_id: str, heart: Heart, state: Electrical, labels: dict) -> dict:
    row = {"participant_id": participant_id}
    row |= {name: getattr(heart, name) for name in ("sex", "age", "height", "weight", "systolic", "diastolic")}
    row |= labels
    for item in dataclasses.fields(heart):
        value = getattr(heart, item.name)
        if isinstance(value, np.ndarray):
            row |= {f"heart.{item.name}_{place}": entry for place, entry in enumerate(value, start=1)}
        else:
            row[f"heart.{item.name}"] = value
    row |= {f"true.{code}": int(present) for code, present in zip(DIAGNOSES, heart.diagnoses)}
    row |= {f"electrical.{name}": value for name, value in dataclasses.asdict(state).items()}
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
