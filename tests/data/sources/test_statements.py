"""ECG statements as diagnoses, counted on the real label tables; a likelihood of 0 is no likelihood."""

import csv
import gzip
import math

import pytest

from eccl.data.sources.statements import (
    INFARCTION,
    SNOMED_ATRIAL_FIBRILLATION,
    SNOMED_INFARCTION,
    infarction_statements,
    read_scp_codes,
    scp_diagnoses,
    snomed_codes,
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
    assert sum(stated(row, ("NORM",)) for row in codes) == 9516
    assert sum(stated(row, ("SR",)) for row in codes) == 16_748


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


@pytest.mark.parametrize(
    ("text", "codes"),
    [("164889003, 426783006", ("164889003", "426783006")), ("Unknown", ()), ("164889003", ("164889003",))],
)
def test_snomed_codes_of_a_line(text, codes):
    assert snomed_codes(text) == codes


@pytest.mark.parametrize("text", ["AF", "164889003,,1", "x" * 500, "164889003;426783006", "16488900\u0663"])
def test_a_line_of_other_codes_is_refused(text):
    with pytest.raises(DataError, match=r"a\.hea: Dx is ") as caught:
        snomed_codes(text, "a.hea")
    assert len(str(caught.value)) < 300 and "Remedy: " in str(caught.value)
