"""Calibration, operating points and decision curves of four diagnoses, against scikit-learn, counts and simulation."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, confusion_matrix

from eccl import metrics
from eccl.evaluation.decisions import TREAT_ALL, calibration_scores, decision_table, operating_points
from eccl.evaluation.rows import Row
from eccl.traits import DIAGNOSES

N = 500
ECCL = Row("eccl")


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(N, 200, seed=0)


def forecasts(rng, n=N):
    """Risks (n, 4), and labels that come true as often as they say."""
    risk = rng.beta(1, 4, (n, 4))
    return risk, (rng.random((n, 4)) < risk).astype(float)


def test_calibration_scores_are_scikit_learns_and_a_loops_and_stand_beside_chance(rng, indices):
    risk, y = forecasts(rng)
    wrong = np.clip(risk + 0.3, 0, 1)
    table = calibration_scores({ECCL: risk, Row("random"): wrong}, y, indices).set_index(
        ["method", "diagnosis", "metric"]
    )
    for k, code in enumerate(DIAGNOSES):
        brier, error = (table.loc[("eccl", code, metric)] for metric in ("Brier", "ECE"))
        assert brier["value"] == pytest.approx(brier_score_loss(y[:, k], risk[:, k]))
        bins = metrics.calibration_curve(y[:, k], risk[:, k])
        assert error["value"] == pytest.approx(
            sum(abs(b.observed.value - b.predicted) * b.observed.n for b in bins) / N
        )
        assert error["low"] <= error["value"] <= error["high"] and error["cases"] == y[:, k].sum()
        # of risks that are right, the Brier score to expect is the mean of p (1 - p)
        assert brier["chance"] == pytest.approx((risk[:, k] * (1 - risk[:, k])).mean(), abs=0.004)
        assert table.loc[("random", code, "ECE"), "low"] > 2 * table.loc[("eccl", code, "ECE"), "value"]


def test_the_error_of_risks_that_are_right_is_what_chance_leaves(rng):
    indices = metrics.bootstrap_indices(N, 20, seed=0)
    pairs = [
        calibration_scores({ECCL: risk}, y, indices).query("metric == 'ECE'") for risk, y in map(forecasts, [rng] * 6)
    ]
    excess = np.concatenate([(pair["value"] - pair["chance"]).to_numpy() for pair in pairs])
    assert abs(excess.mean()) < 3 * excess.std() / np.sqrt(len(excess))


def test_an_operating_point_is_counted_and_its_threshold_is_of_validation(rng, indices):
    (risk, y), (seen, known) = forecasts(rng), forecasts(rng, 200)
    table = operating_points(risk, y, indices, (seen, known), {"I21": 0.02}).set_index(["diagnosis", "metric"])
    for k, code in enumerate(DIAGNOSES):
        threshold = table.loc[(code, "PPV"), "threshold"]
        found = seen[known[:, k] == 1, k]
        assert np.mean(found >= threshold) >= 0.9 > np.mean(found > threshold)
        left, alarms, missed, hits = confusion_matrix(y[:, k], risk[:, k] >= threshold).ravel()
        expected = {
            "sensitivity": hits / (hits + missed),
            "specificity": left / (left + alarms),
            "PPV": hits / (hits + alarms),
            "NPV": left / (left + missed),
        }
        assert {metric: table.loc[(code, metric), "value"] for metric in expected} == pytest.approx(expected)
        assert (table.loc[code, "low"] <= table.loc[code, "high"]).all()
    sure, spared = (table.loc[("I21", metric), "value"] for metric in ("sensitivity", "specificity"))
    assert table.loc[("I21", "PPV elsewhere"), "value"] == pytest.approx(
        0.02 * sure / (0.02 * sure + 0.98 * (1 - spared))
    )
    assert ("I42", "PPV elsewhere") not in table.index


def test_a_diagnosis_without_a_case_in_validation_has_no_operating_point(rng, indices):
    (risk, y), (seen, known) = forecasts(rng), forecasts(rng, 50)
    known[:, 1] = 0
    table = operating_points(risk, y, indices, (seen, known), {}).set_index("diagnosis")
    assert table.loc["I42", ["threshold", "value", "low", "high"]].isna().all(axis=None)
    assert table.loc["I21", "value"].notna().all() and (table["n"] == N).all()


def test_a_decision_curve_is_counted_by_hand_and_paired_with_treating_everybody(rng, indices):
    risk, y = forecasts(rng)
    table = decision_table({ECCL: risk}, y, indices, TREAT_ALL, thresholds=(0.1, 0.3))
    assert list(table["method"]) == ["eccl", "all"] * 8
    row = table.query("method == 'eccl' and diagnosis == 'I48' and threshold == 0.3").iloc[0]
    treated, case = risk[:, 2] >= 0.3, y[:, 2] == 1
    own = ((treated & case).sum() - (treated & ~case).sum() * 0.3 / 0.7) / N
    everybody = (case.sum() - (~case).sum() * 0.3 / 0.7) / N
    assert row["value"] == pytest.approx(own) and row["difference"] == pytest.approx(own - everybody)
    whole = table.query("method == 'all'")
    assert (whole[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    with pytest.raises(ValueError, match="no row random"):
        decision_table({ECCL: risk}, y, indices, Row("random"))
