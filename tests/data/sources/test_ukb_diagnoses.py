"""Diagnoses of UK Biobank: ever, and in days from the scan; dates that are none."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from helpers.ukb_tables import EID, OTHER, SHOWCASE, TODAY, table_file

from eccl.data.sources.ukbiobank.diagnoses import diagnoses
from eccl.data.sources.ukbiobank.tables import read_tables
from eccl.traits import DIAGNOSES


def records(**cells):
    """A table of one participant, scanned on 2019-05-30 at 60, without records but for those given."""
    empty = {"age": 60.0, "scan_date": pd.Timestamp("2019-05-30"), "icd10": "", "icd10_dates": ""}
    row = {**empty, **{f"first_{code}": "" for code in DIAGNOSES}, **cells}
    return pd.DataFrame([row], index=pd.Index([EID], name="eid"))


RECORDS = {  # what is recorded: (cells, I48 ever, I48_days)
    "nothing": ({}, 0, np.nan),
    "on the day": ({"first_I48": "2019-05-30"}, 1, 0),
    "a day before": ({"first_I48": "2019-05-29"}, 1, -1),
    "a day after": ({"first_I48": "2019-05-31"}, 1, 1),
    "hospital before the first report": (
        {"icd10": "I489", "icd10_dates": "2018-05-30", "first_I48": "2019-05-31"},
        1,
        -365,
    ),
    "report before the hospital": ({"icd10": "I489", "icd10_dates": "2020-05-30", "first_I48": "2019-05-20"}, 1, -10),
    "dates by position": ({"icd10": "I10|I48.9|I480", "icd10_dates": "2000-01-01|2019-06-09|2019-06-01"}, 1, 2),
    "a code with its label": ({"icd10": "I48.9 Atrial fibrillation", "icd10_dates": "2019-06-01"}, 1, 2),
    "another code": ({"icd10": "I47|R48|M48", "icd10_dates": "2018-01-01|2018-01-01|2018-01-01"}, 0, np.nan),
    "no dates": ({"icd10": "I480", "icd10_dates": np.nan}, 1, np.nan),
    "fewer dates than codes": ({"icd10": "I10|I480", "icd10_dates": "2018-01-01"}, 1, np.nan),
    "date unknown": ({"first_I48": "1900-01-01"}, 1, np.nan),
    "a date in the future, once": ({"first_I48": "2037-07-07"}, 1, np.nan),
    "a date in the future, again": ({"first_I48": "1909-09-09"}, 1, np.nan),
    "before birth": ({"first_I48": "1901-01-01"}, 1, -21915),
    "on the day of birth": ({"first_I48": "1902-02-02"}, 1, -21915),
    "in the year of birth": ({"first_I48": "1903-03-03", "icd10": "I48", "icd10_dates": "2020-01-01"}, 1, -21915),
    "at birth, age unknown": ({"first_I48": "1902-02-02", "age": np.nan}, 1, np.nan),
    "undated and before": ({"first_I48": "1900-01-01", "icd10": "I48", "icd10_dates": "2019-05-20"}, 1, -10),
    "undated and after": ({"first_I48": "1900-01-01", "icd10": "I48", "icd10_dates": "2019-06-09"}, 1, np.nan),
    "no scan date": ({"first_I48": "2018-01-01", "scan_date": pd.NaT}, 1, np.nan),
    "hospital alone": (
        {"icd10": "I480", "icd10_dates": "2019-05-29", **{f"first_{c}": np.nan for c in DIAGNOSES}},
        1,
        -1,
    ),
    "reports alone": ({"icd10": np.nan, "icd10_dates": np.nan, "first_I48": "2019-05-29"}, 1, -1),
}


@pytest.mark.parametrize("case", RECORDS)
def test_days_run_from_the_scan_to_the_first_record(case):
    cells, ever, days = RECORDS[case]
    labels, problems = diagnoses(records(**cells), TODAY)
    assert problems == {} and labels.loc[EID, "I48"] == ever and labels["I48"].dtype == np.int8
    np.testing.assert_equal(labels.loc[EID, "I48_days"], days)
    assert labels.loc[EID, ["I21", "I42", "I50"]].sum() == 0


@pytest.mark.parametrize(
    "cells, words",
    [
        ({"first_I48": "2025-06-02"}, ["a record of I48", "2025-06-02", "2025-06-01"]),
        ({"first_I21": "1899-12-31"}, ["a record of I21", "1899-12-31"]),
        ({"icd10": "I500", "icd10_dates": "2030-01-01"}, ["a record of I50", "2030-01-01"]),
        ({"scan_date": pd.Timestamp("2026-01-01")}, ["the scan", "2026-01-01"]),
        ({"scan_date": pd.Timestamp("1900-01-01")}, ["the scan", "1900-01-01", "2006-01-01"]),
        (
            dict.fromkeys(["icd10", "icd10_dates", *(f"first_{c}" for c in DIAGNOSES)], np.nan),
            ["none of the tables"],
        ),
    ],
)
def test_dates_that_cannot_be_are_a_problem_of_one_participant(cells, words):
    other = records().rename({EID: OTHER})
    labels, problems = diagnoses(pd.concat([records(**cells), other]), TODAY)
    assert list(labels.index) == [OTHER] and list(problems) == [EID]
    told = str(problems[EID])
    assert all(word in told for word in [*words, "Remedy: "]) and EID not in told


def test_years_far_off_are_a_problem_too(tmp_path):
    table = read_tables([table_file(tmp_path / "a.csv", SHOWCASE.replace("2019-05-30", "0001-01-01"))])
    labels, problems = diagnoses(table, TODAY)
    assert list(labels.index) == [OTHER] and "the scan is dated 0001-01-01" in str(problems[EID])


def test_today_is_today_by_default():
    assert diagnoses(records(first_I48=date.today().isoformat())).problems == {}
    assert EID in diagnoses(records(first_I48=f"{date.today().year + 1}-01-01")).problems
