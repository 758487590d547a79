"""Tables of UK Biobank read into one row a participant: person, traits, scan date and records of diagnoses.

No message here holds the content of a cell or the number of a participant: rows are named by their place in the file.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from datetime import date
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.data.sources.ukbiobank.entries import SEPARATOR, code_entries, date_entries
from eccl.data.sources.ukbiobank.fields import (
    FIRST,
    IMAGING,
    PERSON,
    Column,
    names_at,
    needed_columns,
    showcase_name,
)
from eccl.data.sources.ukbiobank.rows import read_table
from eccl.data.sources.ukbiobank.text import REMEDY
from eccl.records import DataError
from eccl.traits import TRAIT_NAMES

log = logging.getLogger(__name__)

RECORDS = ("icd10", "icd10_dates", *FIRST)  # columns of text
_REFUSED = {-1.0, -3.0}  # "do not know" and "prefer not to answer", for a person; a strain may have these values
_SEXES = {"Female": "0", "Male": "1"}  # where the research platform has replaced codes by labels
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d[\d:.]*(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


def read_tables(
    paths: Sequence[Path | str], participants: Collection[str] | None = None, instance: int = IMAGING
) -> pd.DataFrame:
    """One row a participant, the index eid as text, joined from all tables.

    Columns: sex, age (years), height (cm), weight (kg), systolic and diastolic (mmHg, mean of the readings), the 82
    traits (units of `eccl.traits`), scan_date, and for `ukbiobank.diagnoses` as text: icd10 and icd10_dates
    (entries by position, with | between), first_I21 and so on (a date). Text is "" for somebody without a record and
    NaN for somebody who is in none of the tables that have the field.

    Parameters
    ----------
    paths : sequence of path
        CSV or tab-separated text, also .gz, or .parquet; headings as `needed_columns` reads them, one style a file.
    participants : collection of str, optional
        Whom to keep; by default everyone.
    instance : int
        Visit that measurements are taken from; 2 is the first imaging visit.

    Raises
    ------
    DataError
        If a file is no table, a participant is there twice, a number or date is none, two tables contradict each other,
        nobody is there, or the fields of a person, the scan date or all diagnoses are missing.
    """
    wanted = None if participants is None else {str(participant) for participant in participants}
    table, tables = None, [Path(path) for path in paths]
    for path in tables:
        columns = partial(needed_columns, path=path, names=names_at(instance))
        new = read_table(path, wanted, columns, partial(_values, path))
        table = new if table is None else join(table, new, path)
    if table is None or not len(table):
        raise DataError(
            "nobody is there" if wanted is None else f"none of {len(wanted)} participants is there",
            source=", ".join(map(str, tables)) or None,
            remedy="give the tables of the application whose recordings these are: each has its own numbers",
        )
    _check_fields(table, tables, instance)
    readings = {name: table[arrays_of(table, name)].mean(axis=1) for name in PERSON}
    table = table.assign(**readings).reindex(columns=[*PERSON, *TRAIT_NAMES, "scan_date", *RECORDS])
    types = {**dict.fromkeys((*PERSON, *TRAIT_NAMES), float), **dict.fromkeys(RECORDS, object)}
    return table.astype(types).sort_index()


def arrays_of(table: pd.DataFrame, name: str) -> list[str]:
    """The columns of a field's arrays: two readings of the blood pressure are "systolic 0" and "systolic 1"."""
    return [column for column in table if column.rpartition(" ")[0] == name]


def _check_fields(table: pd.DataFrame, tables: list[Path], instance: int) -> None:
    where = ", ".join(map(str, tables))
    missing = [name for name in PERSON if not arrays_of(table, name)]
    missing += [] if "scan_date" in table else ["scan_date"]
    if missing:
        fields = ", ".join(f"{showcase_name(name, instance)} ({name})" for name in missing)
        remedy = "download them and give that table too; or name the columns as 31-0.0, p31 or f.31.0.0"
        raise DataError(f"fields are missing: {fields}", source=where, remedy=remedy)
    if "icd10" not in table and not any(name in table for name in FIRST):
        fields = ", ".join(showcase_name(name) for name in RECORDS)
        raise DataError("no diagnoses are there", source=where, remedy=f"download some of the fields {fields}")
    absent = [name for name in TRAIT_NAMES if name not in table]
    if absent:
        log.warning(
            "%d of %d traits are in no table and stay empty, such as %s", len(absent), len(TRAIT_NAMES), absent[0]
        )
    undone = [showcase_name(name) for name in RECORDS if name not in table]
    if undone:
        log.warning("diagnoses are taken without the fields %s", ", ".join(undone))


