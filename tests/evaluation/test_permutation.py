"""Permutation tests: what is there has a small p, what is not has any, and nothing of the true labels is left."""

import numpy as np
import pytest

from eccl import metrics
from eccl.evaluation.permutation import p_value, permutation_table, permuted_scores
from eccl.evaluation.probes import probe_traits
from eccl.traits import DIAGNOSES


def test_what_features_say_has_the_smallest_p_that_there_can_be(linear, split):
    traits = permutation_table(linear.h, linear.traits, split, "traits", 39, seed=0)
    assert list(traits["target"]) == ["all traits"] and list(traits["metric"]) == ["r"]
    assert traits["p"].item() == 1 / 40 and traits["null_high"].item() < traits["value"].item()
    diagnoses = permutation_table(linear.h, linear.diagnoses, split, "diagnoses", 39, seed=0)
    assert list(diagnoses["target"]) == [*DIAGNOSES, "mean"]
    assert (diagnoses["p"] == 1 / 40).sum() >= 4 and set(diagnoses["permutations"]) == {39}
    assert ((diagnoses["null_low"] < 0.5) & (diagnoses["null_high"] > 0.5)).all()
    assert (diagnoses["n"] == len(split.test)).all()


def test_the_value_is_that_of_the_trained_probe(linear, split, parts):
    (a, b, c), (y_train, y_validation, y_test) = parts(linear.h), parts(linear.traits)
    draws = permuted_scores(linear.h, linear.traits, split, metrics.pearson, 3, seed=0)
    expected = metrics.pearson(y_test, probe_traits(a, y_train, b, y_validation, c))
    np.testing.assert_allclose(draws[0], expected, atol=1e-6)


def test_p_of_features_that_say_nothing_is_as_often_small_as_it_claims(split):
    """Of 60 draws about one in ten is at most 0.1: a test that is too sure of itself would say so more often."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        h, y = rng.normal(size=(240, 5)), rng.normal(size=(240, 2))
        draws = permuted_scores(h, y, split, metrics.pearson, 19, seed)
        found.append(p_value(draws.mean(axis=1)))
    assert np.mean(np.array(found) <= 0.1) < 0.25 and 0.35 < np.mean(found) < 0.65


def test_a_diagnosis_without_cases_has_no_p(linear, split):
    none = linear.diagnoses.copy()
    none[split.test, 2] = 0
    table = permutation_table(linear.h, none, split, "diagnoses", 9, seed=0).set_index("target")
    assert np.isnan(table.loc[DIAGNOSES[2], ["value", "p"]].astype(float)).all()
    assert table.loc[[*DIAGNOSES[:2], "mean"], "p"].notna().all()


@pytest.mark.parametrize(("draws", "p"), [([0.9, 0.1, 0.2, 0.3], 0.25), ([0.2, 0.2, 0.1, 0.3], 0.75)])
def test_p_counts_the_labels_as_they_are(draws, p):
    assert p_value(np.array(draws)) == p
