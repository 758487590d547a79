"""A cohort on disk, checked on loading: a table of people, and for each an ECG, a cine, or both, in open formats.

The folder holds cohort.csv, dataset_description.json, ecg/<participant_id>.hea and .dat, cmr/<participant_id>.nii.gz.
Simulator and adapters write these files; everything downstream sees only this.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.cache import digest
from eccl.data.cohort_files import DESCRIPTION, TABLE, check_files, read_description, read_people
from eccl.data.modalities import MODALITIES
from eccl.data.split import Split, given_split, split
from eccl.data.table import PART, PATIENT, patients, problems
from eccl.records import ECG, Cine, DataError
from eccl.traits import DIAGNOSES, TRAIT_NAMES

TIMINGS = ("ever", "prevalent", "incident")
UNSTATED = ("ecg", "cine")  # the modalities of a description that does not say


@dataclass(frozen=True, eq=False)
class Participant:
    """One row of a cohort; its recordings are read when they are asked for."""

    cohort: Cohort
    index: int

    @property
    def participant_id(self) -> str:
        """Its name."""
        return self.cohort.table["participant_id"].iat[self.index]

    @property
    def ecg(self) -> ECG | None:
        """The ECG; None if the cohort has none."""
        return self._recording("ecg")

    @property
    def cine(self) -> Cine | None:
        """The cine; None if the cohort has none."""
        return self._recording("cine")

    @property
    def traits(self) -> pd.Series:
        """The 82 traits, in the units of `eccl.traits`, by name; NaN where not measured."""
        return self.cohort.table.loc[self.index, list(TRAIT_NAMES)].astype(float)

    @property
    def diagnoses(self) -> pd.Series:
        """The four diagnoses by code: 0 or 1, NaN where not known."""
        return self.cohort.table.loc[self.index, list(DIAGNOSES)].astype(float)

    def __repr__(self) -> str:
        return (
            f"Participant({self.participant_id}, row {self.index} of {self.cohort.description.get('name', 'a cohort')})"
        )

    def _repr_html_(self) -> str:
        drawn = [recording._repr_html_() for recording in (self.ecg, self.cine) if recording is not None]
        return f"<p>{html.escape(repr(self))}</p>{''.join(drawn)}"

    def _recording(self, modality: str) -> ECG | Cine | None:
        return self.cohort.read(self.index, modality) if modality in self.cohort.modalities else None


@dataclass(frozen=True, eq=False)
class Cohort:
    """Recordings of people; `Cohort.load` makes it.

    Examples
    --------
    >>> cohort = Cohort.load(eccl.simulate_cohort(eccl.preset("smoke").simulation))
    >>> len(cohort), cohort[0].ecg
    (80, ECG(12 leads, 10 s at 500 Hz, -0.86 to 1.18 mV))

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
        description, description_text = read_description(folder)
        table, table_bytes = read_people(folder)
        fingerprint = digest(hashlib.sha256(table_bytes).hexdigest(), hashlib.sha256(description_text).hexdigest())
        cohort = cls(folder, table, description, fingerprint)
        for problem in problems(table, cohort.known_diagnoses):
            who = table["participant_id"].iat[problem.row]
            where = f"in row {problem.row + 2} ({who})"  # as a spreadsheet counts, the header being row 1
            raise DataError(f"{problem.text} {where}", source=folder / TABLE, remedy=problem.remedy)
        for modality in cohort.modalities:
            check_files(table["participant_id"], folder, MODALITIES[modality])
        return cohort

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        kind = "simulated people" if self.simulated else "people"
        return f"Cohort({len(self):,} {kind} with {' and '.join(self.modalities)}, in {self.folder})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{self[0]._repr_html_()}"

    @property
    def participant_ids(self) -> tuple[str, ...]:
        """Names of the participants, in the order of the table."""
        return tuple(self.table["participant_id"])

    @property
    def simulated(self) -> bool:
        """Whether the people are simulated; said wherever a result is shown."""
        return self.description["simulated"]

    def __getitem__(self, index: int) -> Participant:
        """The participant in row `index`."""
        return Participant(self, range(len(self))[index])

    @property
    def modalities(self) -> tuple[str, ...]:
        """What everyone has: "ecg", "cine" or both. A description that does not say means both."""
        return tuple(self.description.get("modalities", UNSTATED))

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
        return given_split(self.table[PART], source=self.folder / TABLE)

    def path(self, index: int, modality: str) -> Path:
        """The file of a modality that `read` takes, of the participant in row `index`."""
        files = MODALITIES[modality]
        return self.folder / files.folder / files.names(self.table["participant_id"].iat[index])[0]

    def paths(self, index: int) -> list[Path]:
        """Every file of the participant in row `index`."""
        name = self.table["participant_id"].iat[index]
        places = [MODALITIES[modality] for modality in self.modalities]
        return [self.folder / place.folder / file for place in places for file in place.names(name)]

    def read(self, index: int, modality: str) -> ECG | Cine:
        """The recording of a modality of the participant in row `index`."""
        return MODALITIES[modality].read(self.path(index, modality))

    def require(self, modalities: Sequence[str] = (), diagnoses: Sequence[str] = ()) -> None:
        """Check that the cohort has what a computation needs.

        Raises
        ------
        DataError
            With the modality or the diagnosis that it does not have.
        """
        one = "train on what it has with notebooks/07_your_data, or use a cohort of pairs for the chapters that compare"
        for what, wanted, available, remedy in (
            ("recordings of the modality", modalities, self.modalities, one),
            ("the diagnosis", diagnoses, self.known_diagnoses, "use another cohort, or ask for these alone"),
        ):
            missing = [name for name in wanted if name not in available]
            if missing:
                raise DataError(
                    f"{self.description.get('name', 'this cohort')} does not have {what} {', '.join(missing)}",
                    source=self.folder / DESCRIPTION,
                    remedy=f"it has {', '.join(available) or 'none'}: {remedy}",
                )
