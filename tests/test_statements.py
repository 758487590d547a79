"""ECG statements as diagnoses, counted on the real label tables; a likelihood of 0 is no likelihood."""

import csv
import gzip
import math

import pytest

from eccl.data.sources.statements import (
    INFARCTION,
    NORMAL,
    SINUS_RHYTHM,
    SNOMED_ATRIAL_FIBRILLATION,
    SNOMED_INFARCTION,
    SNOMED_SINUS_RHYTHM,
    infarction_statements,
    read_comments,
    read_scp_codes,
    scp_diagnoses,
    snomed_diagnoses,
    stated,
)
from eccl.records import DataError


@pytest.fixture(scope="module")
def ptbxl(real_data):
    with gzip.open(real_data / "labels" / "ptbxl_database.csv.gz", "rt") as file:
        return [(row, read_scp_codes(row["scp_codes"])) for row in csv.DictReader(file)]


def test_counts_of_ptbxl(ptbxl):
    codes = [codes for _, codes in ptbxl]
    assert len(codes) == 21_799
    assert sum(stated(row, ("AFIB",)) for row in codes) == 1514
    assert sum(row.get("AFIB") == 0 for row in codes) == 1466  # rated 0: what a threshold would lose
    assert sum(row.get("AFIB", 0) > 0 for row in codes) == 48
    assert (
        sum(scp_diagnoses(row)["I48"] for row in codes) == 1570 == sum(stated(row, ("AFIB", "AFLT")) for row in codes)
    )
    assert sum(scp_diagnoses(row)["I21"] for row in codes) == 5472
    assert sum(scp_diagnoses(row, least_likelihood=100)["I21"] for row in codes) == 2976
    assert sum(scp_diagnoses(row, least_likelihood=100)["I48"] for row in codes) == 1570 - sum(
        0 < row.get("AFIB", 0) < 100 for row in codes
    )
    assert sum(stated(row, (NORMAL,)) for row in codes) == 9516
    assert sum(stated(row, (SINUS_RHYTHM,)) for row in codes) == 16_748


def test_most_infarctions_have_no_known_stage(ptbxl):
    stages = [row["infarction_stadium1"] for row, codes in ptbxl if scp_diagnoses(codes)["I21"]]
    assert round(100 * stages.count("unknown") / len(stages)) == 62
    assert round(100 * stages.count("Stadium I") / len(stages)) == 3


def test_statements_of_infarction_are_those_of_the_table(real_data):
    found = infarction_statements(real_data / "labels" / "scp_statements.csv")
    assert set(found) == set(INFARCTION) and len(found) == len(INFARCTION) == 14


def test_snomed_codes_are_those_of_the_challenge(real_data):
    names = {}
    for part in ("scored", "unscored"):
        with open(real_data / "labels" / f"cinc2021_dx_mapping_{part}.csv", newline="") as file:
            names |= {row["SNOMEDCTCode"]: row["Dx"] for row in csv.DictReader(file)}
    assert {code for code, name in names.items() if "infarction" in name} == set(SNOMED_INFARCTION)
    atrial = {code for code, name in names.items() if "atrial fib" in name or "atrial flutter" in name}
    assert atrial == set(SNOMED_ATRIAL_FIBRILLATION)
    assert names[SNOMED_SINUS_RHYTHM] == "sinus rhythm"


def test_comments_of_real_headers(real_data):
    headers = sorted((real_data / "ecg" / "cinc2021").glob("*.hea"))
    found = [read_comments(header) for header in headers]
    assert len(found) == 34 and sum(row["sex"] for row in found) == 17 and all(row["codes"] for row in found)
    assert found[headers.index(real_data / "ecg" / "cinc2021" / "HR06001.hea")] == {
        "age": 78.0,
        "sex": 0.0,
        "codes": ("426783006", "55930002"),
    }
    patient = read_comments(next((real_data / "ecg" / "ptb").glob("*.hea")))
    assert patient == {"age": 81.0, "sex": 0.0}


