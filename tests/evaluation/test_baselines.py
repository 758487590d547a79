"""What needs no encoder: classical measurements."""

import numpy as np
import pandas as pd

from eccl import metrics
from eccl.evaluation import baselines, probes
from eccl.traits import TRAITS

N, K = 240, len(TRAITS)


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
