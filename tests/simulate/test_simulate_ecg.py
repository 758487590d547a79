"""The simulated ECG: laws of the leads, waves where the state puts them, and nothing of the heart without coupling."""

import dataclasses

import numpy as np
import pytest
from scipy.signal import find_peaks

from eccl.config import SimulationConfig
from eccl.data.standard.twelve_leads import RESOLUTION
from eccl.records import LEADS, SAMPLES
from eccl.simulate.ecg import RANGE, simulate_ecg, twelve_leads
from eccl.simulate.electrical import electrical
from eccl.simulate.heart import draw_heart, participant_generators
from eccl.simulate.lead_field import DOWER, INDEPENDENT

AT = {lead: row for row, lead in enumerate(LEADS)}


def hearts(count, seed=3):
    for participant in range(count):
        generators = participant_generators(seed, participant)
        yield draw_heart(SimulationConfig(), generators.heart), generators.ecg


def normal_state(**changes):
    heart = next(heart for heart, _ in hearts(50) if not heart.diagnoses.any() and not heart.conduction)
    plain = {
        "heart_rate": 60.0, "fibrillating": False, "ectopy": 0.0, "respiratory_arrhythmia": 0.0, "pr": 160.0,
        "p_duration": 105.0, "p_amplitude": 0.1, "p_terminal": 0.04, "qrs_duration": 90.0, "qrs_voltage": 1.0,
        "axis_frontal": 40.0, "axis_horizontal": 0.0, "lbbb": False, "rbbb": False, "t_amplitude": 1.0,
        "t_angle": 0.0, "strain": 0.0, "qt": 400.0, "q_anterior": 0.0, "q_inferior": 0.0, "q_lateral": 0.0,
        "t_inversion": 0.0,
    }  # fmt: skip
    return dataclasses.replace(electrical(heart, 0.0, np.random.default_rng(0)), **(plain | changes))


def beats_of(signal):
    """Middle of each QRS, of wide ones too: where the slope over 0.1 s, all leads together, is largest."""
    slope = np.convolve((np.diff(signal, axis=1) ** 2).sum(axis=0), np.ones(50), "same")
    return find_peaks(slope, height=0.15 * np.quantile(slope, 0.99), distance=150)[0]


def mean_beat(state, recordings=6):
    """Median beat (12, 450) from 0.35 s before the QRS, over recordings that differ in electrodes and noise."""
    beats = []
    for seed in range(recordings):
        signal = simulate_ecg(state, np.random.default_rng(seed)).signal
        peaks = [peak for peak in beats_of(signal) if 175 <= peak < SAMPLES - 275]
        beats += [signal[:, peak - 175 : peak + 275] for peak in peaks]
    beat = np.median(beats, axis=0)
    return beat - beat[:, 130:145].mean(axis=1, keepdims=True)


def test_limb_leads_obey_einthoven_and_goldberger_in_whole_steps_of_the_recorder():
    for heart, rng in hearts(25):
        signal = simulate_ecg(electrical(heart, 1.0, rng), rng).signal
        steps = np.rint(signal.astype(np.float64) / RESOLUTION).astype(int)
        np.testing.assert_allclose(signal, steps * RESOLUTION, atol=1e-6)  # nothing between two steps
        one, two, three, avr, avl, avf = steps[:6]
        assert (one + three == two).all()
        assert (2 * avr == -(one + two)).all() and (2 * avl == one - three).all() and (2 * avf == two + three).all()


def test_laws_hold_even_where_the_recorder_clips():
    signal = simulate_ecg(normal_state(qrs_voltage=12.0), np.random.default_rng(0)).signal
    assert np.abs(signal[AT["V4"]]).max() == pytest.approx(RANGE)
    np.testing.assert_allclose(signal[0] + signal[2], signal[1], atol=1e-5)


def test_twelve_leads_are_those_of_the_textbook(rng):
    independent = rng.standard_normal((8, 7))
    left, foot = independent[0], independent[1]  # potentials against the right arm
    wilson = (left + foot) / 3
    expected = {"III": foot - left, "aVR": -1.5 * wilson, "aVL": left - foot / 2, "aVF": foot - left / 2}
    for lead, row in zip(LEADS, twelve_leads(independent)):
        truth = expected[lead] if lead in expected else independent[INDEPENDENT.index(lead)]
        np.testing.assert_allclose(row, truth, atol=1e-6)


