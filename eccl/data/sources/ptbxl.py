"""PTB-XL: 21,799 clinical ECGs of 18,869 patients with statements (Wagner et al., Sci Data 2020), CC BY 4.0.

A participant of the cohort is a recording; `patient_id` keeps a patient's recordings in one part. The folds that the
authors recommend become the split: 1 to 8 train, 9 validation, 10 test. Of the four diagnoses statements know two; what
they mean is said in `eccl.data.sources.statements`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from eccl.data.ecg import read_ecg
from eccl.data.sources.base import Index, OpenData, Recording, chosen, nothing_found, refusal
from eccl.data.sources.statements import INFARCTION, KNOWN, infarction_statements, read_scp_codes, scp_diagnoses
from eccl.data.table import PART, PATIENT, PERSON, read_table
from eccl.records import DataError

TABLE, STATEMENTS = "ptbxl_database.csv", "scp_statements.csv"
DATABASE = "ptb-xl"  # its name at PhysioNet
RATES = {"500": ("filename_hr",), "100": ("filename_lr",), "any": ("filename_hr", "filename_lr")}
OVER_89 = 300  # how an age over 89 is written
COLUMNS = ("ecg_id", "patient_id", "age", "sex", "height", "weight", "scp_codes", "strat_fold", "filename_hr")
_VALIDATION, _TEST = 9, 10  # folds


@dataclass(frozen=True)
class PTBXL(OpenData):
    """PTB-XL, all of it or part of its files.

    Parameters
    ----------
    download : Path
        Holds ptbxl_database.csv, scp_statements.csv and records500/ or records100/.
    sampling_rate : str
        Files to take, Hz: "500", "100" (resampled to 500), or "any": 500 where that file is there. The column
        `recorded_hz` says which was taken.
    least_likelihood : float
        A rated statement below it does not count, %; one that is not rated (0) always does.
    fetch : bool
        Whether to download what is missing from physionet.org first (3 GB), with wfdb.
    """

    download: Path
    sampling_rate: str = "500"
    least_likelihood: float = 0.0
    fetch: bool = False

    cache_keys: ClassVar[tuple[str, ...]] = ()  # all shows in the index: labels, and names of files

    @property
    def description(self) -> dict[str, Any]:
        """Name, licence, modality and the diagnoses that statements know."""
        return {
            "name": "PTB-XL",
            "licence": "CC-BY-4.0",
            "modalities": ["ecg"],
            "diagnoses": list(KNOWN),
            "choices": {
                "sampling_rate": chosen(self.sampling_rate, tuple(RATES)),
                "least_likelihood": self.least_likelihood,
            },
        }

    def index(self, keep: Path) -> Index:
        """Every row of the table; sex turned to 0 female, 1 male; values that cannot be left empty and counted."""
        if self.fetch:
            _fetch(self.download)
        table = self._table()
        statements = self.download / STATEMENTS
        infarction = infarction_statements(statements) if statements.exists() else INFARCTION
        entries = pd.DataFrame({"participant_id": [f"ptbxl-{int(number):05d}" for number in table["ecg_id"]]})
        entries[PATIENT] = table["patient_id"].astype(int).astype(str)
        fold = table["strat_fold"].astype(int)
        entries["strat_fold"] = fold
        entries[PART] = np.select([fold == _TEST, fold == _VALIDATION], ["test", "validation"], "train")
        entries["sex"] = 1 - table["sex"]
        notes = {}
        for name in ("age", "height", "weight"):
            low, high, unit = PERSON[name]
            values = table[name].where(table[name] != OVER_89) if name == "age" else table[name]
            wrong = (values < low) | (values > high)
            entries[name] = values.mask(wrong)
            if wrong.any():
                notes[f"{name} outside {low:g} to {high:g} {unit}: left empty"] = int(wrong.sum())
        old = table["age"] == OVER_89
        if old.any():
            notes["age over 89, which PTB-XL writes as 300: left empty"] = int(old.sum())
        refused, kept = [], []
        for row, text in enumerate(table["scp_codes"]):
            try:
                codes = read_scp_codes(text, self.download / TABLE)
                labels = scp_diagnoses(codes, infarction, self.least_likelihood)
                kept.append((row, *labels.values(), ";".join(codes)))
            except DataError as error:
                refused.append(refusal(entries["participant_id"][row], TABLE, error))
        rows, *columns = zip(*kept) if kept else ((),) * (len(KNOWN) + 2)
        entries = entries.iloc[list(rows)].assign(**dict(zip((*KNOWN, "statements"), columns)))
        taken = [self._file(table.iloc[row]) for row in rows]
        entries["recorded_hz"] = [rate for _, rate in taken]
        entries["_files"] = [[f"{stem}.hea", f"{stem}.dat"] for stem, _ in taken]
        return Index(entries.reset_index(drop=True), refused, notes)

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The ECG."""
        return Recording(read_ecg(entry["_files"][0]))

    def _file(self, row: pd.Series) -> tuple[Path, int]:
        """Record of one row, without its extension, and its rate, Hz: of those to be taken, the first that is there."""
        columns = [name for name in RATES[self.sampling_rate] if isinstance(row.get(name), str)]
        paths = [self.download / row[name] for name in columns]
        existing = [path for path in paths if path.with_name(f"{path.name}.hea").exists()]
        stem = next(iter(existing or paths), self.download / f"{row['ecg_id']}")
        return stem, 100 if stem.name.endswith("_lr") else 500

    def _table(self) -> pd.DataFrame:
        path = self.download / TABLE
        if not path.exists():
            raise nothing_found(self.download, f"{TABLE} of PTB-XL")
        table = read_table(path, "download it again", dtype={"scp_codes": str})
        missing = [name for name in COLUMNS if name not in table]
        if missing:
            problem = f"{len(missing)} columns are missing: {', '.join(missing)}"
            raise DataError(problem, source=path, remedy="give PTB-XL's own table, of version 1.0.1 or later")
        numbers = ["ecg_id", "patient_id", "sex", "strat_fold"]
        wrong = table[numbers].apply(pd.to_numeric, errors="coerce").isna().any(axis=1) | ~table["sex"].isin([0, 1])
        wrong |= ~table["strat_fold"].isin(range(1, 11))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            values = ", ".join(f"{name} {table[name].iat[row]}" for name in numbers)
            problem = f"row {row + 2} has {values}; sex is 0 (male) or 1 (female), strat_fold 1 to 10"
            raise DataError(problem, source=path, remedy="download the table again")
        for name in ("age", "height", "weight"):
            numbers = pd.to_numeric(table[name], errors="coerce")
            wrong = numbers.isna() & table[name].notna()
            if wrong.any():
                problem = f"row {int(np.flatnonzero(wrong)[0]) + 2} has the {name} {table[name][wrong].iat[0]!r}"
                raise DataError(problem, source=path, remedy="write a number, or leave the cell empty")
            table[name] = numbers
        table["scp_codes"] = table["scp_codes"].fillna("")
        return table


def _fetch(folder: Path) -> None:
    import wfdb

    try:
        wfdb.dl_database(DATABASE, str(folder), keep_subdirs=True, overwrite=False)
        wfdb.dl_files(DATABASE, str(folder), [TABLE, STATEMENTS], keep_subdirs=True, overwrite=False)
    except (OSError, ValueError) as error:  # no network, or an answer that is no file
        raise DataError(
            f"PTB-XL cannot be fetched ({error})",
            source=folder,
            remedy="download it by hand from physionet.org/content/ptb-xl and give its folder",
        ) from error
