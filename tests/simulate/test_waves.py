"""The masks of the waves: they lie where the dipoles are, and to ask for them changes nothing that is simulated."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from eccl.config import SimulationConfig
from eccl.records import SAMPLES, DataError
from eccl.simulate import waves
from eccl.simulate.cohort import name_of, read_truth, simulate_ecgs
from eccl.simulate.dipole import dipoles
from eccl.simulate.ecg import simulate_ecg
from eccl.simulate.electrical import electrical
from eccl.simulate.heart import draw_heart, participant_generators
from eccl.simulate.rhythm import VENTRICULAR, Breath

CONFIG = SimulationConfig()
BEFORE = "506b4321ba58ee42ed1657982a19d6f975d025cbb1d96af0bd7977c238f4d747"  # of six ECGs before waves had names


def row(masks, name):
    return masks[waves.PARTS.index(name)]


def test_naming_the_waves_changed_no_byte_of_an_ecg():
    found = hashlib.sha256()
    for number in range(6):
        generators = participant_generators(7, number)
        state = electrical(draw_heart(CONFIG, generators.heart), CONFIG.coupling, generators.ecg)
        found.update(simulate_ecg(state, generators.ecg).signal.tobytes())
    assert found.hexdigest() == BEFORE


def test_each_sample_is_in_one_part_and_p_is_missing_in_fibrillation_alone():
    for number in range(60):
        masks = waves.wave_masks(CONFIG, number)
        assert masks.shape == (5, SAMPLES) and masks.dtype == bool
        assert (masks.sum(axis=0) == 1).all()
        state, _ = waves.true_rhythm(CONFIG, number)
        assert row(masks, "P").any() != state.fibrillating
        assert row(masks, "QRS").any() and row(masks, "T").any()


@pytest.mark.parametrize("number", [0, 2, 5])
def test_the_dipoles_are_large_where_the_masks_say_and_small_elsewhere(number):
    masks, (state, rhythm) = waves.wave_masks(CONFIG, number), waves.true_rhythm(CONFIG, number)
    ventricles, atria = dipoles(state, Breath(0.2, 0.0), rhythm, np.random.default_rng(0))
    size, atrial = np.abs(ventricles).sum(axis=0), np.abs(atria).sum(axis=0)
    assert atrial[row(masks, "P")].sum() > 0.85 * atrial.sum()
    assert size[row(masks, "QRS")].mean() > 1.5 * size[row(masks, "T")].mean()
    assert size[row(masks, "T")].mean() > 3 * size[row(masks, "rest") | row(masks, "P")].mean()
    assert (size + atrial)[row(masks, "rest")].sum() < 0.05 * (size + atrial).sum()


def test_the_masks_are_a_plain_loop_over_the_waves_durations():
    number = next(n for n in range(60) if not waves.true_rhythm(CONFIG, n)[0].fibrillating)
    state, rhythm = waves.true_rhythm(CONFIG, number)
    time, wanted = np.arange(SAMPLES) / 500, np.zeros(SAMPLES, bool)
    for middle, origin in zip(rhythm.times, rhythm.origins):
        onset = middle - state.qrs_duration / 2000 - state.pr / 1000
        length = state.p_duration / 1000
        if origin != VENTRICULAR:
            wanted |= (time > onset + 0.05 * length) & (time < onset + 0.95 * length)
    masks = waves.wave_masks(CONFIG, number)
    differs = (wanted & ~row(masks, "QRS")) ^ row(masks, "P")
    assert differs.sum() <= 2 * len(rhythm.times)  # of rounding at the two ends


def test_the_participant_that_is_drawn_again_is_the_one_whose_truth_was_kept(tmp_path):
    from eccl.data.cohort import Cohort

    config = replace(CONFIG, participants=3)
    folder = simulate_ecgs(config, 2, tmp_path / "ecgs", workers=1, progress=False)
    truth, cohort = read_truth(folder), Cohort.load(folder)
    masks = waves.cohort_waves(cohort, [1])
    np.testing.assert_array_equal(masks[0], waves.wave_masks(config, 4))
    state, _ = waves.true_rhythm(config, 4)
    for name in ("heart_rate", "pr", "qrs_duration", "qt"):
        assert truth.loc[name_of(4), f"electrical.{name}"] == pytest.approx(getattr(state, name))


def test_of_real_people_nobody_knows_the_waves(tiny_cohort):
    from eccl.data.cohort import Cohort

    cohort = Cohort.load(tiny_cohort)
    real = replace(cohort, description={**cohort.description, "simulated": False})
    with pytest.raises(DataError, match="only a simulated cohort tells"):
        waves.cohort_waves(real, [0])
