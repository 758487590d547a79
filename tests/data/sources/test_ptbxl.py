"""PTB-XL, on a table and records in its exact layout: what becomes of each value, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.ingests import taken
from helpers.making import make_ecg

from eccl.data.ecg import write_ecg
from eccl.data.sources import open_source, read_options
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.records import DataError

PTBXL_ROWS = [  # ecg_id, patient_id, age, sex (0 male), height, weight, scp_codes, strat_fold
    (1, 11.0, 56.0, 1, np.nan, 63.0, "{'NORM': 100.0, 'SR': 0.0}", 3),
    (2, 11.0, 57.0, 1, 6.0, 63.0, "{'AFIB': 0.0, 'IMI': 15.0}", 3),  # a height of 6 cm, as PTB-XL has
    (3, 12.0, 300.0, 0, 180.0, 80.0, "{'AFLT': 0.0}", 9),  # over 89
    (4, 13.0, 44.0, 0, 180.0, 80.0, "{'ASMI': 100.0, 'SR': 0.0}", 10),
    (5, 14.0, 44.0, 0, 180.0, 80.0, "__import__('os').system('touch owned')", 1),
    (6, 15.0, 44.0, 0, 180.0, 80.0, "{'NORM': 80.0}", 1),  # whose file is not there
]


@pytest.fixture
def ptbxl(tmp_path) -> Path:
    folder = tmp_path / "ptb-xl"
    names = ["ecg_id", "patient_id", "age", "sex", "height", "weight", "scp_codes", "strat_fold"]
    table = pd.DataFrame(PTBXL_ROWS, columns=names)
    table["filename_lr"] = [f"records100/00000/{number:05d}_lr" for number in table["ecg_id"]]
    table["filename_hr"] = [f"records500/00000/{number:05d}_hr" for number in table["ecg_id"]]
    (folder / "records500" / "00000").mkdir(parents=True)
    for number in range(1, 6):
        write_ecg(folder / "records500" / "00000" / f"{number:05d}_hr", make_ecg(np.random.default_rng(number)))
    table.to_csv(folder / "ptbxl_database.csv", index=False)
    return folder


def test_ptbxl_values_become_those_of_a_cohort(ptbxl, tmp_path):
    cohort, refused = taken(open_source("ptbxl", ptbxl), tmp_path / "cohort")
    table = cohort.table.set_index("participant_id")
    assert list(table.index) == [f"ptbxl-{number:05d}" for number in (1, 2, 3, 4)]
    assert list(table["sex"]) == [0, 0, 1, 1]  # 0 is male there and female here
    assert list(table["I48"]) == [0, 1, 1, 0] and list(table["I21"]) == [0, 1, 0, 1]  # 0 % is "not rated"
    assert np.isnan(table.loc["ptbxl-00003", "age"]) and np.isnan(table.loc["ptbxl-00002", "height"])
    assert list(table["split"]) == ["train", "train", "validation", "test"]
    assert list(table["patient_id"]) == ["11", "11", "12", "13"] and table["statements"].iat[0] == "NORM;SR"
    assert cohort.known_diagnoses == ("I21", "I48") and cohort.modalities == ("ecg",)
    np.testing.assert_equal(cohort.diagnoses[0], [0, np.nan, 0, np.nan])
    parts = cohort.split()
    assert [list(part) for part in (parts.train, parts.validation, parts.test)] == [[0, 1], [2], [3]]
    assert "scp_codes is no dictionary" in refused["ptbxl-00005"] and "No such file" in refused["ptbxl-00006"]
    notes = ingest_tables(tmp_path / "cohort")[0].query("outcome == 'noted'")
    assert notes["participants"].tolist() == [1, 1] and "over 89" in notes["reason"].iat[1]


def test_ptbxl_statements_count_from_a_likelihood_on_if_they_are_rated(ptbxl, tmp_path):
    cohort, _ = taken(open_source("ptbxl", ptbxl, least_likelihood=50.0), tmp_path / "cohort")
    assert list(cohort.table["I21"]) == [0, 0, 0, 1] and list(cohort.table["I48"]) == [0, 1, 1, 0]


def test_ptbxl_of_either_rate_is_taken_only_if_asked_for(ptbxl, tmp_path):
    with pytest.raises(DataError, match="none of 6"):
        ingest(open_source("ptbxl", ptbxl, sampling_rate="100"), tmp_path / "hundred", workers=1, progress=False)
    cohort, _ = taken(open_source("ptbxl", ptbxl, sampling_rate="any"), tmp_path / "any")
    assert set(cohort.table["recorded_hz"]) == {500} and len(cohort) == 4
    with pytest.raises(ValueError, match="'250' is none of 500, 100, any"):
        ingest(open_source("ptbxl", ptbxl, sampling_rate="250"), tmp_path / "none")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="strat_fold"), "1 columns are missing: strat_fold"),
        (lambda table: table.assign(sex=2), "sex 2"),
        (lambda table: table.assign(patient_id=np.nan), "patient_id nan"),
        (lambda table: table.assign(strat_fold=11), "strat_fold 11"),
        (lambda table: table.assign(age="old"), "row 2 has the age 'old'"),
    ],
)
def test_another_table_than_ptbxls_is_refused(ptbxl, tmp_path, change, words):
    path = ptbxl / "ptbxl_database.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(DataError, match=words):
        ingest(open_source("ptbxl", ptbxl), tmp_path / "cohort", workers=1, progress=False)


def test_ptbxl_is_fetched_with_wfdb_and_without_a_network_says_so(ptbxl, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("wfdb.dl_database", lambda name, folder, **_: asked.append((name, folder)))
    monkeypatch.setattr("wfdb.dl_files", lambda name, folder, files, **_: asked.append((name, folder, *files)))
    taken(open_source("ptbxl", ptbxl, fetch=True), tmp_path / "cohort")
    assert asked == [
        ("ptb-xl", str(ptbxl)),
        ("ptb-xl", str(ptbxl), "ptbxl_database.csv", "scp_statements.csv"),
    ]

    def no_network(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr("wfdb.dl_database", no_network)
    with pytest.raises(DataError, match=r"cannot be fetched.*Remedy: download it by hand"):
        ingest(open_source("ptbxl", ptbxl, fetch=True), tmp_path / "other", progress=False)


def test_an_option_of_text_may_look_like_a_number(ptbxl):
    assert open_source("ptbxl", ptbxl, **read_options("sampling_rate=500")).sampling_rate == "500"
    assert open_source("ptbxl", ptbxl, **read_options("least_likelihood=50")).least_likelihood == 50.0
