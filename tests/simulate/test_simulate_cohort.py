"""A simulated cohort is the same whatever its size, order, workers or interruptions, and hides its truth."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eccl.config import SimulationConfig
from eccl.data.cohort import Cohort
from eccl.data.ecg import read_ecg
from eccl.records import DataError
from eccl.simulate.cohort import BLOCK, TRUTH, read_truth, simulate_cohort, simulate_ecgs, simulate_participant
from eccl.traits import DIAGNOSES, TRAIT_NAMES

SMALL = SimulationConfig(participants=2 * BLOCK + 5, seed=7)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def cohort_folder(tmp_path_factory):
    return simulate_cohort(SMALL, tmp_path_factory.mktemp("cohort") / "whole", workers=1, progress=False)


def test_cohort_has_the_layout_that_the_loader_validates(cohort_folder):
    cohort = Cohort.load(cohort_folder)
    assert len(cohort.participant_ids) == SMALL.participants
    assert cohort.simulated
    assert cohort.traits.shape == (SMALL.participants, len(TRAIT_NAMES))
    ecg, cine = cohort[17].ecg, cohort[17].cine
    assert ecg.signal.shape == (12, 5000)
    assert cine.frames.shape == (50, 80, 80)


def test_files_hold_what_was_simulated(cohort_folder):
    participant = simulate_participant(SMALL, 17)
    read = read_ecg(cohort_folder / "ecg" / "sim-000017")
    np.testing.assert_allclose(read.signal, participant.ecg.signal, atol=1e-6)
    row = Cohort.load(cohort_folder).table.set_index("participant_id").loc["sim-000017"]
    assert row["lv_edv"] == pytest.approx(participant.traits["lv_edv"], rel=1e-5)
    assert [row[code] for code in DIAGNOSES] == list(participant.diagnoses)


def test_a_participant_is_the_same_in_a_larger_cohort_with_more_workers(cohort_folder, tmp_path):
    larger = SimulationConfig(participants=SMALL.participants + BLOCK, seed=SMALL.seed)
    other = simulate_cohort(larger, tmp_path / "larger", workers=2, progress=False)
    for name in ("ecg/sim-000017.hea", "ecg/sim-000017.dat", "cmr/sim-000017.nii.gz", "ecg/sim-000054.dat"):
        assert (other / name).read_bytes() == (cohort_folder / name).read_bytes()
    np.testing.assert_array_equal(Cohort.load(other).traits[:55], Cohort.load(cohort_folder).traits)


def test_another_seed_is_another_participant(cohort_folder):
    other = simulate_participant(SimulationConfig(participants=1, seed=8), 17)
    assert not np.array_equal(read_ecg(cohort_folder / "ecg" / "sim-000017").signal, other.ecg.signal)


def test_a_killed_simulation_goes_on_to_the_same_cohort(cohort_folder, tmp_path):
    folder = tmp_path / "killed"
    code = (
        "from eccl.config import SimulationConfig\nfrom eccl.simulate.cohort import simulate_cohort\n"
        f"simulate_cohort(SimulationConfig(participants={SMALL.participants}, seed=7), {str(folder)!r}, 1, False)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not list(folder.glob("simulation/parts/[0-9]*.csv")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "cohort.csv").exists()
    first = next(folder.glob("simulation/parts/[0-9]*.csv")).stat().st_mtime_ns
    simulate_cohort(SMALL, folder, workers=1, progress=False)
    dat = folder / "ecg" / "sim-000003.dat"
    assert dat.stat().st_mtime_ns <= first, "the finished block was simulated again"
    assert digests(folder) == digests(cohort_folder), "the killed run left something behind, or lost something"


def test_a_complete_cohort_is_not_made_again(cohort_folder):
    before = digests(cohort_folder), (cohort_folder / "cohort.csv").stat().st_mtime_ns
    simulate_cohort(SMALL, cohort_folder, progress=False)
    assert (digests(cohort_folder), (cohort_folder / "cohort.csv").stat().st_mtime_ns) == before


def test_another_cohort_in_the_folder_is_refused(cohort_folder):
    with pytest.raises(DataError, match="other settings"):
        simulate_cohort(SimulationConfig(participants=3, seed=1), cohort_folder, progress=False)


def test_the_loader_never_sees_the_truth(cohort_folder):
    with_truth = Cohort.load(cohort_folder).table
    assert not [name for name in with_truth if name.startswith(("heart.", "electrical.", "true."))]
    moved = (cohort_folder / TRUTH).rename(cohort_folder / "elsewhere.csv")
    try:
        assert Cohort.load(cohort_folder).table.equals(with_truth)
        with pytest.raises(DataError, match="no truth is known"):
            read_truth(cohort_folder)
    finally:
        moved.rename(cohort_folder / TRUTH)


def test_truth_has_every_participant_and_both_parts(cohort_folder):
    truth = read_truth(cohort_folder)
    assert list(truth.index) == list(Cohort.load(cohort_folder).participant_ids)
    assert {"heart.lv_mass", "heart.scar_16", "electrical.qrs_duration", "true.I48"} <= set(truth)


@pytest.mark.slow
def test_participant_17_is_the_same_in_cohorts_of_100_and_1000(tmp_path):
    folders = [
        simulate_cohort(SimulationConfig(participants=size), tmp_path / str(size), progress=False)
        for size in (100, 1000)
    ]
    for name in ("ecg/sim-000017.hea", "ecg/sim-000017.dat", "cmr/sim-000017.nii.gz"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_two_processes_that_want_one_cohort_make_it_once(cohort_folder, tmp_path):
    folder = tmp_path / "shared"
    code = (
        "from eccl.config import SimulationConfig\nfrom eccl.simulate.cohort import simulate_cohort\n"
        f"simulate_cohort(SimulationConfig(participants={SMALL.participants}, seed=7), {str(folder)!r}, 1, False)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert {path.name for path in folder.rglob("*")} == {path.name for path in cohort_folder.rglob("*")}
    assert (folder / "cohort.csv").read_bytes() == (cohort_folder / "cohort.csv").read_bytes()


def test_ecgs_alone_are_those_of_the_people_after_the_cohort(cohort_folder, tmp_path):
    few = SimulationConfig(participants=40, seed=SMALL.seed)
    folder = simulate_ecgs(few, 15, tmp_path / "ecgs", workers=1, progress=False)
    cohort = Cohort.load(folder)
    assert cohort.participant_ids == tuple(f"sim-{number:06d}" for number in range(40, 55))
    for ending in (".hea", ".dat"):  # of the same bytes as in a cohort of more people
        name = f"ecg/sim-000050{ending}"
        assert (folder / name).read_bytes() == (cohort_folder / name).read_bytes()
    assert cohort.modalities == ("ecg",) and cohort.known_diagnoses == () and not (folder / "cmr").exists()
    assert np.isnan(cohort.traits).all() and np.isnan(cohort.diagnoses).all()
    pd.testing.assert_frame_equal(read_truth(folder), read_truth(cohort_folder).iloc[40:])
    with pytest.raises(DataError, match="other settings"):
        simulate_ecgs(few, 16, folder)
