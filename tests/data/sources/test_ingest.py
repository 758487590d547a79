"""The ingest: who gets in, who does not and why, what a killed or repeated run does, and what leaves no trace."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.making import cohort_table, make_cine, make_ecg

from eccl.data.cohort import Cohort
from eccl.data.sources import SOURCES, open_source
from eccl.data.sources.base import Index, Open, Recording, refusal
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.data.sources.stamps import stamps
from eccl.records import DataError


@dataclass(frozen=True)
class Toy(Open):
    """A download of empty files, one a participant, whose names say what happens when they are read."""

    download: Path
    greeting: str = "hello"
    title: str = "toy"
    cache_keys = ("greeting",)

    @property
    def description(self):
        return {"name": self.title, "licence": "CC0-1.0", "modalities": ["ecg", "cine"], "diagnoses": ["I21", "I48"]}

    def index(self, keep):
        paths = sorted(self.download.glob("*.toy"))
        names = [path.stem.split(".")[0] for path in paths]
        everyone = cohort_table(np.random.default_rng(3), 50).drop(columns=["I42", "I50"])
        table = everyone.iloc[[int(name[-3:]) for name in names]].reset_index(drop=True)
        table["participant_id"] = names
        table["_files"] = [[str(path)] for path in paths]
        table["_secret"] = "7654321"
        gone = [refusal("gone", "table.csv", DataError("the participant has withdrawn", remedy="nothing to do"))]
        return Index(table, gone, {"an age left empty": 2})

    def read(self, entry):
        (path,) = entry["_files"]
        kind = Path(path).read_text().strip()
        if kind == "refuse":
            raise DataError(f"{len(path)} frames, not 50", source=path, remedy="export it again")
        if kind == "surprise":
            raise ZeroDivisionError("by zero")
        if kind == "slow":
            time.sleep(0.06)
        rng = np.random.default_rng(sum((entry["participant_id"] + self.greeting).encode()))
        row = {"lv_edv": 5.0} if kind == "implausible" else {"note": "fine"}
        return Recording(make_ecg(rng), make_cine(rng), row)


@pytest.fixture
def download(tmp_path) -> Path:
    folder = tmp_path / "download"
    folder.mkdir()
    for number in range(40):
        (folder / f"toy{number:03d}.toy").write_text("good")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a cohort, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


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


def test_a_second_ingest_reads_nothing(download, tmp_path):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.hea")}
    ingest(Toy(download), folder, workers=1, progress=False)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.hea")} == times


def test_who_leaves_the_download_leaves_the_cohort_and_others_are_not_read_again(download, tmp_path):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.hea")}
    (download / "toy020.toy").unlink()
    ingest(Toy(download), folder, workers=1, progress=False)
    assert "toy020" not in Cohort.load(folder).participant_ids and len(Cohort.load(folder)) == 39
    assert not [name for name, content in contents(folder).items() if "toy020" in name or b"toy020" in content]
    untouched = [path for path, time in times.items() if path.exists() and path.stat().st_mtime_ns == time]
    assert len(untouched) > 20  # all but those of the one block


def test_a_changed_file_or_setting_is_noticed(download, tmp_path):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    (download / "toy005.toy").write_text("refuse")
    assert len(Cohort.load(ingest(Toy(download), folder, workers=1, progress=False))) == 39
    before = (folder / "ecg" / "toy006.hea").stat().st_mtime_ns
    ingest(Toy(download, greeting="good day"), folder, workers=1, progress=False)
    assert (folder / "ecg" / "toy006.hea").stat().st_mtime_ns > before


KILLED = """
import sys; sys.path[:0] = {tests!r}
from pathlib import Path
from test_ingest import Toy, ingest
ingest(Toy(Path({download!r})), {folder!r}, workers=1, progress=False)
"""


def test_a_killed_ingest_goes_on_to_the_same_cohort(download, tmp_path):
    for path in download.iterdir():
        path.write_text("slow")
    whole = ingest(Toy(download), tmp_path / "whole", workers=2, progress=False)
    folder = tmp_path / "killed"
    code = KILLED.format(
        tests=[str(Path(__file__).parents[k]) for k in (0, 2)], download=str(download), folder=str(folder)
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    while child.poll() is None and not list(folder.glob("ingest/parts/*.csv")):
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (folder / "dataset_description.json").exists(), "killed too late to test anything"
    (folder / "ecg" / ".partial-1-toy000.dat").write_text("half")
    done = {path: path.stat().st_mtime_ns for path in folder.glob("ingest/parts/*.csv")}
    assert done
    ingest(Toy(download), folder, workers=2, progress=False)
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert contents(folder) == contents(whole)


def spoiled(download: Path, kind: str) -> None:
    for path in download.iterdir():
        path.write_text(kind)


def test_settings_that_come_back_after_a_killed_ingest_are_read_anew(download, tmp_path, monkeypatch):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    before = contents(folder)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("eccl.data.sources.ingest._join", killed)
    with pytest.raises(KeyboardInterrupt):  # the recordings are those of other settings by now
        ingest(Toy(download, greeting="good day"), folder, workers=1, progress=False)
    monkeypatch.undo()
    assert (folder / "ecg" / "toy003.dat").read_bytes() != before["ecg/toy003.dat"]
    assert contents(ingest(Toy(download), folder, workers=1, progress=False)) == before


def test_a_new_title_is_no_reason_to_read(download, tmp_path):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.hea")}
    ingest(Toy(download, title="our clinic"), folder, workers=1, progress=False)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.hea")} == times
    assert Cohort.load(folder).description["name"] == "our clinic"


def test_a_recording_that_is_lost_is_read_again(download, tmp_path):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    before = contents(folder)
    (folder / "ecg" / "toy017.dat").unlink()
    assert contents(ingest(Toy(download), folder, workers=1, progress=False)) == before


def test_who_was_refused_is_read_again_only_if_asked(download, tmp_path, monkeypatch):
    (download / "toy009.toy").write_text("refuse")
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    read = Toy.read
    monkeypatch.setattr(
        Toy, "read", lambda self, entry: read(self, {**entry, "_files": [str(download / "toy001.toy")]})
    )
    assert len(Cohort.load(ingest(Toy(download), folder, workers=1, progress=False))) == 39
    assert len(Cohort.load(ingest(Toy(download), folder, workers=1, progress=False, retry_refused=True))) == 40


def test_nobody_left_leaves_nothing_behind(download, tmp_path):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    spoiled(download, "refuse")
    with pytest.raises(DataError, match="none of 41"):
        ingest(Toy(download), folder, workers=1, progress=False)
    assert (
        not list(folder.rglob("*.hea")) and not list(folder.rglob("*.nii.gz")) and not (folder / "cohort.csv").exists()
    )


def test_recordings_of_a_modality_that_is_no_longer_taken_are_taken_out(download, tmp_path, monkeypatch):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    described, read = Toy.description.fget(Toy(download)), Toy.read
    monkeypatch.setattr(Toy, "description", property(lambda self: described | {"modalities": ["ecg"]}))
    monkeypatch.setattr(Toy, "read", lambda self, entry: Recording(read(self, entry).ecg))
    cohort = Cohort.load(ingest(Toy(download, greeting="bye"), folder, workers=1, progress=False))
    assert cohort.modalities == ("ecg",) and list((folder / "cmr").iterdir()) == []


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


def test_a_file_deep_in_a_folder_of_a_scan_is_noticed(tmp_path):
    deep = tmp_path / "scan" / "series" / "a"
    deep.mkdir(parents=True)
    (deep / "1").write_bytes(b"first")
    entries = pd.DataFrame({"participant_id": ["p"], "_files": [[str(tmp_path / "scan")]]})
    (before,) = stamps(Toy(tmp_path), entries, 1)
    (moved,) = stamps(Toy(tmp_path), entries.assign(_files=[[str((tmp_path / "scan").rename(tmp_path / "b"))]]), 1)
    (tmp_path / "b").rename(tmp_path / "scan")
    assert stamps(Toy(tmp_path), entries, 1) == [before] != [moved]
    (deep / "1").write_bytes(b"second")
    assert stamps(Toy(tmp_path), entries, 1) != [before]


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


def test_a_cohort_that_grows_a_little_keeps_its_blocks(download, tmp_path):
    folder = ingest(Toy(download), tmp_path / "cohort", workers=1, progress=False)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.hea")}
    for number in range(40, 50):
        (download / f"toy{number:03d}.toy").write_text("good")
        if number in (40, 49):
            ingest(Toy(download), folder, workers=1, progress=False)
    assert len(Cohort.load(folder)) == 50
    assert json.loads((folder / "ingest" / "plan.json").read_text())["blocks"] == 4
    assert set(times) <= set(folder.rglob("*.hea"))


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


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_opens_by_name_and_refuses_unknown_options(name, tmp_path):
    if name == "folder":
        (tmp_path / "participants.csv").write_text("participant_id,ecg\nnobody,absent.hea\n")
    source = open_source(name, tmp_path)
    assert set(source.description["modalities"]) <= {"ecg", "cine"} and source.description["licence"]
    with pytest.raises(ValueError, match=r"no setting 'colour'"):
        open_source(name, tmp_path, colour="red")
    with pytest.raises(DataError, match="no such file"):
        open_source(name, tmp_path / "absent")
    with pytest.raises(DataError):
        ingest(source, tmp_path / "cohort", progress=False)


def test_an_unknown_source_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"'ukbiobnk'; did you mean 'ukbiobank'"):
        open_source("ukbiobnk", ".")
