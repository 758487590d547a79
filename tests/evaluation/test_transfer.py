"""Probes across folds: nobody is predicted by a probe that has seen them, and the bootstrap draws patients."""

import numpy as np
import pandas as pd
import pytest

from eccl.evaluation.rows import Row, rows_of
from eccl.evaluation.transfer import _other_patients, cross_fitted, transfer_table
from eccl.metrics import auroc

ECCL, RANDOM = Row("eccl"), Row("random")


@pytest.fixture
def people():
    """Features that tell, features that do not, labels, folds and patients of 240 recordings of 120 patients."""
    rng = np.random.default_rng(5)
    patients = np.repeat([f"p{number}" for number in range(120)], 2)
    labels = np.repeat(rng.uniform(size=120) < 0.3, 2).astype(int)
    folds = np.repeat(np.arange(120) % 10 + 1, 2)
    telling = pd.DataFrame(rng.normal(0, 1, (240, 4)) + 1.5 * labels[:, None] * [1, 0, 0, 0])
    return telling, pd.DataFrame(rng.normal(0, 1, (240, 4))), labels, folds, patients


def test_what_tells_is_found_and_noise_is_not(people):
    telling, noise, labels, folds, _ = people
    assert auroc(labels, cross_fitted(telling, labels, folds)) > 0.75
    assert 0.35 < auroc(labels, cross_fitted(noise, labels, folds)) < 0.65


def test_a_label_never_reaches_its_own_prediction(people):
    telling, _, labels, folds, _ = people
    before = cross_fitted(telling, labels, folds)
    changed = np.where(folds == 4, 1 - labels, labels)
    after = cross_fitted(telling, changed, folds)
    np.testing.assert_array_equal(before[folds == 4], after[folds == 4])
    assert not np.array_equal(before[folds == 5], after[folds == 5])


def test_missing_values_are_imputed_from_the_rows_that_are_fitted(people):
    telling, _, labels, folds, _ = people
    holes = telling.mask(np.random.default_rng(0).uniform(size=telling.shape) < 0.2)
    scores = cross_fitted(holes, labels, folds)
    assert np.isfinite(scores).all() and auroc(labels, scores) > 0.7
    altered = holes.copy()
    row = int(np.flatnonzero(folds == 4)[0])
    altered.loc[row] = 1e6  # what is predicted moves neither the medians nor the scale: others of the fold stay
    others = np.flatnonzero((folds == 4) & (np.arange(len(folds)) != row))
    np.testing.assert_array_equal(cross_fitted(altered, labels, folds)[others], scores[others])


def test_folds_of_unequal_prevalence_do_not_sort_the_scores():
    """With features that say nothing, pooled scores would lie below one half: a fold's cases are missing elsewhere."""
    labels = np.repeat([1, 0], [40, 160])
    folds = np.concatenate([np.repeat([1, 2], [38, 2]), np.repeat([1, 2], [12, 148])])
    nothing = pd.DataFrame(np.random.default_rng(1).normal(0, 1, (200, 1)))
    assert auroc(labels, cross_fitted(nothing, labels, folds)) > 0.3


def test_a_fold_that_holds_every_case_is_refused():
    with pytest.raises(ValueError, match="without fold 1 there are 20 cases of 20"):
        cross_fitted(pd.DataFrame(np.zeros((40, 1))), np.repeat([0, 1], [20, 20]), np.repeat([1, 2], [20, 20]))


def test_the_table_has_intervals_differences_and_the_control(people):
    telling, noise, labels, folds, patients = people
    features = {ECCL: telling, RANDOM: noise}
    table = transfer_table(features, labels, folds, patients, ECCL, replicates=300, seed=1, permutations=39)
    assert rows_of(table) == [ECCL, RANDOM]
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert (table["n"] == 120).all() and (table["recordings"] == 240).all() and (table["cases"] == labels.sum()).all()
    ours, random = (row for _, row in table.iterrows())
    assert random["difference"] == pytest.approx(ours["value"] - random["value"])
    assert random["difference_low"] > 0
    assert np.isnan(ours["difference"]) and np.isnan(random["p"])
    assert ours["p"] == 1 / 40 and ours["permutations"] == 39
    noise_alone = transfer_table(
        {ECCL: noise}, labels, folds, patients, ECCL, replicates=10, seed=1, permutations=39
    ).iloc[0]
    assert noise_alone["p"] > 0.05


def test_labels_change_places_among_patients_with_all_of_theirs(rng):
    who = rng.permutation(np.r_[np.arange(30), np.repeat(np.arange(30, 50), 2)])
    partner = _other_patients(who, rng)
    assert sorted(partner) == list(range(len(who))) and (partner != np.arange(len(who))).sum() > 50
    for number in range(50):
        given = who[partner[who == number]]
        assert len(set(given)) == 1 and (who == given[0]).sum() == (who == number).sum()


def test_the_bootstrap_draws_patients_with_all_their_recordings(people):
    telling, _, labels, folds, patients = people
    doubled = transfer_table({ECCL: telling}, labels, folds, patients, ECCL, 400, 1, 1).iloc[0]
    apart = transfer_table({ECCL: telling}, labels, folds, np.arange(240), ECCL, 400, 1, 1).iloc[0]
    assert doubled["value"] == apart["value"] and (doubled["n"], apart["n"]) == (120, 240)


def test_the_interval_of_repeated_recordings_is_that_of_their_patients(people):
    """Each recording twice, as two recordings of one patient: the interval does not shrink."""
    telling, _, labels, folds, patients = people
    once = transfer_table({ECCL: telling[::2]}, labels[::2], folds[::2], patients[::2], ECCL, 2000, 1, 1).iloc[0]
    twice = pd.concat([telling[::2]] * 2, ignore_index=True)
    both = transfer_table(
        {ECCL: twice}, np.tile(labels[::2], 2), np.tile(folds[::2], 2), np.tile(patients[::2], 2), ECCL, 2000, 1, 1
    ).iloc[0]
    assert both["high"] - both["low"] == pytest.approx(once["high"] - once["low"], rel=0.15)
