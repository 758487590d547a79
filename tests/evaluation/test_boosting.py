"""Boosted trees: they find what is not linear, never see what is to be predicted, and make something of no labels."""

import numpy as np
import pandas as pd
import pytest

from eccl import metrics
from eccl.evaluation import boosting, probes
from eccl.evaluation.baselines import measurement_baseline

N = 240


@pytest.fixture
def electrical(rng):
    table = pd.DataFrame(rng.normal(size=(N, 6)), columns=[f"electrical.{k}" for k in range(6)])
    table["electrical.block"] = rng.choice(["", "LBBB"], N)
    return table


def test_they_find_what_is_not_linear_and_never_see_test_traits(electrical, split, rng):
    x = electrical.to_numpy()[:, :6].astype(float)
    step = 2.0 * (electrical["electrical.block"] == "LBBB").to_numpy()
    traits = np.column_stack([x[:, 0] + step, 3 * x[:, 1] ** 2]) + 0.2 * rng.normal(size=(N, 2))
    found = boosting.boosted_traits(electrical, traits, split, seed=0, workers=1)
    r = metrics.pearson(traits[split.test], found)
    assert r[0] > 0.9 and r[1] > 0.7
    linear = measurement_baseline(electrical, traits, split, probes.probe_traits)
    assert r[1] > metrics.pearson(traits[split.test, 1], linear[:, 1]) + 0.3
    poisoned = traits.copy()
    poisoned[split.test] = np.nan
    again = boosting.boosted_traits(electrical, poisoned, split, seed=0, workers=1)
    np.testing.assert_array_equal(found, again)


def test_of_unrelated_traits_nothing_is_found(electrical, split, rng):
    traits = rng.normal(size=(N, 6))
    found = boosting.boosted_traits(electrical, traits, split, seed=0, workers=1, trees=10)
    assert abs(np.nanmean(metrics.pearson(traits[split.test], found))) < 0.25


def test_diagnoses_that_no_line_tells_apart_are_told_with_what_is_missing(electrical, split, rng):
    table = electrical.mask(rng.random(electrical.shape) < 0.05)
    diagnoses = np.zeros((N, 3), int)
    diagnoses[:, 0] = electrical["electrical.0"].abs() > 0.8  # of both ends: a line finds nothing
    diagnoses[:, 1] = rng.random(N) < 0.3
    found = boosting.boosted_diagnoses(table, diagnoses, split, seed=0)
    assert ((found >= 0) & (found <= 1)).all()
    assert metrics.auroc(diagnoses[split.test, 0], found[:, 0]) > 0.8
    linear = measurement_baseline(table.iloc[:, :6], diagnoses[:, :1], split, probes.probe_diagnoses)
    assert metrics.auroc(diagnoses[split.test, 0], linear[:, 0]) < 0.7
    np.testing.assert_array_equal(found[:, 2], 0)  # nobody has it
    poisoned = diagnoses.copy()
    poisoned[split.test] = 1 - poisoned[split.test]
    np.testing.assert_array_equal(boosting.boosted_diagnoses(table, poisoned, split, seed=0), found)


def test_a_diagnosis_that_no_tree_tells_has_its_prevalence(split):
    diagnoses = np.arange(N)[:, None] % 2
    nothing = pd.DataFrame({"constant": np.ones(N)})
    np.testing.assert_array_equal(boosting.boosted_diagnoses(nothing, diagnoses, split, seed=0), 0.5)
