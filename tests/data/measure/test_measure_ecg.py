"""Classical measurements against the state they were simulated from, and on real recordings."""

import dataclasses

import numpy as np
import pytest
from helpers.making import make_ecg

from eccl.config import SimulationConfig
from eccl.data.ecg import read_ecg
from eccl.data.measure.beats import r_peaks, remove_baseline
from eccl.data.measure.ecg import AFTER, BEFORE, MEASUREMENTS, measure_ecg, median_beat
from eccl.records import ECG
from eccl.simulate.ecg import simulate_ecg
from eccl.simulate.electrical import electrical
from eccl.simulate.heart import draw_heart, participant_generators

NEEDS_P = {"p_duration_ms", "pr_ms", "p_terminal_force_v1_mv_ms"}  # absent without a P wave


@pytest.fixture(scope="module")
def simulated():
    """States and measurements of 250 participants."""
    states, measured = [], []
    for participant in range(250):
        generators = participant_generators(5, participant)
        state = electrical(draw_heart(SimulationConfig(), generators.heart), 1.0, generators.ecg)
        states.append(state)
        measured.append(measure_ecg(simulate_ecg(state, generators.ecg)))
    return states, measured


def columns(simulated, truth, name, keep=lambda state: True):
    pairs = [(getattr(s, truth), m[name]) for s, m in zip(*simulated) if keep(s) and np.isfinite(m[name])]
    return np.array(pairs).T


def conducted(state):
    return not state.fibrillating and state.ectopy == 0


def test_names_are_unique_and_are_those_returned():
    names = [item.name for item in MEASUREMENTS]
    assert len(set(names)) == len(names) and list(measure_ecg(make_ecg(np.random.default_rng(1)))) == names


@pytest.mark.parametrize("rate", [45.0, 65.0, 110.0])
def test_heart_rate_of_a_regular_rhythm(rate):
    measured = measure_ecg(make_ecg(np.random.default_rng(2), rate))
    assert measured["heart_rate_bpm"] == pytest.approx(rate, abs=0.7) and measured["rr_irregularity"] < 0.02


def test_heart_rate_within_two_beats_a_minute(simulated):
    truth, measured = columns(simulated, "heart_rate", "heart_rate_bpm", conducted)
    assert np.quantile(np.abs(truth - measured), 0.95) < 2.0


def test_only_what_a_p_wave_shows_may_be_absent(simulated):
    for _, measured in zip(*simulated):
        assert {name for name, value in measured.items() if not np.isfinite(value)} in (set(), NEEDS_P)


def test_a_recording_of_two_beats_gives_no_measurement_and_no_error():
    short = ECG(make_ecg(np.random.default_rng(3)).signal[:, :900])
    assert all(np.isnan(value) for value in measure_ecg(short).values())


def test_amplitudes_scale_with_the_signal_and_intervals_do_not():
    ecg = make_ecg(np.random.default_rng(3))
    once, twice = measure_ecg(ecg), measure_ecg(ECG(2 * ecg.signal))
    for item in MEASUREMENTS:
        factor = 2.0 if item.unit in ("mV", "mV ms") else 1.0
        assert twice[item.name] == pytest.approx(factor * once[item.name], rel=0.05, abs=0.03), item.name


def test_median_beat_of_a_periodic_signal_is_the_beat(rng):
    shape = rng.standard_normal((12, 400))
    signal, peaks = np.tile(shape, 12), np.arange(12) * 400 + 200
    beat = median_beat(signal, peaks, 500.0)
    assert beat.shape == (12, round((BEFORE + AFTER) * 500))
    np.testing.assert_allclose(beat, signal[:, 600 - 175 : 600 + 275])
    assert median_beat(signal, peaks[:1], 500.0) is None


@pytest.mark.parametrize(
    ("truth", "name", "least"),
    [
        ("qrs_duration", "qrs_duration_ms", 0.9),
        ("pr", "pr_ms", 0.8),
        ("p_duration", "p_duration_ms", 0.5),
        ("p_terminal", "p_terminal_force_v1_mv_ms", 0.6),
    ],
)
def test_measured_intervals_follow_the_true_ones(simulated, truth, name, least):
    assert np.corrcoef(columns(simulated, truth, name, conducted))[0, 1] > least


def test_qt_is_measured_short_by_a_constant(simulated):
    """The tangent ends before the last trace of T: a bias, which an estimate of QTc may have, and little spread."""
    qt, measured = columns(simulated, "qt", "qtc_ms", lambda s: conducted(s) and not (s.lbbb or s.rbbb))
    rate = columns(simulated, "heart_rate", "qtc_ms", lambda s: conducted(s) and not (s.lbbb or s.rbbb))[0]
    off = measured - qt / np.cbrt(60 / rate)
    assert -45 < np.median(off) < -15 and np.std(off) < 12  # ms


