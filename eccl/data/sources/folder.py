"""Anybody's files: a CSV table with one row a participant, that names the recordings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from eccl.data.ecg import read_ecg
from eccl.data.sources.base import Index, OpenData, Recording, chosen, identity, refusal
from eccl.data.sources.scans import read_scan
from eccl.data.sources.statements import UNKNOWN
from eccl.data.standard.slices import FRAME_POLICIES, SLICE_RULES
from eccl.data.table import OPTIONAL, PART, PATIENT, REQUIRED, patients, read_table
from eccl.errors import DataError, did_you_mean
from eccl.traits import DIAGNOSES

TABLE = "participants.csv"
FILES = ("ecg", "cine", "mask_ed", "mask_es")  # columns that name files, relative to the table
RECORDINGS = ("ecg", "cine")  # each also the column that names its file
SIGNALS = (".dat", ".mat")  # of a WFDB record, beside its header
STATED = ("ecg_unit", "ecg_rate", "cine_units", "nominal")  # columns that say of a file what it does not say itself
_ONE_PERSON = "name each recording once, or give these rows one patient_id"
KNOWN = (*REQUIRED, *OPTIONAL, PATIENT, PART, *FILES, *STATED)


@dataclass(frozen=True)
class Folder(OpenData):
    """A table of people and paths.

    Parameters
    ----------
    download : Path
        The CSV file, or a folder that holds `participants.csv`. Columns: participant_id; ecg and cine (paths: any ECG
        format of `eccl.data.ecg.read_ecg`; a NIfTI file, or a zip or folder of DICOM); mask_ed and mask_es (NIfTI);
        what a file does not state: ecg_unit (mV or uV), ecg_rate (Hz), cine_units ("mm sec"), nominal (1: pixel sizes
        are not real); and any column of cohort.csv, of which patient_id says that rows are of one person. A cohort has
        the modalities and the diagnoses whose columns are there.
    frame_policy, slice_rule : str
        As in `NIfTIFolders`.
    name, licence : str
        For the description of the cohort.
    simulated : bool
        Whether the people are.
    """

    download: Path
    frame_policy: str = "refuse"
    slice_rule: str = "middle"
    name: str = "A folder of recordings"
    licence: str = "as given by their owner"
    simulated: bool = False

    cache_keys: ClassVar[tuple[str, ...]] = ("frame_policy", "slice_rule")

    @property
    def path(self) -> Path:
        """The table."""
        return self.download / TABLE if self.download.is_dir() else self.download

    @property
    def description(self) -> dict[str, Any]:
        """Name, licence, and the modalities and diagnoses whose columns the table has."""
        columns = self._table().columns
        return {
            "name": self.name,
            "licence": self.licence,
            "simulated": self.simulated,
            "modalities": [name for name in RECORDINGS if name in columns],
            "diagnoses": [code for code in DIAGNOSES if code in columns],
            "choices": {
                "frame_policy": chosen(self.frame_policy, FRAME_POLICIES),
                "slice_rule": chosen(self.slice_rule, SLICE_RULES),
            },
        }

    def index(self, keep: Path) -> Index:
        """Every row of the table whose recordings no row of another person names too."""
        table = self._table()
        entries = table.drop(columns=[name for name in (*FILES, *STATED) if name in table])
        for name in entries.columns.drop(["participant_id"]):
            if name in (PATIENT, PART):
                continue
            entries[name] = entries[name].mask(entries[name].str.lower().isin(UNKNOWN), "")
            numbers = pd.to_numeric(entries[name].replace("", None), errors="coerce")
            wrong = numbers.isna() & (entries[name] != "")
            # What is no number stays, for a reason that shows it.
            entries[name] = entries[name].where(wrong, numbers) if wrong.any() else numbers
        for name in (*FILES, *STATED):
            entries[f"_{name}"] = table.get(name, "")
        entries["_needed"] = ",".join(name for name in RECORDINGS if name in table)
        entries["_files"] = [
            [path for name in FILES if row.get(name) for path in self._paths(row[name])]
            for row in table.to_dict("records")
        ]
        shared = self._shared(entries)
        error = DataError("a recording of this row is named in a row of another person too", remedy=_ONE_PERSON)
        refused = [refusal(name, self.path, error) for name in entries["participant_id"][shared]]
        return Index(entries[~shared].reset_index(drop=True), refused)

    def _shared(self, entries: pd.DataFrame) -> pd.Series:
        """Rows that name a recording which rows of another person name too: they would lie on both sides of a split."""
        people, shared = patients(entries), pd.Series(False, index=entries.index)
        for column in RECORDINGS:
            named = entries[f"_{column}"][entries[f"_{column}"] != ""]
            files = named.map(lambda name: identity(_recording(self.path.parent / name)))
            shared[files.index[people[files.index].groupby(files).transform("nunique") > 1]] = True
        return shared

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The recordings that the row names, and what its masks measure."""
        paths = {name: self.path.parent / entry[f"_{name}"] if entry[f"_{name}"] else None for name in FILES}
        for name in entry["_needed"].split(","):
            if paths[name] is None:
                raise DataError(f"no {name} is named", source=self.path, remedy="name the file, or take the row out")
        if paths["mask_es"] is not None and paths["mask_ed"] is None:
            problem = "a mask of end-systole without one of end-diastole"
            raise DataError(problem, source=paths["mask_es"], remedy="name both, or that of end-diastole alone")
        ecg, cine, row = None, None, {}
        if paths["ecg"] is not None:
            rate = _number(entry["_ecg_rate"], "ecg_rate", self.path)
            ecg = read_ecg(paths["ecg"], unit=entry["_ecg_unit"] or None, rate=rate)
        if paths["cine"] is not None:
            stated = {"units": tuple(entry["_cine_units"].split()) or None, "nominal": entry["_nominal"] == "1"}
            masks = [path for path in (paths["mask_ed"], paths["mask_es"]) if path is not None]
            choices = {"frame_policy": self.frame_policy, "slice_rule": self.slice_rule}
            scan = read_scan(paths["cine"], masks, **choices, **stated)
            measured = {name: value for name, value in scan.traits().items() if name not in entry}
            cine, row = scan.cine, {"phases": scan.frame_count, **measured}
        return Recording(ecg, cine, row)

    def _paths(self, name: str) -> list[str]:
        """The file of a row, and the signal file of a WFDB record: whether that is there decides too."""
        path = Path(os.path.realpath(self.path.parent / name))
        signals = [path.with_suffix(end) for end in SIGNALS] if path.suffix == ".hea" else []
        return [str(path), *(str(signal) for signal in signals if os.path.exists(signal))]

    def _table(self) -> pd.DataFrame:
        table = read_table(self.path, f"write {TABLE} there, in UTF-8", dtype=str, keep_default_na=False)
        for name in table:
            if name not in KNOWN:
                hint = did_you_mean(name, KNOWN, "rename it, or take it out")
                hint = "write the table with commas between the columns" if re.search("[;\t]", name) else hint
                raise DataError(f"no column is named {name!r}", source=self.path, remedy=hint)
        if "participant_id" not in table or not len(table) or not set(RECORDINGS) & set(table):
            raise DataError(
                f"{len(table)} rows with the columns {', '.join(table) or 'none'}",
                source=self.path,
                remedy="write participant_id and ecg or cine, and one row a participant",
            )
        return table.map(str.strip)


def _recording(path: Path) -> Path:
    """The path of a recording; of a WFDB record, which is named by any of its files, that of its header."""
    header = path.with_suffix(".hea") if path.suffix in ("", *SIGNALS) and path.name else path
    return header if os.path.exists(header) else path


def _number(text: str, name: str, path: Path) -> float | None:
    try:
        return float(text) if text else None
    except ValueError as error:
        raise DataError(f"{name} is {text!r}", source=path, remedy="write a number, in Hz") from error
