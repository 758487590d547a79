"""A cohort on disk, checked on loading: a table of people, and for each an ECG and a cine in files of open formats.

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

from eccl.config import digest
from eccl.data.cmr import read_cine
from eccl.data.ecg import read_ecg
from eccl.records import ECG, Cine, DataError
from eccl.traits import DISEASE_CODES, TRAIT_NAMES, TRAITS

TABLE = "cohort.csv"
DESCRIPTION = "dataset_description.json"
_PERSON = {  # column: least, most, unit
    "sex": (0.0, 1.0, "(0 female, 1 male)"),
    "age": (0.0, 120.0, "years"),
    "height": (100.0, 230.0, "cm"),
    "weight": (25.0, 300.0, "kg"),
    "systolic": (50.0, 280.0, "mmHg"),
    "diastolic": (20.0, 180.0, "mmHg"),
}
_OPTIONAL = {"heart_rate": (20.0, 300.0, "bpm")}
_REQUIRED = ("participant_id", *_PERSON, *TRAIT_NAMES, *DISEASE_CODES)
_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"  # what WFDB allows in a record name, and no path can hide in


@dataclass(frozen=True, eq=False)
class Cohort:
    """Paired recordings of people; `Cohort.load` makes it.

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
        _check_participants(table, folder / TABLE)
        for name, (low, high, unit) in (_PERSON | _OPTIONAL).items():
            if name in table:
                _check_range(table, name, low, high, unit, folder / TABLE)
        for trait in TRAITS:
            _check_range(table, trait.name, trait.low, trait.high, trait.unit, folder / TABLE)
        for code in DISEASE_CODES:
            _check_diagnosis(table, code, folder / TABLE)
        _check_files(table, folder)
        fingerprint = digest(hashlib.sha256(table_bytes).hexdigest(), hashlib.sha256(description_text).hexdigest())
        return cls(folder, table, description, fingerprint)

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
    def traits(self) -> np.ndarray:
        """Traits (N, 82), float32, in the units of `eccl.traits`; NaN where not measured."""
        return self.table[list(TRAIT_NAMES)].to_numpy(dtype=np.float32)

    @property
    def diseases(self) -> np.ndarray:
        """Diagnoses (N, 4), int8, 0 or 1, in the order of `eccl.traits.DISEASES`."""
        return self.table[list(DISEASE_CODES)].to_numpy(dtype=np.int8)

    def ecg_path(self, index: int) -> Path:
        """Header of the ECG of the participant in row `index`."""
        return self.folder / "ecg" / f"{self.table['participant_id'].iat[index]}.hea"

    def cine_path(self, index: int) -> Path:
        """Cine of the participant in row `index`."""
        return self.folder / "cmr" / f"{self.table['participant_id'].iat[index]}.nii.gz"

    def read(self, index: int) -> tuple[ECG, Cine]:
        """ECG and cine of the participant in row `index`."""
        return read_ecg(self.ecg_path(index)), read_cine(self.cine_path(index))


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint index arrays, each ascending: who is trained on, selected on, and looked at once."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(
    participant_ids: Sequence[str], fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 42
) -> Split:
    """A split by participant, decided for each by a hash of the name and the seed.

    A participant keeps its place when the cohort grows, shrinks or is sorted anew. The price is that the fractions are
    met on average: of n participants, within about 2 sqrt(f (1 - f) / n).

    Parameters
    ----------
    participant_ids : sequence of str
        One name a row. A name that occurs twice stays in one part, whole.
    fractions : tuple of float
        Of train, validation and test; they sum to 1.
    seed : int
        Another seed is another split.

    Raises
    ------
    ValueError
        If the fractions do not sum to 1.
    DataError
        If a part with a fraction stays empty.
    """
    if abs(sum(fractions) - 1) > 1e-9 or min(fractions) < 0:
        raise ValueError(f"fractions of train, validation and test sum to 1; got {fractions}")
    places = np.array([_uniform(f"{seed}:{name}") for name in participant_ids])
    part = np.searchsorted(np.cumsum(fractions)[:2], places, side="right")
    parts = [np.flatnonzero(part == number) for number in range(3)]
    for name, fraction, indices in zip(("train", "validation", "test"), fractions, parts):
        if fraction > 0 and not len(indices):
            raise DataError(
                f"no participant fell into the {name} part of {len(places)}",
                remedy="use more participants or another seed",
            )
    return Split(*parts)


