"""An ingest into a folder where one has been: killed, repeated, changed, grown; what is read anew and what leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from helpers.ingests import contents
from helpers.toy_source import Toy

from eccl.data.cohort import Cohort
from eccl.data.sources.base import Recording
from eccl.data.sources.ingest import ingest
from eccl.data.sources.stamps import stamps
from eccl.records import DataError


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
import sys; sys.path[:0] = [{tests!r}]
from pathlib import Path
from eccl.data.sources.ingest import ingest
from helpers.toy_source import Toy
ingest(Toy(Path({download!r})), {folder!r}, workers=1, progress=False)
"""


def test_a_killed_ingest_goes_on_to_the_same_cohort(download, tmp_path):
    for path in download.iterdir():
        path.write_text("slow")
    whole = ingest(Toy(download), tmp_path / "whole", workers=2, progress=False)
    folder = tmp_path / "killed"
    code = KILLED.format(tests=str(Path(__file__).parents[2]), download=str(download), folder=str(folder))
    child = subprocess.Popen([sys.executable, "-c", code])
    while child.poll() is None and not list(folder.glob("ingest/parts/[!.]*.csv")):
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (folder / "dataset_description.json").exists(), "killed too late to test anything"
    (folder / "ecg" / ".partial-1-toy000.dat").write_text("half")
    done = {path: path.stat().st_mtime_ns for path in folder.glob("ingest/parts/[!.]*.csv")}
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
