"""Findings that a cardiologist looks for, in hearts as the cohort draws them, beside PTB-XL's normal recordings."""

import copy
import dataclasses
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eccl.config import SimulationConfig
from eccl.data.measure.beats import r_peaks, remove_baseline
from eccl.report import read_reference
from eccl.simulate.ecg import simulate_ecg, true_beats
from eccl.simulate.electrical import electrical
from eccl.simulate.findings import ectopic_beats_found, most_ordinary, wave_table
from eccl.simulate.heart import draw_heart, participant_generators


@pytest.fixture(scope="module")
def people():
    """(heart, electrical state, generator of the ECG) of 1,500 people, of a seed that no page has."""
    drawn = []
    for number in range(1500):
        generators = participant_generators(911, number)
        heart = draw_heart(SimulationConfig(), generators.heart)
        drawn.append((heart, electrical(heart, 1.0, generators.ecg), generators.ecg))
    return drawn


def amplitudes(chosen):
    """Heights of each wave over the hearts, (N, 12) mV."""
    return wave_table(simulate_ecg(state, copy.deepcopy(rng)) for _, state, rng in chosen)


def without_block(people):
    return [person for person in people if not person[1].lbbb and not person[1].rbbb]


@pytest.fixture(scope="module")
def normal(people):
    return amplitudes([person for person in without_block(people) if not person[0].diagnoses.any()][:250])


@pytest.fixture(scope="module")
def real():
    return read_reference("normal_waves").pivot(index="lead", columns="wave", values="mean")


def test_normal_p_waves_are_as_high_as_real_ones(normal, real):
    ratio = normal["P"].mean() / real["P"]
    assert ratio[["V3", "V4", "V5", "V6"]].between(0.8, 1.2).all(), ratio
    assert ratio[["I", "II", "aVF", "V2"]].between(0.8, 1.2).all(), ratio


def test_normal_t_waves_are_upright_where_they_should_be(normal, real):
    t = normal["T"]
    for lead in ("I", "V4", "V5", "V6"):
        assert (t[lead] > 0).mean() > 0.95, lead
    assert (t["aVL"] > 0).mean() > 0.7 and t["aVL"].mean() > 0.03
    ratio = t.mean() / real["T"]
    assert ratio[["I", "II", "V2", "V3", "V4", "V5", "V6"]].between(0.65, 1.4).all(), ratio


def test_normal_qrs_is_as_high_as_a_real_one(normal, real):
    r, s = normal["R"].mean() / real["R"], normal["S"].mean() / real["S"]
    assert r[["I", "II", "V3", "V4", "V5", "V6"]].between(0.75, 1.25).all(), r
    assert s[["V1", "V2", "V3"]].between(0.7, 1.25).all(), s


def test_an_old_anterior_infarct_turns_t_over_in_v1_to_v4(people):
    seen = [p for p in without_block(people) if p[0].infarct_territory == "LAD" and p[1].t_inversion > 0.1]
    assert len(seen) > 25
    t = amplitudes(seen)["T"]
    assert (t[["V1", "V2", "V3", "V4"]].median() < -0.1).all(), t.median()
    assert t["II"].median() > 0, "an anterior infarct is not an inferior one"
    clearest = amplitudes([max(seen, key=lambda person: person[1].q_anterior)])["T"]
    assert (clearest[["V1", "V2", "V3", "V4"]] < -0.1).all(axis=None), clearest


def test_the_detector_finds_ectopic_beats_and_no_others(people):
    states = [state for _, state, _ in people if not state.fibrillating][:150]
    detected = [ectopic_beats_found(state, seed) for seed, state in enumerate(states)]
    found = np.concatenate([found for found, _ in detected])
    assert len(found) > 100
    assert found.mean() >= 0.95
    assert sum(false for _, false in detected) <= 0.05 * len(found)


def test_true_beats_are_those_of_the_recording(people):
    state = dataclasses.replace(people[0][1], ectopy=0.0, fibrillating=False)
    beats = true_beats(state, np.random.default_rng(4))
    ecg = simulate_ecg(state, np.random.default_rng(4))
    peaks = r_peaks(remove_baseline(ecg).signal) / 500
    whole = beats.times[(beats.times > 0.3) & (beats.times < 9.7)]
    assert np.abs(whole[:, None] - peaks).min(axis=1).max() < 0.05


def test_the_most_ordinary_state_is_nearest_to_the_mean():
    states = pd.DataFrame({"qt": [390.0, 402.0, 410.0], "axis": [0.0, 45.0, 90.0], "lbbb": [False] * 3, "same": 1.0})
    assert most_ordinary(states.set_axis(["a", "b", "c"])) == "b"
    assert most_ordinary(states[:1]) == 0


def test_the_table_of_normal_waves_is_what_the_recordings_give(real_data):
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, str(root / "benchmarks" / "measure_normal_waves.py"), str(real_data / "ecg" / "ptbxl")]
    measured = pd.read_csv(io.StringIO(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    pd.testing.assert_frame_equal(measured, read_reference("normal_waves"), atol=0.0011)