@dataclass(frozen=True, eq=False)
class Scaler:
    """Mean and standard deviation of each trait over the training split; `Scaler.fit` makes it.

    Attributes
    ----------
    mean, std : ndarray of float32, shape (K,)
        In the traits' units. A trait that does not vary has std 1.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, traits: np.ndarray, train_indices: np.ndarray) -> Scaler:
        """The scaler of the training rows; other rows are not looked at, missing values (NaN) are left out.

        Raises
        ------
        DataError
            If a trait has no value in any training row.
        """
        rows = np.asarray(traits, dtype=np.float64)[train_indices]
        empty = np.flatnonzero(~np.isfinite(rows).any(axis=0))
        if len(empty):
            names = ", ".join(TRAIT_NAMES[k] if rows.shape[1] == len(TRAIT_NAMES) else str(k) for k in empty)
            raise DataError(f"no training participant has a value of {names}", remedy="leave that trait out")
        std = np.nanstd(rows, axis=0)
        return cls(np.nanmean(rows, axis=0).astype(np.float32), np.where(std > 0, std, 1.0).astype(np.float32))

    def transform(self, traits: Any) -> Any:
        """Z-scores (B, K), of an array or a tensor; a missing value becomes 0, the training mean."""
        mean, std = self._like(traits)
        scores = (traits - mean) / std
        return scores.nan_to_num(nan=0.0) if hasattr(scores, "nan_to_num") else np.nan_to_num(scores, nan=0.0)

    def inverse(self, scores: Any) -> Any:
        """Traits (B, K) in their units, of an array or tensor of z-scores."""
        mean, std = self._like(scores)
        return scores * std + mean

    def _like(self, values: Any) -> tuple[Any, Any]:
        if isinstance(values, np.ndarray):
            return self.mean, self.std
        return values.new_tensor(self.mean), values.new_tensor(self.std)


def _uniform(text: str) -> float:
    """A number in [0, 1) that is the text's own."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


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
    return description, text


def _read_table(path: Path) -> tuple[pd.DataFrame, bytes]:
    try:
        content = path.read_bytes()
        table = pd.read_csv(path, converters={"participant_id": str.strip})
    except OSError as error:
        raise DataError(
            f"the table cannot be read ({error.strerror})", source=path, remedy="give a folder that holds cohort.csv"
        ) from error
    except ValueError as error:  # pandas' ParserError and EmptyDataError are ValueErrors
        raise DataError(f"the table is no CSV ({error})", source=path, remedy="write it as CSV, UTF-8") from error
    missing = [name for name in _REQUIRED if name not in table]
    if missing:
        raise DataError(
            f"{len(missing)} columns are missing: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}",
            source=path,
            remedy="write them; a trait that was not measured is an empty cell, not an absent column",
        )
    if not len(table):
        raise DataError("the table has no rows", source=path, remedy="write one row a participant")
    return table, content


def _check_participants(table: pd.DataFrame, path: Path) -> None:
    names = table["participant_id"]
    unsafe = ~names.str.fullmatch(_ID)
    if unsafe.any():
        raise DataError(
            f"the participant_id {names[unsafe].iat[0]!r} in row {_row(unsafe)} is not safe as a file name",
            source=path,
            remedy="use letters, digits, _ and -, beginning with a letter or digit",
        )
    double = names.duplicated()
    if double.any():
        raise DataError(
            f"the participant {names[double].iat[0]!r} is there again in row {_row(double)}",
            source=path,
            remedy="keep one row a participant, for example the first visit",
        )


def _check_range(table: pd.DataFrame, name: str, low: float, high: float, unit: str, path: Path) -> None:
    values = pd.to_numeric(table[name], errors="coerce")
    wrong = (values.isna() & table[name].notna()) | (values < low) | (values > high)
    if wrong.any():
        raise DataError(
            f"{name} is {table[name][wrong].iat[0]} {unit} for {table['participant_id'][wrong].iat[0]} "
            f"(row {_row(wrong)}), plausible is {low:g} to {high:g} {unit}",
            source=path,
            remedy="check the unit and the column, or leave the cell empty if the value is not known",
        )


def _check_diagnosis(table: pd.DataFrame, code: str, path: Path) -> None:
    values = pd.to_numeric(table[code], errors="coerce")
    wrong = ~values.isin([0, 1])
    if wrong.any():
        raise DataError(
            f"the diagnosis {code} is {table[code][wrong].iat[0]} for {table['participant_id'][wrong].iat[0]} "
            f"(row {_row(wrong)})",
            source=path,
            remedy="write 0 or 1; leave out a participant whose diagnoses are not known",
        )


def _check_files(table: pd.DataFrame, folder: Path) -> None:
    for part, suffixes in (("ecg", (".hea", ".dat")), ("cmr", (".nii.gz",))):
        try:
            there = set(os.listdir(folder / part))
        except OSError as error:
            raise DataError(
                f"the folder cannot be read ({error.strerror})", source=folder / part, remedy="put the recordings there"
            ) from error
        wanted = [f"{name}{suffix}" for name in table["participant_id"] for suffix in suffixes]
        missing = [name for name in wanted if name not in there]
        if missing:
            raise DataError(
                f"{len(missing)} of {len(wanted)} recordings are missing, the first of them {missing[0]}",
                source=folder / part,
                remedy="put them there, or take those participants out of cohort.csv",
            )


def _row(wrong: pd.Series) -> int:
    return int(np.flatnonzero(wrong)[0]) + 2  # as a spreadsheet counts, the header being row 1
