"""The four diagnoses of people in UK Biobank, ever and in days from the scan, and who has withdrawn.

A diagnosis is recorded if a hospital stay has a code of its three characters (I48 has I480, I48.0 and I489) or if its
first occurrence has a date. Hospital codes come with a date by position; a first occurrence may have a special date.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from eccl.data.sources.ukb_fields import DATE_UNKNOWN, FIRST, FROM_BIRTH, PLACEHOLDERS
from eccl.data.sources.ukb_tables import SEPARATOR
from eccl.records import DataError
from eccl.traits import DISEASE_CODES

EARLIEST = date(1900, 1, 1)  # nobody in UK Biobank was born before it
YEAR = 365.25  # days
LONGEST_LINE = 1000  # characters, of a list of withdrawals
_ICD10 = re.compile(r"[A-Z]\d\d", re.ASCII)


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
        Of `eccl.data.sources.ukb_tables.read_tables`.
    today : date, optional
        A date after it is a problem of the participant; by default the present day.
    """
    today = today or date.today()
    rows, problems = {}, {}
    # Columns, not rows, are walked: a row would be a Series of 100 values for each of 500,000 people.
    columns = [table[name] for name in ("age", "scan_date", "icd10", "icd10_dates", *FIRST)]
    for participant, age, scan, codes, dates, *first in zip(table.index, *columns):
        try:
            records = _records(codes, dates, dict(zip(DISEASE_CODES, first)))
            scanned = None if pd.isna(scan) else _checked(scan.date(), today, "the scan")
            rows[participant] = [
                *(int(bool(records[code])) for code in DISEASE_CODES),
                *(_days(records[code], scanned, age, today, code) for code in DISEASE_CODES),
            ]
        except DataError as error:
            problems[participant] = error
    names = [*DISEASE_CODES, *(f"{code}_days" for code in DISEASE_CODES)]
    result = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    types = {name: np.int8 if name in DISEASE_CODES else float for name in names}
    return Diagnoses(result.astype(types).rename_axis("eid"), problems)


def withdrawn(path: Path | str) -> set[str]:
    """The numbers of those who have withdrawn, as text, from UK Biobank's list: one a line, without a header.

    Blank lines, a header "eid" and negative numbers (which stand for people who are in no table) are passed over.

    Raises
    ------
    DataError
        If a line is anything else, with the number of the line and never what it says.
    """
    numbers = set()
    remedy = "give the list as UK Biobank sent it: one number a line"
    try:
        with open(path, encoding="utf-8-sig") as file:
            for place, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), start=1):
                text = line.strip()
                if re.fullmatch(r"[1-9]\d{0,11}", text, re.ASCII):
                    numbers.add(text)
                elif text and re.fullmatch(r"-\d{1,11}|eid", text, re.ASCII) is None:
                    raise DataError(f"line {place} is no participant's number", source=path, remedy=remedy)
    except OSError as error:
        raise DataError(f"the list cannot be read ({error.strerror})", source=path, remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise DataError("the list is no text in UTF-8", source=path, remedy=remedy) from error
    return numbers


def _records(codes: object, dates: object, first: dict[str, object]) -> dict[str, list[str]]:
    """The date of every record of each diagnosis, as text, "" if it has none."""
    if pd.isna(codes) and all(map(pd.isna, first.values())):
        raise DataError(
            "the participant is in none of the tables with diagnoses",
            remedy="give a table with the fields 41270 and 41280 that has everyone",
        )
    found: dict[str, list[str]] = {code: [] for code in DISEASE_CODES}
    days = [] if pd.isna(dates) else dates.split(SEPARATOR)
    for place, entry in enumerate([] if pd.isna(codes) else codes.split(SEPARATOR)):
        match = _ICD10.match(entry)  # also before a dot, or a label that an export adds
        if match and match[0] in found:
            found[match[0]].append(days[place] if place < len(days) else "")
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


def _checked(day: date, today: date, what: str) -> date:
    if not EARLIEST <= day <= today:
        raise DataError(
            f"{what} is dated {day.isoformat()}, not between {EARLIEST.isoformat()} and {today.isoformat()}",
            remedy="correct the table, or leave the participant out",
        )
    return day
