"""Folders that cannot be written, and files that appear whole or not at all."""

import builtins
import errno
import os
from pathlib import Path

import pytest
from helpers.making import make_cine, make_ecg, refused

from eccl.data.cmr import write_cine
from eccl.data.cohort import Cohort
from eccl.data.ecg import write_ecg
from eccl.data.store import pack
from eccl.files import make_folder, replacing
from eccl.records import DataError

CAUSES = {
    errno.ENOSPC: ("No space left on device", "free space"),
    errno.EROFS: ("Read-only file system", "may write to"),
    errno.EACCES: ("Permission denied", "may write to"),
}


@pytest.fixture(params=CAUSES)
def failing(request, monkeypatch):
    """The system refuses to write, the cause in turn; gives the words that name cause and remedy."""
    number = request.param

    def fail():
        raise OSError(number, os.strerror(number))

    def no_open(file, mode="r", *args, _open=builtins.open, **kwargs):
        return fail() if set(mode) & set("wax+") else _open(file, mode, *args, **kwargs)

    def no_path_open(self, mode="r", *args, _open=Path.open, **kwargs):
        return fail() if set(mode) & set("wax+") else _open(self, mode, *args, **kwargs)

    def apply(what):
        if what == "open":
            monkeypatch.setattr(builtins, "open", no_open)
            monkeypatch.setattr(Path, "open", no_path_open)
            monkeypatch.setattr("io.open", no_open)
        else:
            monkeypatch.setattr(what, lambda *args, **kwargs: fail())
        return CAUSES[number]

    return apply


@pytest.mark.parametrize("what", ["open", "os.replace"])
def test_writers_name_folder_cause_and_remedy(failing, tmp_path, rng, what):
    ecg, cine = make_ecg(rng), make_cine(rng)
    words = failing(what)
    refused(lambda: write_ecg(tmp_path / "a", ecg), tmp_path, *words)
    refused(lambda: write_cine(tmp_path / "a.nii.gz", cine), tmp_path, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["open", "os.replace"])
def test_packing_names_folder_cause_and_remedy(failing, tiny_cohort, tmp_path, what):
    cohort = Cohort.load(tiny_cohort)
    cohort.read(0, "ecg")  # imports done before the system fails
    words = failing(what)
    refused(lambda: pack(cohort, tmp_path / "store", progress=False), tmp_path, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(failing, tmp_path):
    words = failing("os.mkdir")
    refused(lambda: make_folder(tmp_path / "new" / "er"), tmp_path, *words)


def test_a_folder_that_is_not_there_or_is_a_file_is_named(tmp_path, rng):
    refused(lambda: write_ecg(tmp_path / "none" / "a", make_ecg(rng)), tmp_path / "none", "No such file")
    (tmp_path / "file").write_text("")
    refused(lambda: write_cine(tmp_path / "file" / "a.nii.gz", make_cine(rng)), tmp_path / "file")
    refused(lambda: make_folder(tmp_path / "file"), tmp_path / "file")


def test_what_was_there_stays_until_the_new_is_whole(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as beside:
        beside.write_text("half")
        assert path.read_text() == "old" and beside.suffix == ".txt"
        raise KeyboardInterrupt
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.txt"] and path.read_text() == "old"
    with replacing(path) as beside:
        beside.write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.txt"] and path.read_text() == "new"


def test_a_folder_gives_way_to_a_folder_but_never_to_a_file(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("")
    with replacing(folder) as beside:
        beside.mkdir()
        (beside / "new").write_text("")
    assert [entry.name for entry in folder.iterdir()] == ["new"]
    with pytest.raises(DataError), replacing(folder) as beside:
        beside.write_text("a file")
    assert [entry.name for entry in folder.iterdir()] == ["new"] and len(list(tmp_path.iterdir())) == 1