# --- By hand --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, least, i21, i48",
    [
        ("{'NORM': 100.0, 'SR': 0.0}", 0, 0, 0),
        ("{'AFIB': 0.0}", 100, 0, 1),
        ("{'AFLT': 35.0}", 50, 0, 0),
        ("{'AFLT': 50.0}", 50, 0, 1),
        ("{'IMI': 15, 'AFIB': 100}", 0, 1, 1),
        ("{'IMI': 15, 'AMI': 80}", 50, 1, 0),
        ("{'INJAS': 0.0}", 0, 1, 0),
        ("{}", 0, 0, 0),
    ],
)
def test_presence_counts_and_a_threshold_only_where_rated(text, least, i21, i48):
    assert scp_diagnoses(read_scp_codes(text), least_likelihood=least) == {"I21": i21, "I48": i48}


def test_other_statements_of_infarction_may_be_given():
    assert scp_diagnoses({"INJAS": 0.0}, infarction=("IMI",)) == {"I21": 0, "I48": 0}


NO_CODES = [
    "__import__('os').system('touch hacked')",
    "{'AFIB': __import__('os').getpid()}",
    "{'AFIB': 100.0",
    "['AFIB']",
    "'AFIB'",
    "",
    "{'AFIB': 'yes'}",
    "{'AFIB': True}",
    "{'AFIB': -1}",
    "{'AFIB': 101}",
    "{'AFIB': 1e999}",
    "{1: 100}",
    "{[]: 1}",
    "{'AFIB': None}",
    "{'AFIB': 1\0}",
    "(" * 9000,
    "-" * 9000 + "1",
    "{'AFIB': 1" + " " * 20_000 + "}",
    math.nan,
]


@pytest.mark.parametrize("text", NO_CODES)
def test_scp_codes_are_data_and_never_run(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="row 7: scp_codes is no dictionary") as caught:
        read_scp_codes(text, "row 7")
    assert caught.value.remedy and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b",diagnostic_class\nNORM,NORM\n", b"\xff\xfe\0", b"\0" * 99, None]
)
def test_a_table_of_statements_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "scp_statements.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        infarction_statements(path)
    assert str(path) in str(caught.value) and "Remedy: " in str(caught.value)


@pytest.mark.parametrize(
    "codes, i21, i48",
    [
        (("426783006",), 0, 0),
        (("164889003", "164865005"), 1, 1),
        (("195080001",), 0, 1),
        (("164867002",), 1, 0),
        (("164896001",), 0, 0),  # ventricular fibrillation
        ((), 0, 0),
    ],
)
def test_snomed_codes_by_hand(codes, i21, i48):
    assert snomed_diagnoses(codes) == {"I21": i21, "I48": i48}


COMMENTS = {
    "# Age: 74\n# Sex: Male\n# Dx: 164889003, 426783006": {"age": 74, "sex": 1, "codes": ("164889003", "426783006")},
    "#Age: 74.5\n#Sex: F\n#Dx: 164889003": {"age": 74.5, "sex": 0, "codes": ("164889003",)},
    "# Age: NaN\n# Sex: Unknown\n# Dx: Unknown": {"age": math.nan, "sex": math.nan, "codes": ()},
    "# Rx: Unknown\n# Reason for admission: Age: 5": {},
}


@pytest.mark.parametrize("text", COMMENTS)
def test_comments_by_hand(tmp_path, text):
    path = tmp_path / "a.hea"
    path.write_text(f"a 12 500 5000\n{text}\n")
    found, expected = read_comments(path), COMMENTS[text]
    assert found.keys() == expected.keys() and found.get("codes") == expected.get("codes")
    for name in found.keys() - {"codes"}:
        assert found[name] == expected[name] or (math.isnan(found[name]) and math.isnan(expected[name]))


@pytest.mark.parametrize(
    "text, words",
    [
        ("# Age: old", "Age is 'old'"),
        ("# Age: -5", "Age is '-5'"),
        ("# Age: 1e3", "Age is '1e3'"),
        ("# Sex: 1", "Sex is '1'"),
        ("# Dx: AF", "Dx is 'AF'"),
        ("# Dx: 164889003,,1", "Dx is '164889003,,1'"),
        ("# Age: 5\n# age: 6", "age is there again"),
        ("# Dx: " + "x" * 500, "Dx is 'x"),
    ],
)
def test_comments_that_say_something_else_are_refused(tmp_path, text, words):
    path = tmp_path / "a.hea"
    path.write_text(f"a 12 500 5000\n{text}\n")
    with pytest.raises(DataError) as caught:
        read_comments(path)
    assert words in str(caught.value) and str(path) in str(caught.value) and len(str(caught.value)) < 500


def test_a_header_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_comments(tmp_path / "a.hea")