def test_same_generator_same_bits_and_another_one_differs():
    state = normal_state(ectopy=5.0)
    first, again, other = (simulate_ecg(state, np.random.default_rng(seed)).signal for seed in (1, 1, 2))
    assert first.shape == (12, SAMPLES) and first.dtype == np.float32
    assert (first == again).all() and (first != other).any()


def test_without_coupling_two_hearts_have_one_electrical_state():
    states = {electrical(heart, 0.0, np.random.default_rng(8)) for heart, _ in hearts(60)}
    assert len(states) == 1
    assert len({electrical(heart, 1.0, np.random.default_rng(8)) for heart, _ in hearts(60)}) == 60


def test_without_coupling_nothing_of_the_heart_correlates_with_the_state():
    """400 hearts: every |r| stays within what chance gives to the largest of its pairs; with coupling it does not."""

    def largest(coupling):
        drawn = [(heart, electrical(heart, coupling, rng)) for heart, rng in hearts(400, seed=21)]
        heart = np.array([
            (h.age, h.sex, h.bmi, h.systolic, h.heart_rate, h.lv_edv, h.lv_mass, h.la_max, h.in_fibrillation,
             h.infarct_extent, h.axis, *h.diagnoses) for h, _ in drawn
        ], dtype=float)  # fmt: skip
        state = np.array([list(dataclasses.asdict(s).values()) for _, s in drawn], dtype=float)
        state = state[:, state.std(axis=0) > 1e-9]  # what only a disease switches on is constant without coupling
        together = np.corrcoef(heart.T, state.T)[: heart.shape[1], heart.shape[1] :]
        return np.abs(together).max()

    assert largest(0.0) < 0.23  # about 4.5 standard errors of r, for some 250 pairs
    assert largest(1.0) > 0.9


def test_a_normal_beat_has_the_polarity_of_a_normal_beat():
    beat = mean_beat(normal_state())
    r, s = beat[:, 150:205].max(axis=1), -beat[:, 150:205].min(axis=1)
    t, p = beat[:, 260:340], beat[:, 80:130]
    assert s[AT["aVR"]] > 4 * r[AT["aVR"]]
    assert (r[[AT["I"], AT["II"], AT["V5"], AT["V6"]]] > 0.4).all()
    ratio = r / (r + s)
    progression = ratio[[AT[f"V{n}"] for n in range(1, 6)]]
    assert progression[0] < 0.35 and progression[-1] > 0.7 and (np.diff(progression) > -0.02).all()
    for lead in ("I", "II", "V2", "V3", "V4", "V5", "V6"):
        assert t[AT[lead]].max() > 0.07 and t[AT[lead]].min() > -0.05, lead
    assert t[AT["aVR"]].min() < -0.07
    assert p[AT["II"]].max() > 0.06 and p[AT["aVR"]].min() < -0.03
    assert np.abs(beat[:, 10:60]).max() < 0.06  # TP is isoelectric


@pytest.mark.parametrize(
    ("field", "leads", "others"),
    [
        ("q_anterior", ("V1", "V2", "V3"), ("II", "III", "aVF")),
        ("q_inferior", ("II", "III", "aVF"), ("V2", "V3", "V4")),
        ("q_lateral", ("I", "aVL", "V6"), ("II", "III", "aVF")),
    ],
)
def test_an_infarct_takes_early_forces_from_the_leads_of_its_territory(field, leads, others):
    healthy, infarct = mean_beat(normal_state()), mean_beat(normal_state(**{field: 0.6, "t_inversion": 0.3}))
    early = slice(150, 178)
    lost = (healthy - infarct)[:, early].max(axis=1)
    inverted = (healthy - infarct)[:, 260:340].max(axis=1)
    assert min(lost[AT[lead]] for lead in leads) > 0.1
    assert np.mean([lost[AT[lead]] for lead in leads]) > 1.8 * np.mean([lost[AT[lead]] for lead in others])
    assert max(inverted[AT[lead]] for lead in leads) > 0.15


