"""Entries of one cell: a code never hides another, whatever stands between them, and dates keep their places."""

import numpy as np
import pandas as pd
import pytest

from eccl.data.sources.ukbiobank.diagnoses import diagnoses
from eccl.data.sources.ukbiobank.entries import code_entries, date_entries
from eccl.data.sources.ukbiobank.tables import read_tables
from eccl.records import DataError

EID = "1234567"
HEAD = "eid,p31,p21003_i2,p50_i2,p21002_i2,p4080_i2_a0,p4079_i2_a0,p53_i2,p41270,p41280"

CELLS = {  # text of a cell: the codes by position
    "I48": ["I48"],
    "I480": ["I480"],
    "I48.0": ["I480"],
    "i48.0": ["I480"],
    "I48X": ["I48X"],
    "I48.9 Atrial fibrillation and atrial flutter, unspecified": ["I489"],
    "I48: Atrial fibrillation": ["I48"],
    "I25.1 Atherosclerotic heart disease, unspecified": ["I251"],
    "D51.0 Vitamin B12 deficiency anaemia due to intrinsic factor deficiency": ["D510"],
    "Y44.1 Vitamin B12, folic acid and other preparations": ["Y441"],
    "M36.0 Dermato(poly)myositis in neoplastic disease (C00-D48)": ["M360"],
    "G63.2* Diabetic polyneuropathy": ["G632"],
    "H36.0†": ["H360"],
    "I10|I480": ["I10", "I480"],
    "I10 | I48.0 Paroxysmal atrial fibrillation|": ["I10", "I480", ""],
    "I10,I480": ["I10", "I480"],
    "I10, I480": ["I10", "I480"],
    "I10;I480": ["I10", "I480"],
    "I10/I480": ["I10", "I480"],
    "I10 I480": ["I10", "I480"],
    "I10\nI480": ["I10", "I480"],
    "I10\tI480": ["I10", "I480"],
    "I10,,I480,": ["I10", "", "I480", ""],
    "I10,NA,I480": ["I10", "", "I480"],
    "['I10', 'I480']": ["I10", "I480"],
    '["I10","I48.0"]': ["I10", "I480"],
    '["I10", null, "I480"]': ["I10", "", "I480"],
    "['I10', None, nan, 'I480']": ["I10", "", "", "I480"],
    "['I10' 'I480']": ["I10", "I480"],
    '["I48.0 \\"Lone\\" fibrillation, paroxysmal", "I10"]': ["I480", "I10"],
    "[I10, I480]": ["I10", "I480"],
    "[]": [],
    "": [""],
    "NA": [""],
}
HIDING = [
    "I10 Essential (primary) hypertension, I48 Atrial fibrillation",
    "I10 Essential (primary) hypertension; I25 Ischaemic heart disease",
    "I10 Essential (primary) hypertension I48.0 Paroxysmal atrial fibrillation",
    "I10 Hypertension\nE11 Diabetes",
    "I48-I52",
    "I10 - I480",
    "I10 and I480",
    "I10,I480 Paroxysmal atrial fibrillation",
    "I10I480",
    "I480I10",
    "I48XI10",
    "I10:I480",
    "I10_I480",
    "I10+I480",
    "(I10,I480)",
    "{I10,I480}",
    'c("I10","I480")',
    "xI48",
    "Atrial fibrillation",
    "48",
    "427.3",
    "Block I30-I52",
    "['I10', 'I480",
    "['I10', I480]",
    "[['I10'], ['I480']]",
]


@pytest.mark.parametrize("text", CELLS)
def test_a_cell_is_split_where_it_is_a_list_beyond_doubt(text):
    assert code_entries(text) == CELLS[text]


@pytest.mark.parametrize("text", HIDING)
def test_what_could_hide_a_code_is_never_one_code(text):
    """Refused, or both codes found: the second is not lost in silence."""
    try:
        found = code_entries(text)
    except ValueError as error:
        assert text not in str(error)
    else:
        assert found == ["I10", "I480"]


@pytest.mark.parametrize("between", ["|", ",", ";", ", ", "\n", "\t"])
def test_dates_are_split_alike(between):
    text = between.join(["2010-01-01", "", "2015-06-01"])
    assert date_entries(text, str.upper) == ["2010-01-01", "", "2015-06-01"]
    assert date_entries('["2010-01-01", null]', str.upper) == ["2010-01-01", ""]


