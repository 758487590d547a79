"""Anybody's files: a table that names recordings, row by row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.ingests import taken
from helpers.making import make_cine, make_ecg

from eccl.data.cmr import write_cine
from eccl.data.ecg import write_ecg
from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.records import DataError
from eccl.traits import DIAGNOSES


@pytest.fixture
def own(tmp_path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    rng = np.random.default_rng(8)
    rows = []
    for number, kind in enumerate(("wfdb", "npy", "csv", "missing", "none")):
        ecg, cine = make_ecg(rng), write_cine(folder / f"{number}.nii.gz", make_cine(rng))
        row = {"participant_id": f"p{number}", "cine": cine.name, "age": 50 + number, "I48": number % 2, "lv_edv": 150}
        if kind == "wfdb":
            row["ecg"] = write_ecg(folder / "p0", ecg).name
        if kind == "npy":
            np.save(folder / "p1.npy", ecg.signal * 1000)
            row |= {"ecg": "p1.npy", "ecg_unit": "uV", "ecg_rate": 500}
        if kind == "csv":
            names = ["I", "II", "III", "AVR", "AVL", "AVF", *(f"V{place}" for place in range(1, 7))]
            pd.DataFrame(ecg.signal.T, columns=names).to_csv(folder / "p2.csv", index=False)
            row |= {"ecg": "p2.csv", "ecg_unit": "mV", "ecg_rate": 500}
        if kind == "missing":
            row["ecg"] = "absent.hea"
        rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "participants.csv", index=False)
    return folder


def test_a_table_of_paths_is_enough(own, tmp_path):
    cohort, refused = taken(open_source("folder", own, name="Our clinic", licence="internal"), tmp_path / "cohort")
    assert cohort.participant_ids == ("p0", "p1", "p2") and cohort.known_diagnoses == ("I48",)
    assert cohort.modalities == ("ecg", "cine") and cohort.description["name"] == "Our clinic"
    assert list(cohort.table["age"]) == [50, 51, 52] and list(cohort.table["I48"]) == [0, 1, 0]
    assert list(cohort.table["lv_edv"]) == [150, 150, 150] and cohort.table["rv_edv"].isna().all()
    assert "No such file" in refused["p3"] and refused["p4"] == "no ecg is named"
    ecg, cine = cohort[1].ecg, cohort[1].cine
    assert 0.3 < np.abs(ecg.signal).max() < 5 and cine.frames.shape == (50, 80, 80)
    by_file, _ = taken(open_source("folder", own / "participants.csv"), tmp_path / "again")
    assert by_file.participant_ids == cohort.participant_ids


FOLDERS = {  # what is wrong: (change of the table, words of the message)
    "a misspelt column": (lambda table: table.rename(columns={"ecg_unit": "ecg_units"}), "did you mean 'ecg_unit'"),
    "a column of nobody's": (lambda table: table.assign(colour="red"), "no column is named 'colour'"),
    "no recordings": (lambda table: table[["participant_id", "age"]], "ecg or cine"),
    "no names": (lambda table: table.drop(columns="participant_id"), "participant_id"),
    "no rows": (lambda table: table.iloc[:0], "0 rows"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_malformed_table_of_paths_is_refused(own, tmp_path, case):
    change, words = FOLDERS[case]
    path = own / "participants.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)
    with pytest.raises(DataError, match=words) as caught:
        ingest(open_source("folder", own), tmp_path / "cohort", workers=1, progress=False)
    assert "participants.csv" in str(caught.value) and caught.value.remedy


CELLS = {  # what is wrong with one row: (column, value, words of the reason)
    "rate in words": ("ecg_rate", "fast", "ecg_rate is 'fast'"),
    "age in words": ("age", "old", "age is old years"),
    "sex in letters": ("sex", "F", "sex is F"),
    "volume in litres": ("lv_edv", "0.15", "lv_edv is 0.15 ml"),
    "diagnosis of 2": ("I48", "2", "I48 is 2"),
    "path as a name": ("participant_id", "../x", "not safe as a file name"),
    "duplicate name": ("participant_id", "p0", "more than once"),
    "a file that is no image": ("cine", "participants.csv", "not NIfTI"),
    "a mask that is not there": ("mask_ed", "no.nii.gz", "no such file"),
    "an unknown unit": ("ecg_unit", "adu", "'adu'"),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_malformed_row_is_refused_alone(own, tmp_path, case):
    column, value, words = CELLS[case]
    path = own / "participants.csv"
    table = pd.read_csv(path, dtype=str)
    table[column] = table.get(column, pd.Series(index=table.index, dtype=object))
    table.loc[1, column] = value
    table.to_csv(path, index=False)
    cohort, refused = taken(open_source("folder", own), tmp_path / "cohort")
    assert "p2" in cohort.participant_ids and "p1" not in cohort.participant_ids
    assert any(words in reason for reason in refused.values()), refused
    assert not (tmp_path / "x.hea").exists() and not list(tmp_path.glob("*.hea"))


def test_a_signal_file_that_is_put_back_is_noticed(own, tmp_path):
    signal = (own / "p0.dat").read_bytes()
    (own / "p0.dat").unlink()
    _, refused = taken(open_source("folder", own), tmp_path / "cohort")
    assert "p0.dat is missing" in refused["p0"]
    (own / "p0.dat").write_bytes(signal)
    cohort, _ = taken(open_source("folder", own), tmp_path / "cohort")
    assert "p0" in cohort.participant_ids


def test_sex_in_letters_is_refused_with_the_numbers_to_write(own, tmp_path):
    path = own / "participants.csv"
    pd.read_csv(path, dtype=str).assign(sex=["F", "M", "1", "0", ""]).to_csv(path, index=False)
    ingest(open_source("folder", own), tmp_path / "cohort", workers=1, progress=False)
    remedies = ingest_tables(tmp_path / "cohort")[1].set_index("participant_id")["remedy"]
    assert all("0 for female" in remedies[name] and "1 for male" in remedies[name] for name in ("p0", "p1"))


def test_a_description_says_what_was_chosen(own, tmp_path):
    folder = ingest(open_source("folder", own), tmp_path / "cohort", workers=1, progress=False)
    described = json.loads((folder / "dataset_description.json").read_text())
    assert (
        described["choices"] == {"frame_policy": "refuse", "slice_rule": "middle"} and described["simulated"] is False
    )
    assert described["ingest"]["adapter"] == "Folder" and set(described["diagnoses"]) < set(DIAGNOSES)
