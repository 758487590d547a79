"""The table of a cohort: its columns, their plausible ranges, and what is wrong with it, row by row.

`Cohort.load` refuses a table at its first problem; an ingest puts the participant of each problem into quarantine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from eccl.data.split import PARTS
from eccl.records import DataError
from eccl.traits import DIAGNOSES, TRAIT_NAMES, TRAITS

PERSON = {  # column: least, most, unit
    "sex": (0.0, 1.0, "(0 female, 1 male)"),
    "age": (0.0, 120.0, "years"),
    "height": (100.0, 230.0, "cm"),
    "weight": (25.0, 300.0, "kg"),
    "systolic": (50.0, 280.0, "mmHg"),
    "diastolic": (20.0, 180.0, "mmHg"),
}
OPTIONAL = {
    "heart_rate": (20.0, 300.0, "bpm"),
    "phases": (1.0, 1000.0, "frames of the beat, as acquired"),
    **{f"{code}_days": (-45_000.0, 45_000.0, "days from the scan") for code in DIAGNOSES},
}
REQUIRED = ("participant_id", *PERSON, *TRAIT_NAMES, *DIAGNOSES)
PATIENT, PART = "patient_id", "split"  # optional: who recordings belong to, and the part that the source gives them to
SEX = "write 0 for female (F) and 1 for male (M)"
_RANGES = {**PERSON, **OPTIONAL, **{trait.name: (trait.low, trait.high, trait.unit) for trait in TRAITS}}
_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"  # what WFDB allows in a record name, and no path can hide in


def read_table(path: Path, remedy: str, **options: Any) -> pd.DataFrame:
    """The table of a CSV file, with `options` of `pandas.read_csv`.

    Raises
    ------
    DataError
        With the remedy, if the file cannot be read or is no CSV.
    """
    try:
        return pd.read_csv(path, **options)
    except OSError as error:
        raise DataError(f"the table cannot be read ({error.strerror})", source=path, remedy=remedy) from error
    except ValueError as error:  # pandas' ParserError, EmptyDataError and UnicodeDecodeError are ValueErrors
        raise DataError(f"the table is no CSV ({error})", source=path, remedy=remedy) from error


class Problem(NamedTuple):
    """What is wrong with one row (counted from 0), in words, and what can be done about it."""

    row: int
    text: str
    remedy: str


def problems(table: pd.DataFrame, known: Collection[str] = DIAGNOSES) -> Iterator[Problem]:
    """Every problem of a table that has the columns of `REQUIRED`, check by check.

    Parameters
    ----------
    table : DataFrame
        participant_id is text.
    known : collection of str
        The diagnoses that the source can know: 0 or 1 in each row. The columns of the others are empty.
    """
    yield from _participants(table["participant_id"])
    for name, (low, high, unit) in _RANGES.items():
        if name in table:
            yield from _out_of_range(table[name], low, high, unit)
    sex = pd.to_numeric(table["sex"], errors="coerce")
    for row in np.flatnonzero(sex.between(0, 1, inclusive="neither")):
        yield Problem(row, f"sex is {table['sex'].iat[row]} (0 female, 1 male)", SEX)
    for code in DIAGNOSES:
        yield from _diagnosis(table[code], code in known)
    if PART in table:
        yield from _parts(table)


def _participants(names: pd.Series) -> Iterator[Problem]:
    for row in np.flatnonzero(~names.str.fullmatch(_ID)):
        yield Problem(
            row,
            f"the participant_id {names.iat[row]!r} is not safe as a file name",
            "use letters, digits, _ and -, beginning with a letter or digit",
        )
    for row in np.flatnonzero(names.duplicated()):
        yield Problem(
            row,
            f"the participant {names.iat[row]!r} is there again",
            "keep one row a participant, for example the first visit",
        )


def _out_of_range(column: pd.Series, low: float, high: float, unit: str) -> Iterator[Problem]:
    values = pd.to_numeric(column, errors="coerce")
    wrong = (values.isna() & column.notna()) | (values < low) | (values > high)
    first = SEX if column.name == "sex" else "check the unit and the column"
    for row in np.flatnonzero(wrong):
        yield Problem(
            row,
            f"{column.name} is {column.iat[row]} {unit}, outside the plausible {low:g} to {high:g} {unit}",
            f"{first}, or leave the cell empty if the value is not known",
        )


def _diagnosis(column: pd.Series, known: bool) -> Iterator[Problem]:
    wrong = ~pd.to_numeric(column, errors="coerce").isin([0, 1]) if known else column.notna()
    for row in np.flatnonzero(wrong):
        value = f"the diagnosis {column.name} is {column.iat[row]}"
        if known:
            yield Problem(row, f"{value}, not 0 or 1", "leave out a participant whose diagnoses are not known")
        else:
            yield Problem(
                row,
                f"{value}, but the description does not list it among the diagnoses that are known",
                "empty the column, or add the code to diagnoses in dataset_description.json",
            )


def _parts(table: pd.DataFrame) -> Iterator[Problem]:
    column = table[PART]
    for row in np.flatnonzero(~column.isin(PARTS)):
        yield Problem(row, f"{PART} is {column.iat[row]}", f"write {', '.join(PARTS)}, or leave the column out")
    for row in np.flatnonzero(parted(table)):
        yield Problem(
            row,
            f"this recording is in {column.iat[row]} and another of the same patient in another part",
            "keep all recordings of a patient in one part",
        )


def patients(table: pd.DataFrame) -> pd.Series:
    """Who each row's recording is of, as text: `patient_id`, or where that is absent or empty the participant."""
    names = table["participant_id"].astype(str)
    if PATIENT not in table:
        return names
    given = table[PATIENT].astype(object).where(table[PATIENT].notna(), "").astype(str).str.strip()
    return given.where(given != "", "participant " + names)


def parted(table: pd.DataFrame) -> np.ndarray:
    """Which rows (N,) belong to a patient whose recordings are in more than one part of a given split."""
    if PART not in table:
        return np.zeros(len(table), dtype=bool)
    return (table[PART].groupby(patients(table)).transform("nunique") > 1).to_numpy(bool)