def read(folder, codes, days):
    cells = [f'"{text}"' for text in (codes.replace('"', '""'), days.replace('"', '""'))]
    path = folder / "a.csv"
    path.write_text(f"{HEAD}\n{EID},1,60,170,70,130,80,2019-05-30,{cells[0]},{cells[1]}\n")
    return read_tables([path])


@pytest.mark.parametrize("between", ["|", ",", ";", "\n", ", "])
def test_the_second_code_counts_with_its_date_whatever_is_between(tmp_path, between):
    table = read(tmp_path, between.join(["I10", "I480"]), between.join(["2010-01-01", "2018-05-30"]))
    labels, problems = diagnoses(table)
    assert problems == {} and labels.loc[EID, "I48"] == 1 and labels.loc[EID, "I48_days"] == -365
    assert labels.loc[EID, ["I21", "I42", "I50"]].sum() == 0


def test_an_empty_entry_keeps_the_places(tmp_path):
    labels, _ = diagnoses(read(tmp_path, '["I10", null, "I480"]', '["2010-01-01", null, "2018-05-30"]'))
    assert labels.loc[EID, "I48_days"] == -365


@pytest.mark.parametrize("codes", ["I10 Hypertension; I48 Atrial fibrillation", "AF", "['I10', 'I480", "I10I480"])
def test_an_entry_that_is_no_code_is_refused_with_column_and_row(tmp_path, codes):
    with pytest.raises(DataError, match=r"p41270.*row 2") as caught:
        read(tmp_path, codes, "")
    assert codes not in str(caught.value) and "I10|I480" in caught.value.remedy


@pytest.mark.parametrize(
    "days", ["2010-01-01 2018-05-30", "2010-01-01 x", "2010-01-01T", "2010-01-01/2018-05-30", "2010"]
)
def test_what_stands_behind_a_date_is_not_passed_over(tmp_path, days):
    with pytest.raises(DataError, match=r"p41280 has no date in row 2"):
        read(tmp_path, "I10", days)


@pytest.mark.parametrize("day", ["2018-05-30 00:00:00", "2018-05-30T12:00:00.000Z", "2018-05-30 00:00:00+00:00"])
def test_a_time_behind_a_date_is(tmp_path, day):
    assert diagnoses(read(tmp_path, "I48", day)).table.loc[EID, "I48_days"] == -365


@pytest.mark.parametrize(
    ("codes", "days"),
    [("I10", "2010-01-01|2011-01-01"), ("", "2010-01-01"), ("I10||I48", "2010-01-01|2011-01-01"), ("NA", "2010-01-01")],
)
def test_a_date_without_a_code_is_a_problem_of_the_participant(tmp_path, codes, days):
    labels, problems = diagnoses(read(tmp_path, codes, days))
    assert not len(labels) and "no code" in str(problems[EID]) and EID not in str(problems[EID])


@pytest.mark.parametrize(("codes", "days"), [("I10|I48", "2010-01-01"), ("I10|I48", ""), ("I48", "NA")])
def test_a_code_without_a_date_is_undated(tmp_path, codes, days):
    labels, problems = diagnoses(read(tmp_path, codes, days))
    assert problems == {} and labels.loc[EID, "I48"] == 1 and np.isnan(labels.loc[EID, "I48_days"])


def test_several_codes_in_one_column_of_an_array_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    head = HEAD.replace("p41270", "p41270_a0,p41270_a1")
    path.write_text(f'{head}\n{EID},1,60,170,70,130,80,2019-05-30,"I10,I480",I251,\n')
    with pytest.raises(DataError, match=r"p41270_a0 has several entries in row 2"):
        read_tables([path])


def test_labels_and_points_do_not_make_two_tables_differ(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, codes in ((one, "I10|I48.0 Paroxysmal atrial fibrillation"), (other, "I10|I480")):
        folder.mkdir()
        read(folder, codes, "")
    assert read_tables([one / "a.csv", other / "a.csv"]).loc[EID, "icd10"] == "I10|I480"


def test_lists_of_parquet_keep_the_places_of_what_is_empty(tmp_path):
    pytest.importorskip("pyarrow")
    cells = dict(zip(HEAD.split(","), [EID, "1", "60", "170", "70", "130", "80", "2019-05-30"]))
    frame = pd.DataFrame([cells | {"p41270": ["I10", None, "I48.0 AF"], "p41280": ["2010-01-01", None, "2018-05-30"]}])
    frame.to_parquet(tmp_path / "a.parquet")
    labels, _ = diagnoses(read_tables([tmp_path / "a.parquet"]))
    assert labels.loc[EID, "I48_days"] == -365
