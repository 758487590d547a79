"""Predictions in a cardiologist's terms, each figure counted by hand."""

import numpy as np
import pandas as pd
import pytest

from eccl import metrics
from eccl.evaluation.cases import agreement_table, missed, reduced_ejection_fraction
from eccl.evaluation.rows import Row
from eccl.traits import TRAIT_NAMES

N = 60
EF = TRAIT_NAMES.index("lv_ef")


@pytest.fixture
def measured(rng):
    y = rng.normal(100, 20, (N, len(TRAIT_NAMES)))
    y[:, EF] = rng.uniform(20, 70, N)
    y[:4, EF] = np.nan
    return y


@pytest.fixture
def predicted(measured, rng):
    return np.nan_to_num(measured, nan=50.0) + 3 + rng.normal(0, 5, measured.shape)


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(N, 50, seed=0)


def test_agreement_is_counted_over_whom_the_trait_is_known_of(measured, predicted, indices):
    row = Row("eccl")
    table = agreement_table({row: predicted}, measured, indices).set_index("trait")
    assert list(table.index) == ["lv_ef", "lv_edv", "lv_mass"] and table.loc["lv_ef", "n"] == N - 4
    difference = (predicted - measured)[4:, EF]
    one = table.loc["lv_ef"]
    assert one["error"] == pytest.approx(np.abs(difference).mean()) and one["bias"] == pytest.approx(difference.mean())
    assert one["limit_high"] - one["limit_low"] == pytest.approx(2 * 1.96 * difference.std(ddof=1))
    assert one["value"] == pytest.approx(np.corrcoef(predicted[4:, EF], measured[4:, EF])[0, 1])
    assert one["error_low"] < one["error"] < one["error_high"]


def test_a_reduced_ejection_fraction_is_found_as_often_as_pairs_are_in_order(measured, predicted, indices):
    found = reduced_ejection_fraction({Row("eccl"): predicted}, measured, indices)[Row("eccl")]
    truth, guess = measured[4:, EF], predicted[4:, EF]
    pairs = [(a < b) + 0.5 * (a == b) for a in guess[truth < 40] for b in guess[truth >= 40]]
    assert found.value == pytest.approx(np.mean(pairs)) and found.n == N - 4
    nobody = reduced_ejection_fraction({Row("eccl"): predicted}, measured, indices, below=1.0)[Row("eccl")]
    assert np.isnan(nobody.value)


def test_the_worst_are_first_and_said_to_be_who_they_are(measured, predicted):
    people = pd.DataFrame({"participant_id": [f"p{i}" for i in range(N)], "sex": [0, 1] * (N // 2), "age": 60.0})
    people = people.assign(I21=0, I42=np.nan, I48=1, I50=1)
    ecg = pd.DataFrame({"heart_rate_bpm": 70.0, "rr_irregularity": 0.1, "qrs_duration_ms": np.arange(N)})
    table = missed(people, ecg, measured[:, EF], predicted[:, EF], count=3)
    assert missed(people, ecg, measured[:, EF].astype("float32"), predicted[:, EF])["measured"].dtype == float
    error = np.abs(predicted - measured)[:, EF]
    expected = np.argsort(-np.nan_to_num(error))[:3]
    assert list(table.index) == [f"p{i}" for i in expected]
    assert list(table["error"].abs().round(6)) == list(error[expected].round(6))
    assert set(table["codes"]) == {"I48, I50"} and list(table["QRS"]) == list(expected)
    assert list(table["sex"]) == [("female", "male")[i % 2] for i in expected]
