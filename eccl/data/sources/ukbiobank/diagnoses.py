"""The four diagnoses of people in UK Biobank, ever and in days from the scan.

A diagnosis is recorded if a hospital stay has a code of its three characters (I48 has I480, I48.0 and I489) or if its
first occurrence has a date. Hospital codes come with a date by position; a first occurrence may have a special date.
"""

from __future__ import annotations

from datetime import date
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import pandas as pd

from eccl.data.sources.ukbiobank.entries import SEPARATOR
from eccl.data.sources.ukbiobank.fields import DATE_UNKNOWN, FIRST, FROM_BIRTH, PLACEHOLDERS
from eccl.records import DataError
from eccl.traits import DIAGNOSES

EARLIEST = date(1900, 1, 1)  # nobody in UK Biobank was born before it
FIRST_VISIT = date(2006, 1, 1)  # no visit was before it
YEAR = 365.25  # days


class Diagnoses(NamedTuple):
    """Labels of whoever has them, and what is wrong with everyone else.

    Attributes
    ----------
    table : DataFrame
        Index eid. I21, I42, I48, I50: 1 if ever recorded, else 0. I21_days and so on: days from the scan to the first
        record, at most 0 if prevalent, positive if incident; NaN without a record, a date or a scan date.
    problems : dict
        eid: DataError, in whose text there is no eid. These people are not in the table.
    """

    table: pd.DataFrame
    problems: dict[str, DataError]


def diagnoses(table: pd.DataFrame, today: date | None = None) -> Diagnoses:
    """The four diagnoses of everyone in a table.

    A record without a date (none given, or the special dates for "unknown" and "in the future") counts as recorded. Its
    days are NaN, unless another record shows that the diagnosis was there at the scan. A record dated by birth is
    prevalent, with days = -age in days; NaN if the age is not known.

    Parameters
    ----------
    table : DataFrame
        Of `eccl.data.sources.ukbiobank.tables.read_tables`.
    today : date, optional
        A date after it is a problem of the participant; by default the present day.
    """
    today = today or date.today()
    rows, problems = {}, {}
    # Columns, not rows, are walked: a row would be a Series of 100 values for each of 500,000 people.
    columns = [table[name] for name in ("age", "scan_date", "icd10", "icd10_dates", *FIRST)]
    for participant, age, scan, codes, dates, *first in zip(table.index, *columns):
        try:
            records = _records(codes, dates, dict(zip(DIAGNOSES, first)))
            scanned = None if pd.isna(scan) else _checked(scan.date(), today, "the scan", FIRST_VISIT)
            rows[participant] = [
                *(int(bool(records[code])) for code in DIAGNOSES),
                *(_days(records[code], scanned, age, today, code) for code in DIAGNOSES),
            ]
        except DataError as error:
            problems[participant] = error
    names = [*DIAGNOSES, *(f"{code}_days" for code in DIAGNOSES)]
    result = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    types = {name: np.int8 if name in DIAGNOSES else float for name in names}
    return Diagnoses(result.astype(types).rename_axis("eid"), problems)


def _records(codes: object, dates: object, first: dict[str, object]) -> dict[str, list[str]]:
    """The date of every record of each diagnosis, as text, "" if it has none."""
    if pd.isna(codes) and all(map(pd.isna, first.values())):
        raise DataError(
            "the participant is in none of the tables with diagnoses",
            remedy="give a table with the fields 41270 and 41280 that has everyone",
        )
    found: dict[str, list[str]] = {code: [] for code in DIAGNOSES}
    entries = [] if pd.isna(codes) else codes.split(SEPARATOR)
    days = [] if pd.isna(codes) or pd.isna(dates) else dates.split(SEPARATOR)
    if any(day and not entry for entry, day in zip_longest(entries, days, fillvalue="")):
        raise DataError(
            "a hospital date stands where there is no code, so that dates do not belong to the codes by position",
            remedy="give the fields 41270 and 41280 of one release, with an empty entry where there is none",
        )
    for entry, day in zip_longest(entries, days, fillvalue=""):
        if entry[:3] in found:  # whatever stands behind: a fourth character, a point, a label
            found[entry[:3]].append(day)
    for code, day in first.items():
        if not pd.isna(day) and day:
            found[code].append(day)
    return found


def _days(records: list[str], scanned: date | None, age: float, today: date, code: str) -> float:
    """Days from the scan to the first record; NaN if that is not known."""
    known, undated = [], False
    for text in records:
        day = date.fromisoformat(text) if text else DATE_UNKNOWN
        if day == DATE_UNKNOWN or day in PLACEHOLDERS:
            undated = True
        elif day in FROM_BIRTH:
            known.append(-age * YEAR)
        else:
            day = _checked(day, today, f"a record of {code}")
            known.append(np.nan if scanned is None else float((day - scanned).days))
    if scanned is None or not known:
        return np.nan
    earliest = np.round(np.min(known))
    # An undated record may be older than the first that has a date: who has both is not surely free of it at the scan.
    return np.nan if undated and earliest > 0 else float(earliest)


def _checked(day: date, today: date, what: str, earliest: date = EARLIEST) -> date:
    if not earliest <= day <= today:
        raise DataError(
            f"{what} is dated {day.isoformat()}, not between {earliest.isoformat()} and {today.isoformat()}",
            remedy="correct the table, or leave the participant out",
        )
    return day
