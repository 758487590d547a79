"""The judge: a share beyond chance where a model looks at a wave, none where it does not, and an exact control."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.simulated import pack_people
from scipy.stats import spearmanr

from eccl import metrics
from eccl.config import SimulationConfig, preset, to_dict
from eccl.data.cohort import Cohort
from eccl.explain import judge
from eccl.explain.pairs import PAIRS, TARGETS, pair_table
from eccl.machine import Machine
from eccl.methods import METHODS
from eccl.methods.base import variant
from eccl.methods.random import Settings
from eccl.records import DataError
from eccl.simulate.waves import PARTS, wave_masks
from eccl.study.data import Data
from eccl.traits import DIAGNOSES, TRAIT_NAMES


@pytest.fixture(scope="module")
def masks():
    return np.stack([wave_masks(SimulationConfig(), number) for number in range(6)])[:, :, ::5]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Simulated people without scans, in a home of their own."""
    home, config = tmp_path_factory.mktemp("explained"), preset("smoke")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(home))
        store = pack_people(home, 40)
        cohort = Cohort.load(home / "cohort")
        cohort = replace(cohort, description={**cohort.description, "config": to_dict(config.simulation)})
        yield Data(config, cohort, store, cohort.split(), Machine("cpu"))


def test_there_are_twelve_pairs_of_what_there_is_each_with_its_reason():
    assert len(PAIRS) == 12 == len({(pair.target, pair.wave) for pair in PAIRS}) == len(pair_table())
    assert {pair.target for pair in PAIRS} <= {*TRAIT_NAMES, *DIAGNOSES}
    assert {pair.wave for pair in PAIRS} <= set(PARTS)
    assert all(len(pair.reason) > 20 for pair in PAIRS)
    # the weights of a readout stand in this order: traits first
    assert tuple(sorted(TARGETS, key=lambda name: name in DIAGNOSES)) == TARGETS


def test_shares_are_those_of_a_loop_and_sum_to_one(rng, masks):
    attributions = rng.normal(size=(6, 3, 12, 1000))
    attributions[2, 1] = 0  # nothing is attributed: no share
    found = judge.shares(attributions, masks)
    for person, score, part in ((0, 0, 1), (5, 2, 4), (3, 1, 0)):
        size = np.abs(attributions[person, score])
        assert found[person, score, part] == pytest.approx(size[:, masks[person, part]].sum() / size.sum())
    assert np.isnan(found[2, 1]).all() and np.isnan(found).sum() == 5
    np.testing.assert_allclose(np.nansum(found, axis=2)[:2], 1)


def test_the_share_of_time_is_the_mean_over_all_shifts(rng, masks):
    attribution = rng.normal(size=(1, 1, 12, 1000)) ** 3
    moved = [judge.shares(np.roll(attribution, shift, axis=-1), masks[:1])[0, 0] for shift in range(1000)]
    np.testing.assert_allclose(np.mean(moved, axis=0), masks[0].mean(axis=-1))


def test_likeness_is_spearmans(rng):
    a, b = rng.normal(size=(2, 3, 2, 4, 30))
    expected = [np.mean([spearmanr(*np.abs([a[i, k], b[i, k]]).reshape(2, -1))[0] for k in range(2)]) for i in range(3)]
    np.testing.assert_allclose(judge.likeness(a, b), expected)
    np.testing.assert_allclose(judge.likeness(a, -7 * a), 1)


@pytest.mark.parametrize("attribution", judge.ATTRIBUTIONS)
def test_what_looks_at_a_wave_alone_is_found_to_and_at_no_other(attribution, masks):
    torch.manual_seed(0)
    signals, marks = torch.randn(6, 12, 1000), torch.from_numpy(masks)
    seen = marks[:, 1].float()

    def score(ecg):  # of QRS alone
        return (ecg * seen[:, None]).square().sum(dim=(1, 2))[:, None]

    found = judge.shares(judge.ATTRIBUTIONS[attribution](score, signals, marks).numpy(), masks)
    np.testing.assert_allclose(found[:, 0], np.eye(5)[[1] * 6], atol=1e-6)


