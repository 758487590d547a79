"""ECG files that mean harm, or are no files, or are damaged at random: an ECG or a DataError, quickly, nothing else."""

import os
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers.ecg_damage import CARDIOSOFT, CSV, DICOM, ECG_, EDF, NPY, saved
from helpers.ecg_files import WRITERS
from helpers.making import refused

from eccl.data.ecg import read_ecg
from eccl.data.formats import guard as content
from eccl.records import ECG, SAMPLES, DataError


class Payload:
    """What an attacker pickles: unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_refused_without_being_unpickled(tmp_path):
    proof = tmp_path / "unpickled"
    (tmp_path / NPY).write_bytes(saved(np.array([[Payload(proof)] * 12] * 2, dtype=object), allow_pickle=True))
    refused(lambda: read_ecg(tmp_path / NPY, rate=500, unit="mV"), tmp_path / NPY, "Python objects")
    assert not proof.exists()
    np.load(tmp_path / NPY, allow_pickle=True)
    assert proof.exists()  # where pickles are trusted, the payload works


# --- Paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [CARDIOSOFT, DICOM, EDF, CSV, NPY])
def test_a_missing_file_and_a_folder_are_named(tmp_path, name):
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, "No such file")
    (tmp_path / name).mkdir()
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, "folder")


@pytest.mark.parametrize("name", ["pipe.xml", "pipe.dcm", "pipe.edf", "pipe.csv", "pipe.npy", "pipe.hea"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, "no file")


def test_unknown_formats_and_bare_folders_are_named(tmp_path):
    for name in ("a.txt", "a.klingon", "a.hea.gz"):
        (tmp_path / name).write_text("")
        refused(lambda name=name: read_ecg(tmp_path / name), tmp_path / name, Path(name).suffix, "CardioSoft")
    refused(lambda: read_ecg(tmp_path), tmp_path, "folder")
    os.mkfifo(tmp_path / "pipe")
    refused(lambda: read_ecg(tmp_path / "pipe"), tmp_path / "pipe.hea", "No such file")
    refused(lambda: read_ecg(tmp_path / "a\0.xml"), "null")


@pytest.mark.parametrize("name", [CARDIOSOFT, DICOM, CSV])
def test_files_beyond_the_largest_size_are_not_read(tmp_path, monkeypatch, name):
    with open(tmp_path / name, "wb") as file:
        file.truncate(5_000_000_000)  # sparse: it takes no room
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, "5000 MB", f"{content.LARGEST} MB")


# --- Damage at random -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITERS)
def test_random_damage_gives_an_ecg_or_a_refusal_quickly(tmp_path, form):
    name, write, stated = WRITERS[form]
    write(tmp_path / name, ECG_)
    paths = [tmp_path / name] + ([tmp_path / "a.dat"] if form == "wfdb" else [])
    rng = np.random.default_rng(1)
    outcomes = {ECG: 0, DataError: 0}
    for path in paths:
        raw = path.read_bytes()
        for trial in range(60):
            # Two thirds strike the first 2 kB, where headers are.
            place = int(rng.integers(min(len(raw), 2000) if trial % 3 else len(raw)))
            flipped = bytearray(raw)
            flipped[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(raw[:place] if trial % 4 == 0 else bytes(flipped))
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    ecg = read_ecg(tmp_path / name, **stated)
                    assert ecg.signal.shape == (12, SAMPLES) and np.isfinite(ecg.signal).all()
                    outcomes[ECG] += 1
                except DataError as error:
                    assert error.remedy and str(tmp_path) in str(error)
                    outcomes[DataError] += 1
            assert time.perf_counter() - start < 2
        path.write_bytes(raw)
    assert outcomes[DataError] > 5 and sum(outcomes.values()) == 60 * len(paths)
