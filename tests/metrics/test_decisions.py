"""Thresholds, calibration error and many tests at once, each beside an independent reference."""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from eccl import metrics

N = 400


@pytest.fixture
def forecast(rng):
    probabilities = rng.beta(1, 3, N).round(2)
    return (rng.random(N) < probabilities).astype(float), probabilities


def counts(labels, picked):
    return [int(((labels == label) & (picked == pick)).sum()) for label in (1, 0) for pick in (1, 0)]


def test_sensitivity_and_specificity_equal_scikit_learn(forecast):
    labels, probabilities = forecast
    picked = probabilities >= 0.3
    assert metrics.sensitivity(labels, picked) == pytest.approx(recall_score(labels, picked))
    assert metrics.specificity(labels, picked) == pytest.approx(recall_score(labels, picked, pos_label=0))
    assert np.isnan(metrics.sensitivity(np.zeros(5), np.ones(5)))


def test_the_predictive_value_at_ones_own_prevalence_is_that_of_the_sample(forecast):
    labels, probabilities = forecast
    picked = (probabilities >= 0.3).astype(float)
    hits, missed, alarms, left = counts(labels, picked)
    own = metrics.predictive_value(labels, picked, labels.mean())
    assert own == pytest.approx(hits / (hits + alarms))
    # a sample with every control ten times over, counted by hand
    rare = labels.sum() / (labels.sum() + 10 * (N - labels.sum()))
    assert metrics.predictive_value(labels, picked, rare) == pytest.approx(hits / (hits + 10 * alarms))
    assert missed + left > 0
    with pytest.raises(ValueError, match="above 0 and below 1"):
        metrics.predictive_value(labels, picked, 1.0)


def test_net_benefit_is_counted_by_hand(forecast):
    labels, probabilities = forecast
    for threshold in (0.1, 0.25, 0.5):
        hits, _, alarms, _ = counts(labels, (probabilities >= threshold).astype(float))
        expected = hits / N - alarms / N * threshold / (1 - threshold)
        assert metrics.net_benefit(labels, probabilities, threshold) == pytest.approx(expected)
    assert metrics.net_benefit(labels, np.zeros(N), 0.2) == 0
    assert metrics.net_benefit(labels, np.ones(N), labels.mean()) == pytest.approx(0, abs=1e-12)


def test_a_threshold_is_the_highest_that_finds_enough_cases(forecast):
    labels, probabilities = forecast
    for wanted in (0.5, 0.8, 0.9, 1.0):
        threshold = metrics.threshold_of(labels, probabilities, wanted)
        assert metrics.sensitivity(labels, probabilities >= threshold) >= wanted
        assert metrics.sensitivity(labels, probabilities >= threshold + 0.005) < wanted
    with pytest.raises(ValueError, match="0 cases"):
        metrics.threshold_of(np.zeros(4), np.ones(4), 0.9)


def test_the_calibration_error_is_that_of_a_loop_over_bins(forecast):
    labels, probabilities = forecast
    bins = metrics.calibration_curve(labels, probabilities)
    expected = sum(abs(one.observed.value - one.predicted) * one.observed.n for one in bins) / N
    assert metrics.calibration_error(labels, probabilities) == pytest.approx(expected)
    assert metrics.calibration_error(labels, 1 - probabilities) > 3 * expected


@pytest.mark.parametrize("name", ["sensitivity", "specificity", "calibration_error"])
def test_weighted_replicates_equal_samples_drawn(name, forecast):
    labels, probabilities = forecast
    indices = metrics.bootstrap_indices(N, 5, seed=0)
    weights = metrics.multiplicities(indices)
    second = probabilities if name == "calibration_error" else (probabilities >= 0.3).astype(float)
    found = getattr(metrics, name)(labels, second, weights=weights)
    if name == "calibration_error":  # the bins are those of the whole sample, so they are counted here
        edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, 9)[1:-1]))
        member = np.searchsorted(edges, probabilities, side="right")
        expected = [
            sum(abs((labels[draw] - probabilities[draw])[member[draw] == k].sum()) for k in np.unique(member)) / N
            for draw in indices
        ]
    else:
        expected = [getattr(metrics, name)(labels[draw], second[draw]) for draw in indices]
    np.testing.assert_allclose(found, expected)


def test_holm_is_the_step_down_procedure():
    """The worked example: sorted p times 4, 3, 2, 1, never falling."""
    np.testing.assert_allclose(metrics.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(metrics.holm([0.2, np.nan, 0.6]), [0.4, np.nan, 0.6])


def test_holm_keeps_the_chance_of_any_false_rejection(rng):
    shared = rng.normal(size=(2000, 1))
    from scipy.stats import norm

    p = 2 * norm.sf(np.abs(0.7 * shared + np.sqrt(1 - 0.49) * rng.normal(size=(2000, 20))))
    wrong = np.mean([(metrics.holm(row) < 0.05).any() for row in p])
    assert wrong < 0.065 and np.mean((p < 0.05).any(axis=1)) > 0.3


def test_predictive_values_in_the_sample_equal_scikit_learn(forecast):
    labels, probabilities = forecast
    picked = (probabilities >= 0.3).astype(float)
    assert metrics.predictive_value(labels, picked) == pytest.approx(precision_score(labels, picked))
    assert metrics.negative_predictive_value(labels, picked) == pytest.approx(precision_score(1 - labels, 1 - picked))
    assert np.isnan(metrics.predictive_value(labels, np.zeros(N)))
    assert np.isnan(metrics.negative_predictive_value(labels, np.ones(N)))