def test_the_table_is_of_all_pairs_and_its_values_are_those_of_the_attributions(data):
    table = judge.judged(data, ["random"], [judge.CHOSEN, "SmoothGrad"], people=5)
    assert list(table["pair"]) == 2 * [pair.label for pair in PAIRS]
    rows, readout = data.split.test[:5], judge.readout_of("random", data)
    shares = judge.shares(judge.explained(data, readout, rows), judge.masks_of(data, rows, 5))
    time = judge.masks_of(data, rows, 5).mean(axis=2)
    row = table.iloc[0]
    wanted = shares[:, 0, 1] - time[:, 1]
    assert row["value"] == pytest.approx(wanted.mean()) and row["n"] == 5
    indices = metrics.bootstrap_indices(5, data.config.replicates, data.config.seed)
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(wanted[indices].mean(axis=1), [0.025, 0.975])))
    others = [TARGETS.index(name) for name in ("ecc_global", "la_max", "la_min", "I48")]
    assert row["beyond"] == pytest.approx((shares[:, 0, 1] - shares[:, others, 1].mean(axis=1)).mean())
    with_p = table[table["wave"] == "P"]
    assert (with_p["n"] == (time[:, 0] > 0).sum()).all()
    assert judge.judged(data, ["random"], [judge.CHOSEN], people=5).equals(table.iloc[:12]), "kept, and the same"


def test_one_encoder_less_another_is_paired_by_participant(data):
    deeper = {"settings": lambda config: Settings(replace(config.ecg, depth=2))}
    other = variant(METHODS["random"], "deeper", "deeper", "#000000", **deeper)
    table = judge.ahead(data, other, "random", people=5)
    assert list(table["pair"]) == [pair.label for pair in PAIRS]
    rows, masks = data.split.test[:5], judge.masks_of(data, data.split.test[:5], 5)
    one, two = (
        judge.shares(judge.explained(data, judge.readout_of(each, data), rows), masks)[:, TARGETS.index("lv_edv"), 1]
        for each in (other, "random")
    )
    row, indices = table.iloc[1], metrics.bootstrap_indices(5, data.config.replicates, data.config.seed)
    assert row["value"] == pytest.approx((one - two).mean()) and row["n"] == 5
    draws = (one[indices] - two[indices]).mean(axis=1)  # the same people of both
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    assert (judge.ahead(data, "random", "random", people=5)["value"].dropna() == 0).all()


def test_a_pair_counts_where_its_interval_lies_above_0(data):
    table = judge.judged(data, ["random"], [judge.CHOSEN], people=5)
    table["low"], table["beyond_low"] = np.r_[np.full(5, 0.1), -0.1, np.full(6, np.nan)], -1.0
    (row,) = judge.counted(table).to_dict("records")
    assert (row["pairs"], row["on_the_wave"], row["more_than_others"], row["people"]) == (12, 5, 0, 5)


def test_random_weights_give_other_attributions_and_the_same_weights_the_same(data, monkeypatch):
    monkeypatch.setattr(judge, "COMPARED", 3)
    random, deeper = METHODS["random"], {"settings": lambda config: Settings(replace(config.ecg, depth=2))}
    other = variant(random, "deeper", "deeper", "#000000", **deeper)
    same, different = judge.weights_matter(data, random, other)["value"]
    assert same == pytest.approx(1) and different < 0.99
    anew, different_again = judge.weights_matter(data, other, random)["value"]
    assert anew < 0.99 and different_again == pytest.approx(different)


def test_where_nobody_knows_the_waves_nobody_judges(data):
    cohort = replace(data.cohort, description={**data.cohort.description, "simulated": False})
    with pytest.raises(DataError, match="only a simulated cohort tells"):
        judge.judged(replace(data, cohort=cohort), ["random"], people=5)
