"""The ingest: who gets in, who does not and why, and who may not be at work in a folder."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from helpers.ingests import contents
from helpers.toy_source import Toy

from eccl.data.cohort import Cohort
from eccl.data.sources.base import Index
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.records import DataError


def test_a_download_becomes_a_cohort_and_the_refused_a_table(download, tmp_path):
    for number, kind in ((3, "refuse"), (7, "surprise"), (11, "implausible")):
        (download / f"toy{number:03d}.toy").write_text(kind)
    folder = ingest(Toy(download), tmp_path / "cohort", workers=2, progress=False)
    cohort = Cohort.load(folder)
    assert len(cohort) == 37 and cohort.known_diagnoses == ("I21", "I48") and cohort.simulated is False
    assert np.isnan(cohort.diagnoses[:, 1]).all() and set(cohort.diagnoses[:, 0]) <= {0, 1}
    assert list(cohort.table["note"].unique()) == ["fine"] and not any(name.startswith("_") for name in cohort.table)
    ecg, cine = cohort[5].ecg, cohort[5].cine
    assert ecg.signal.shape == (12, 5000) and cine.frames.shape == (50, 80, 80)
    summary, quarantine = ingest_tables(folder)
    reasons = dict(zip(quarantine["participant_id"], quarantine["reason"]))
    assert set(reasons) == {"toy003", "toy007", "toy011", "gone"}
    assert "frames, not 50" in reasons["toy003"] and "ZeroDivisionError" in reasons["toy007"]
    assert "lv_edv is 5.0 ml" in reasons["toy011"] and (quarantine["remedy"] != "").all()
    assert quarantine.set_index("participant_id").loc["toy003", "file"].endswith("toy003.toy")
    assert summary.set_index("outcome").loc["in the cohort", "participants"] == 37
    assert summary.query("outcome == 'refused'")["participants"].sum() == 4
    assert summary.query("outcome == 'noted'")[["reason", "participants"]].values.tolist() == [["an age left empty", 2]]
    assert sorted(path.name for path in (folder / "ecg").glob("toy003*")) == []
    assert b"7654321" not in b"".join(contents(folder).values())


def test_the_table_holds_what_the_source_gave(download, tmp_path):
    table = Cohort.load(ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)).table
    given = Toy(download).index(tmp_path).entries.set_index("participant_id")
    for name in ("lv_edv", "ecc_16", "age", "I21"):
        expected = given.loc[table["participant_id"], name].astype(float)
        np.testing.assert_allclose(table[name].astype(float), expected, rtol=1e-5)


def test_any_number_of_workers_gives_the_same_bytes(download, tmp_path):
    one = ingest(Toy(download), tmp_path / "one", workers=1, progress=False)
    two = ingest(Toy(download), tmp_path / "two", workers=2, progress=False)
    assert contents(one) == contents(two)


def test_patients_in_two_parts_of_a_split_are_refused_whatever_their_blocks(download, tmp_path, monkeypatch):
    listing = Toy.index

    def split(self, keep):
        entries = listing(self, keep).entries
        patients = [f"q{number // 2}" for number in range(len(entries))]
        parts = ["train", "train", "test", "test", "validation", "validation", "train", "test"] * 5
        return Index(entries.assign(patient_id=patients, split=parts))

    monkeypatch.setattr(Toy, "index", split)
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    _, quarantine = ingest_tables(folder)
    assert len(Cohort.load(folder)) == 30 and len(quarantine) == 10
    assert set(quarantine["reason"]) == {"recordings of the same patient are in several parts of the split"}


def test_what_was_done_to_whoever_stays_is_counted(download, tmp_path, monkeypatch):
    read = Toy.read

    def noted(self, entry):
        recording = read(self, entry)
        number = int(entry["participant_id"][-3:])
        return dataclasses.replace(recording, notes=["age empty"] * (number % 2) + ["sex empty"] * (number < 3))

    monkeypatch.setattr(Toy, "read", noted)
    (download / "toy001.toy").write_text("refuse")
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    noted = ingest_tables(folder)[0].query("outcome == 'noted'").set_index("reason")["participants"]
    assert noted.to_dict() == {"an age left empty": 2, "age empty": 19, "sex empty": 2}
    assert not [name for name in Cohort.load(folder).table if name.startswith("_")]


def test_two_ingests_in_one_folder_do_not_meet(download, tmp_path):
    from filelock import FileLock

    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    with FileLock(folder / "ingest" / "lock"), pytest.raises(DataError, match="another ingest is at work"):
        ingest(Toy(download), folder, workers=1, progress=False)


def test_a_cohort_does_not_lie_in_its_download(download):
    with pytest.raises(DataError, match="lie in its download"):
        ingest(Toy(download), download / "cohort", workers=1, progress=False)
    assert not (download / "cohort").exists()


def test_doubles_are_refused_all_of_them(download, tmp_path):
    (download / "toy004.other.toy").write_text("good")
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    _, quarantine = ingest_tables(folder)
    assert (quarantine["participant_id"] == "toy004").sum() == 2 and len(Cohort.load(folder)) == 39


def test_a_cohort_of_nobody_is_an_error_that_leads_to_the_reasons(download, tmp_path):
    for path in download.iterdir():
        path.write_text("refuse")
    with pytest.raises(DataError, match="none of 41 participants can be used") as caught:
        ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    assert "quarantine.csv" in str(caught.value.source)
    assert len(pd.read_csv(tmp_path / "cohort" / "ingest" / "quarantine.csv")) == 41


def test_a_folder_that_holds_something_else_is_left_alone(download, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.docx").write_text("important")
    with pytest.raises(DataError, match="something else"):
        ingest(Toy(download), other, workers=1, progress=False)
    assert contents(other) == {"thesis.docx": b"important"}
    cohort = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    (cohort / "ingest" / "plan.json").write_text(json.dumps({"adapter": "PTBXL"}))
    with pytest.raises(DataError, match="a cohort of the adapter PTBXL"):
        ingest(Toy(download), cohort, workers=1, progress=False)


def test_a_full_disk_ends_the_ingest_and_is_no_fault_of_a_participant(download, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    folder = tmp_path / "cohort"
    monkeypatch.setattr("eccl.data.sources.block.write_ecg", lambda *_: full())
    with pytest.raises(OSError, match="No space left"):
        ingest(Toy(download), folder, workers=1, progress=False)
    monkeypatch.undo()
    assert len(Cohort.load(ingest(Toy(download), folder, workers=1, progress=False))) == 40


def test_the_same_call_runs_on_a_dask_cluster(download, tmp_path):
    distributed = pytest.importorskip("distributed")
    import joblib

    expected = contents(ingest(Toy(download), tmp_path / "here", workers=1, progress=False))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        folder = ingest(Toy(download), tmp_path / "there", progress=False)
    assert contents(folder) == expected
