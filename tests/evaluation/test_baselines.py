"""What needs no encoder: shuffled labels, classical measurements, and the ceiling."""

import numpy as np
import pandas as pd
import pytest

from eccl import metrics
from eccl.evaluation import baselines, probes
from eccl.traits import DIAGNOSES, TRAITS

N, K = 240, len(TRAITS)


def test_the_null_of_shuffled_labels_covers_one_half_and_not_the_truth(linear, parts):
    h, diagnoses = linear.h, linear.diagnoses
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(diagnoses)
    null = baselines.shuffled_labels(a, y_train, c, y_test, permutations=40, seed=0)
    assert list(null["diagnosis"]) == list(DIAGNOSES)
    assert ((null["low"] < 0.5) & (null["high"] > 0.5)).all()
    truth = probes.probe_diagnoses(a, y_train, b, y_validation, c)
    areas = [metrics.auroc(y_test[:, k], truth[:, k]) for k in range(4)]
    assert (areas > null["high"]).sum() >= 3


def test_absent_measurements_become_the_training_median_and_a_flag():
    table = pd.DataFrame({"rate": [60.0, 70.0, 80.0, 500.0], "p": [100.0, np.nan, 120.0, np.nan], "none": np.nan})
    found = baselines.measurement_features(table, np.array([0, 1, 2]))
    np.testing.assert_array_equal(found[:, 1], [100, 110, 120, 110])
    np.testing.assert_array_equal(found[:, 3], [False, True, False, True])
    assert np.isfinite(found).all() and found.shape == (4, 5)


def test_an_absent_measurement_can_be_the_finding(split, rng):
    fibrillation = rng.random(N) < 0.3
    table = pd.DataFrame({"p": np.where(fibrillation, np.nan, rng.normal(size=N)), "rate": rng.normal(size=N)})
    diagnoses = np.column_stack([fibrillation] * 4).astype(int)
    traits = rng.normal(size=(N, K))
    by_trait, by_diagnosis = (
        baselines.measurement_baseline(table, labels, split, probe)
        for labels, probe in ((traits, probes.probe_traits), (diagnoses, probes.probe_diagnoses))
    )
    assert by_trait.shape == (len(split.test), K) and by_diagnosis.shape == (len(split.test), 4)
    assert metrics.auroc(diagnoses[split.test, 0], by_diagnosis[:, 0]) > 0.99


@pytest.fixture
def electrical(rng):
    table = pd.DataFrame(rng.normal(size=(N, 6)), columns=[f"electrical.{k}" for k in range(6)])
    table["electrical.block"] = rng.choice(["", "LBBB"], N)
    return table


def test_the_ceiling_finds_what_is_not_linear_and_never_sees_test_traits(electrical, split, rng):
    x = electrical.to_numpy()[:, :6].astype(float)
    step = 2.0 * (electrical["electrical.block"] == "LBBB").to_numpy()
    traits = np.column_stack([x[:, 0] + step, 3 * x[:, 1] ** 2]) + 0.2 * rng.normal(size=(N, 2))
    found = baselines.trait_ceiling(electrical, traits, split, seed=0, workers=1)
    r = metrics.pearson(traits[split.test], found)
    assert r[0] > 0.9 and r[1] > 0.7
    poisoned = traits.copy()
    poisoned[split.test] = np.nan
    again = baselines.trait_ceiling(electrical, poisoned, split, seed=0, workers=1)
    np.testing.assert_array_equal(found, again)


def test_the_ceiling_of_unrelated_traits_is_nothing(electrical, split, rng):
    traits = rng.normal(size=(N, 6))
    found = baselines.trait_ceiling(electrical, traits, split, seed=0, workers=1, iterations=10)
    assert abs(np.nanmean(metrics.pearson(traits[split.test], found))) < 0.25