def _values(path: Path, rows: list[int], cells: list[list[str]], columns: list[Column]) -> dict[str, Any]:
    """Typed columns of some rows: numbers, dates, and the arrays of diagnoses as one text."""
    result: dict[str, Any] = {}
    for name, group in groupby(enumerate(columns), key=lambda item: item[1].name):
        arrays = list(group)
        place, column = arrays[0]
        if name in ("icd10", "icd10_dates"):
            result[name] = [_packed(content, arrays, row, path) for row, content in zip(rows, cells)]
        elif name == "scan_date" or name in FIRST:
            result[name] = [_date(content[place], column, row, path) for row, content in zip(rows, cells)]
        else:
            for place, column in arrays:
                key = f"{name} {column.array}" if name in PERSON else name
                result[key] = read_numbers([content[place] for content in cells], rows, column, path)
    if "scan_date" in result:
        result["scan_date"] = np.array([text or "NaT" for text in result["scan_date"]], dtype="M8[s]")
    return result


def read_numbers(texts: list[str], rows: list[int], column: Column, path: Path, remedy: str = REMEDY) -> np.ndarray:
    """The numbers of a column, float, NaN where missing; of a person also where -1 and -3 say that there is no answer.

    Raises
    ------
    DataError
        If a text is none, with the row.
    """
    if column.name == "sex":
        texts = [_SEXES.get(text, text) for text in texts]
    values = pd.to_numeric(pd.Series(texts, dtype=object).replace("", None), errors="coerce").to_numpy(float)
    for place in np.flatnonzero(~np.isfinite(values)):
        if texts[place]:
            raise DataError(
                f"the column {column.heading} has no number in row {rows[place]}", source=path, remedy=remedy
            )
    if column.name in PERSON:
        values[np.isin(values, list(_REFUSED))] = np.nan
    return values


def _date(text: str, column: Column, row: int, path: Path) -> str:
    """A date as 2019-05-30, without the time that some exports add; "" for none."""
    if not text:
        return ""
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise DataError(
            f"the column {column.heading} has no date in row {row}",
            source=path,
            remedy="write dates as year-month-day, such as 2019-05-30",
        ) from None  # the error of the library holds the text


def _packed(content: list[str], arrays: list[tuple[int, Column]], row: int, path: Path) -> str:
    """Entries by position: one a column, or all in the first as a list in text."""
    entries = [""] * (arrays[-1][1].array + 1)
    for place, column in arrays:
        found = _entries(content[place], column, row, path) if content[place] else []
        if len(found) > 1 and len(arrays) > 1:
            raise DataError(
                f"the column {column.heading} has several entries in row {row}, where other columns hold the array too",
                source=path,
                remedy="give one column with all entries, or one column for each",
            )
        entries[column.array : column.array + 1] = found or [""]
    return SEPARATOR.join(entries).rstrip(SEPARATOR)


def _entries(text: str, column: Column, row: int, path: Path) -> list[str]:
    try:
        if column.name == "icd10":
            return code_entries(text)
        return date_entries(text, lambda entry: _date(entry, column, row, path))
    except DataError:
        raise
    except ValueError as error:
        raise DataError(
            f"the column {column.heading} has {error} in row {row}",
            source=path,
            remedy="write entries with | between, such as I10|I480, each a code with its label or without",
        ) from None


def join(table: pd.DataFrame, new: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Everyone in either of two tables; what both hold of somebody must be the same.

    Raises
    ------
    DataError
        If it is not.
    """
    everyone = table.index.union(new.index)
    table, new = table.reindex(everyone), new.reindex(everyone)
    shared = table.columns.intersection(new.columns)
    for name in shared:
        one, other = table[name], new[name]
        differ = int((one.notna() & other.notna() & (one != other)).sum())
        if differ:
            raise DataError(
                f"{name} of {differ} participants is another than in the tables before",
                source=path,
                remedy="give the tables of one release, and each field once",
            )
        table[name] = one.where(one.notna(), other)
    return pd.concat([table, new.drop(columns=shared)], axis=1).rename_axis("eid")