def test_bundle_branch_blocks_have_their_late_forces_and_discordant_t_waves():
    left = mean_beat(normal_state(lbbb=True, qrs_duration=145.0))
    right = mean_beat(normal_state(rbbb=True, qrs_duration=135.0))
    late = slice(180, 212)
    assert left[AT["V1"], 140:212].min() < -0.8 and left[AT["V6"], 140:212].max() > 0.6
    assert left[AT["V6"], 270:340].min() < -0.1 and left[AT["V1"], 270:340].max() > 0.1
    assert right[AT["V1"], late].max() > 0.3 and right[AT["V6"], late].min() < -0.2


def test_strain_turns_t_against_qrs():
    assert mean_beat(normal_state(strain=0.8))[AT["V6"], 260:340].min() < -0.1


def rr_intervals(state, seed):
    return np.diff(beats_of(simulate_ecg(state, np.random.default_rng(seed)).signal)) / 500


def test_fibrillation_is_irregular_and_waves_of_its_frequency_lead_v1():
    state = normal_state(
        fibrillating=True, heart_rate=80.0, f_amplitude=0.12, f_frequency=6.0, respiratory_arrhythmia=0.03
    )
    sinus = dataclasses.replace(state, fibrillating=False)
    spread = {s.fibrillating: np.mean([np.std(rr) / np.mean(rr) for rr in (rr_intervals(s, k) for k in range(6))])
              for s in (state, sinus)}  # fmt: skip
    assert spread[True] > 0.13 and spread[False] < 0.06
    frequency = np.fft.rfftfreq(SAMPLES, 1 / 500)
    quiet = dataclasses.replace(state, qrs_voltage=0.01, t_amplitude=0.01)
    power = np.abs(np.fft.rfft(simulate_ecg(quiet, np.random.default_rng(0)).signal, axis=1)) ** 2
    in_band = power[:, (frequency > 4) & (frequency < 9)]
    in_order = np.sqrt(np.sort(in_band.sum(axis=1))[::-1])
    assert in_band.sum(axis=1).argmax() == AT["V1"] and in_order[0] > 1.2 * in_order[1]
    v1 = power[AT["V1"]] * (frequency > 2)
    assert 5.0 < frequency[v1.argmax()] < 7.0


def test_sinus_rhythm_carries_its_breathing():
    calm, lively = (
        np.mean([rr_intervals(normal_state(respiratory_arrhythmia=a), k).std() for k in range(5)]) for a in (0.0, 0.05)
    )
    assert lively > 3 * calm


def test_ectopic_beats_come_early_and_a_pause_follows():
    """The two intervals about a ventricular ectopic beat last as long as two normal ones."""
    state = normal_state(ectopy=4.0)
    found = 0
    for seed in range(20):
        rr = rr_intervals(state, seed)
        for at in np.flatnonzero(rr[:-1] < 0.75):
            if at >= 1 and rr[at - 1] > 0.9 and rr[at + 1] > 1.2:
                assert rr[at] + rr[at + 1] == pytest.approx(2.0, abs=0.15)
                found += 1
    assert found >= 4


def test_t_wave_follows_qt():
    short, long = (mean_beat(normal_state(qt=qt))[AT["II"], 240:380].argmax() for qt in (370.0, 430.0))
    assert 2 * (long - short) == pytest.approx(
        0.77 * 60, abs=12
    )  # ms; T's peak moves with its end, its width grows too


def test_noise_is_that_of_a_good_recording():
    """Between beats a lead wanders by tens of microvolts and trembles by a few: PTB-XL's normal ones do about so."""
    silent = normal_state(qrs_voltage=1e-3, t_amplitude=1e-3, p_amplitude=1e-3, p_terminal=0.0)
    signals = [simulate_ecg(silent, np.random.default_rng(seed)).signal for seed in range(25)]
    level = np.median([signal.std(axis=1) for signal in signals])
    tremble = np.median([np.diff(signal, axis=1).std(axis=1) for signal in signals])
    assert 0.008 < level < 0.06 and 0.001 < tremble < 0.015


def test_dower_matrix_gives_a_leftward_dipole_to_the_lateral_leads():
    x = dict(zip(INDEPENDENT, DOWER[:, 0]))
    assert x["V1"] < 0 < x["I"] < x["V6"] < x["V5"]