def test_qrs_and_pr_are_right_in_milliseconds(simulated):
    for truth, name in (("qrs_duration", "qrs_duration_ms"), ("pr", "pr_ms")):
        stated, measured = columns(simulated, truth, name, lambda s: conducted(s) and not (s.lbbb or s.rbbb))
        assert abs(np.median(measured - stated)) < 10 and np.quantile(np.abs(measured - stated), 0.95) < 25, name


def test_the_measured_axis_is_the_stated_one(simulated):
    both = [columns(simulated, "axis_frontal", name, lambda s: not s.rbbb) for name in ("axis_sin", "axis_cos")]
    stated, sine, cosine = both[0][0], both[0][1], both[1][1]
    off = (np.degrees(np.arctan2(sine, cosine)) - stated + 180) % 360 - 180
    assert abs(np.median(off)) < 8 and np.median(np.abs(off)) < 12


def test_p_waves_are_found_in_sinus_rhythm_and_not_in_fibrillation(simulated):
    absent = {True: [], False: []}
    for state, measured in zip(*simulated):
        absent[state.fibrillating].append(np.isnan(measured["pr_ms"]))
    assert np.mean(absent[True]) > 0.6 and np.mean(absent[False]) < 0.02


def test_f_waves_stand_out_in_fibrillation_alone(simulated):
    waves = {True: [], False: []}
    for state, measured in zip(*simulated):
        waves[state.fibrillating].append(measured["f_waves_mv"])
    assert np.median(waves[True]) > 5 * np.median(waves[False])


def test_fibrillation_shows_in_rhythm(simulated):
    regular, irregular = (
        [m["rr_irregularity"] for s, m in zip(*simulated) if s.fibrillating is kind and s.ectopy == 0]
        for kind in (False, True)
    )
    assert len(irregular) > 5 and np.median(irregular) > 5 * np.median(regular)


def test_voltage_and_territories_are_seen():
    heart = draw_heart(SimulationConfig(), np.random.default_rng(0))
    plain = dataclasses.replace(
        electrical(heart, 0.0, np.random.default_rng(0)), qrs_voltage=1.0, ectopy=0.0, lbbb=False, rbbb=False
    )

    def measured(name, **changes):
        state = dataclasses.replace(plain, **changes)
        return np.mean([measure_ecg(simulate_ecg(state, np.random.default_rng(seed)))[name] for seed in range(4)])

    voltage = [measured("sokolow_lyon_mv", qrs_voltage=factor) for factor in (0.8, 1.0, 1.3)]
    np.testing.assert_allclose(np.array(voltage) / voltage[1], (0.8, 1.0, 1.3), rtol=0.08)
    for region in ("anterior", "inferior", "lateral"):
        name = f"q_{region}_mv"
        assert measured(name, **{f"q_{region}": 0.6}) > measured(name) + 0.08, region


@pytest.fixture(scope="module")
def real(real_data):
    paths = sorted((real_data / "ecg/ptbxl/records500").rglob("*.hea"))
    return {path.stem: read_ecg(path) for path in paths[:60]}


def test_every_real_recording_is_measured(real):
    for name, ecg in real.items():
        measured = measure_ecg(ecg)
        absent = {key for key, value in measured.items() if not np.isfinite(value)}
        assert absent in (set(), NEEDS_P), name
        assert 25 < measured["heart_rate_bpm"] < 220, name
        assert 50 < measured["qrs_duration_ms"] < 250 and 200 < measured["qtc_ms"] < 650, name


def test_real_fibrillation_has_no_p_wave_and_real_sinus_rhythm_has_one(real_data):
    """By PTB-XL's own rhythm statements (a likelihood of 0 means not rated, so a code counts by its presence)."""
    import ast

    import pandas as pd

    folder = real_data / "ecg/ptbxl"
    table = pd.read_csv(folder / "ptbxl_database_500hz.csv")
    absent = {"AFIB": [], "SR": []}
    for name, codes in zip(table["filename_hr"], table["scp_codes"].map(ast.literal_eval)):
        for rhythm in absent.keys() & codes.keys():
            absent[rhythm].append(np.isnan(measure_ecg(read_ecg(folder / name))["pr_ms"]))
    assert np.mean(absent["AFIB"]) > 0.6 and np.mean(absent["SR"]) < 0.12


def test_real_qrs_complexes_lie_where_the_signal_is_steepest(real):
    """Within the 60 ms about each R peak all leads together are steeper than anywhere 150 ms away from one."""
    wrong = 0
    for ecg in real.values():
        signal = remove_baseline(ecg).signal
        peaks = r_peaks(signal, 500.0)
        slope = np.sqrt((np.diff(signal, axis=1) ** 2).sum(axis=0))
        near = [slope[max(0, peak - 15) : peak + 15].max() for peak in peaks]
        away = np.ones(len(slope), dtype=bool)
        for peak in peaks:
            away[max(0, peak - 75) : peak + 75] = False
        wrong += np.median(near) < np.quantile(slope[away], 0.995)
    assert wrong <= 1
