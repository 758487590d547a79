"""A cohort on disk, checked on loading: a table of people, and for each an ECG, a cine, or both, in open formats.

The folder holds cohort.csv, dataset_description.json, ecg/<participant_id>.hea and .dat, cmr/<participant_id>.nii.gz.
Simulator and adapters write these files; everything downstream sees only this.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.cache import digest
from eccl.data.cmr import read_cine
from eccl.data.ecg import read_ecg
from eccl.data.split import PARTS, Split, split
from eccl.data.table import PART, PATIENT, REQUIRED, patients, problems
from eccl.records import ECG, Cine, DataError
from eccl.traits import DIAGNOSES, TRAIT_NAMES

TABLE = "cohort.csv"
DESCRIPTION = "dataset_description.json"
FILES = {"ecg": (".hea", ".dat"), "cmr": (".nii.gz",)}  # modality, also its folder: the files of a participant
TIMINGS = ("ever", "prevalent", "incident")


@dataclass(frozen=True, eq=False)
class Cohort:
    """Recordings of people; `Cohort.load` makes it.

    Attributes
    ----------
    folder : Path
        Where it lies.
    table : DataFrame
        One row a participant, as in cohort.csv; participant_id is text.
    description : dict
        dataset_description.json.
    fingerprint : str
        Hash of the table and the description; the same wherever the cohort is copied to.
    """

    folder: Path
    table: pd.DataFrame
    description: dict[str, Any]
    fingerprint: str

    @classmethod
    def load(cls, folder: Path | str) -> Cohort:
        """The cohort of a folder, its table checked and its files all there. The recordings are read later.

        Raises
        ------
        DataError
            If a file or column is missing; a participant is there twice or has an unsafe name; a value is no number or
            outside its plausible range; a diagnosis is not 0 or 1. It names the file, the participant and the value.
        """
        folder = Path(folder)
        description, description_text = _read_description(folder / DESCRIPTION)
        table, table_bytes = _read_table(folder / TABLE)
        fingerprint = digest(hashlib.sha256(table_bytes).hexdigest(), hashlib.sha256(description_text).hexdigest())
        cohort = cls(folder, table, description, fingerprint)
        for problem in problems(table, cohort.known_diagnoses):
            who = table["participant_id"].iat[problem.row]
            where = f"in row {problem.row + 2} ({who})"  # as a spreadsheet counts, the header being row 1
            raise DataError(f"{problem.text} {where}", source=folder / TABLE, remedy=problem.remedy)
        for modality in cohort.modalities:
            _check_files(table["participant_id"], folder / modality, FILES[modality])
        return cohort

    def __len__(self) -> int:
        return len(self.table)

    @property
    def participant_ids(self) -> tuple[str, ...]:
        """Names of the participants, in the order of the table."""
        return tuple(self.table["participant_id"])

    @property
    def simulated(self) -> bool:
        """Whether the people are simulated; said wherever a result is shown."""
        return self.description["simulated"]

    @property
    def modalities(self) -> tuple[str, ...]:
        """What everyone has: "ecg", "cmr" or both. A description that does not say means both."""
        return tuple(self.description.get("modalities", FILES))

    @property
    def known_diagnoses(self) -> tuple[str, ...]:
        """Codes that the source can know. A description that does not say means all of `DIAGNOSES`."""
        return tuple(self.description.get("diagnoses", DIAGNOSES))

    @property
    def traits(self) -> np.ndarray:
        """Traits (N, 82), float32, in the units of `eccl.traits`; NaN where not measured."""
        return self.table[list(TRAIT_NAMES)].to_numpy(dtype=np.float32)

    @property
    def diagnoses(self) -> np.ndarray:
        """Diagnoses (N, 4) recorded at any time, as the paper counts: float, 0 or 1, NaN where it is not known."""
        return self.table[list(DIAGNOSES)].to_numpy(dtype=float)

    def diagnoses_at(self, timing: str) -> np.ndarray:
        """Diagnoses (N, 4), float: 0 or 1, NaN where the question does not apply or the answer is not known.

        Parameters
        ----------
        timing : str
            "ever": as `diagnoses`. "prevalent": recorded on the day of the scan or before. "incident": recorded after
            it; NaN for those who had the diagnosis already, who are not at risk.

        Raises
        ------
        DataError
            If prevalent or incident is asked for and the table has no dates (columns I21_days and so on).
        """
        if timing not in TIMINGS:
            raise ValueError(f"timing is one of {', '.join(TIMINGS)}; got {timing!r}")
        ever = self.diagnoses
        if timing == "ever":
            return ever
        columns = [f"{code}_days" for code in DIAGNOSES]
        missing = [name for name in columns if name not in self.table]
        if missing:
            raise DataError(
                f"prevalent and incident diagnoses need the columns {', '.join(missing)}",
                source=self.folder / TABLE,
                remedy='write the days from the scan to the first record there, or ask for "ever"',
            )
        days = self.table[columns].to_numpy(dtype=float)
        undated = (ever == 1) & np.isnan(days)
        before, after = (ever == 1) & (days <= 0), (ever == 1) & (days > 0)
        if timing == "prevalent":
            return np.where(undated, np.nan, np.where(np.isnan(ever), np.nan, before))
        return np.where(undated | before, np.nan, np.where(np.isnan(ever), np.nan, after))

    def split(self, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 42) -> Split:
        """Train, validation and test, patients whole: those that the source gives in the column `split`, else by hash.

        Parameters
        ----------
        fractions, seed
            As in `eccl.data.split.split`; without effect if the source gives the split.
        """
        if PART not in self.table:
            return split(patients(self.table) if PATIENT in self.table else self.participant_ids, fractions, seed)
        parts = [np.flatnonzero(self.table[PART] == part) for part in PARTS]
        for name, rows in zip(PARTS, parts):
            if not len(rows):
                raise DataError(
                    f"no participant is in the {name} part of {len(self)}",
                    source=self.folder / TABLE,
                    remedy="use more participants, or take out the column split: they are then split by hash",
                )
        return Split(*parts)

    def ecg_path(self, index: int) -> Path:
        """Header of the ECG of the participant in row `index`."""
        return self.folder / "ecg" / f"{self.table['participant_id'].iat[index]}.hea"

    def cine_path(self, index: int) -> Path:
        """Cine of the participant in row `index`."""
        return self.folder / "cmr" / f"{self.table['participant_id'].iat[index]}.nii.gz"

    def paths(self, index: int) -> list[Path]:
        """Every file of the participant in row `index`."""
        name = self.table["participant_id"].iat[index]
        return [self.folder / part / f"{name}{suffix}" for part in self.modalities for suffix in FILES[part]]

    def read(self, index: int) -> tuple[ECG | None, Cine | None]:
        """ECG and cine of the participant in row `index`; None for a modality that the cohort does not have."""
        ecg = read_ecg(self.ecg_path(index)) if "ecg" in self.modalities else None
        return ecg, read_cine(self.cine_path(index)) if "cmr" in self.modalities else None

    def require(self, modalities: Sequence[str] = (), diagnoses: Sequence[str] = ()) -> None:
        """Check that the cohort has what a computation needs.

        Raises
        ------
        DataError
            With the modality or the diagnosis that it does not have.
        """
        one = "train on what it has with notebooks/07_your_data, or use a cohort of pairs for the chapters that compare"
        for what, wanted, there, remedy in (
            ("recordings of the modality", modalities, self.modalities, one),
            ("the diagnosis", diagnoses, self.known_diagnoses, "use another cohort, or ask for these alone"),
        ):
            missing = [name for name in wanted if name not in there]
            if missing:
                raise DataError(
                    f"{self.description.get('name', 'this cohort')} does not have {what} {', '.join(missing)}",
                    source=self.folder / DESCRIPTION,
                    remedy=f"it has {', '.join(there) or 'none'}: {remedy}",
                )


def _read_description(path: Path) -> tuple[dict[str, Any], bytes]:
    remedy = 'write one with at least {"name": "...", "simulated": true or false}'
    try:
        text = path.read_bytes()
        description = json.loads(text)
    except OSError as error:
        raise DataError(f"the description cannot be read ({error.strerror})", source=path, remedy=remedy) from error
    except ValueError as error:
        raise DataError(f"the description is no JSON ({error})", source=path, remedy=remedy) from error
    if not isinstance(description, dict) or not isinstance(description.get("simulated"), bool):
        raise DataError("it does not say whether the people are simulated", source=path, remedy=remedy)
    for key, allowed in (("modalities", tuple(FILES)), ("diagnoses", DIAGNOSES)):
        given = description.get(key, list(allowed))
        if (
            not isinstance(given, list)
            or not set(map(str, given)) <= set(allowed)
            or (key == "modalities" and not given)
        ):
            raise DataError(
                f"{key} is {given!r}",
                source=path,
                remedy=f"list some of {', '.join(allowed)}, or leave {key} out for all",
            )
    return description, text


def _read_table(path: Path) -> tuple[pd.DataFrame, bytes]:
    try:
        content = path.read_bytes()
        table = pd.read_csv(path, converters={"participant_id": str.strip, PATIENT: str.strip})
    except OSError as error:
        raise DataError(
            f"the table cannot be read ({error.strerror})", source=path, remedy="give a folder that holds cohort.csv"
        ) from error
    except ValueError as error:  # pandas' ParserError and EmptyDataError are ValueErrors
        raise DataError(f"the table is no CSV ({error})", source=path, remedy="write it as CSV, UTF-8") from error
    missing = [name for name in REQUIRED if name not in table]
    if missing:
        raise DataError(
            f"{len(missing)} columns are missing: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}",
            source=path,
            remedy="write them; a trait that was not measured is an empty cell, not an absent column",
        )
    if not len(table):
        raise DataError("the table has no rows", source=path, remedy="write one row a participant")
    return table, content


def _check_files(names: pd.Series, folder: Path, suffixes: Sequence[str]) -> None:
    try:
        there = set(os.listdir(folder))
    except OSError as error:
        raise DataError(
            f"the folder cannot be read ({error.strerror})", source=folder, remedy="put the recordings there"
        ) from error
    wanted = [f"{name}{suffix}" for name in names for suffix in suffixes]
    missing = [name for name in wanted if name not in there]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} recordings are missing, the first of them {missing[0]}",
            source=folder,
            remedy="put them there, or take those participants out of cohort.csv",
        )
