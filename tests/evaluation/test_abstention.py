"""Errors of those who are answered, against a loop; what an uncertainty is worth that knows nothing, or all."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from eccl import metrics
from eccl.data.scaling import Scaler
from eccl.evaluation.abstention import diagnosis_errors, entropy, novelty, risk_coverage, trait_errors
from eccl.traits import TRAITS

N = 400


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(N, 200, seed=0)


def test_the_curve_is_that_of_a_loop_over_resamples(rng, indices):
    errors, doubt = rng.exponential(size=N), rng.random(N)
    table = risk_coverage(errors, doubt, indices, coverages=(0.5, 1.0))
    kept = doubt <= np.sort(doubt)[N // 2 - 1]
    half = table.iloc[0]
    assert half["n"] == N // 2 and half["value"] == pytest.approx(errors[kept].mean())
    assert half["best"] == pytest.approx(np.sort(errors)[: N // 2].mean())
    draws = [errors[rows][kept[rows]].mean() - errors[rows].mean() for rows in indices]
    assert half["difference"] == pytest.approx(errors[kept].mean() - errors.mean())
    assert [half["difference_low"], half["difference_high"]] == pytest.approx(list(np.quantile(draws, (0.025, 0.975))))
    assert table.iloc[1]["value"] == pytest.approx(errors.mean())
    assert table.iloc[1]["difference"] == pytest.approx(0, abs=1e-12)


def test_doubt_that_knows_the_error_is_best_and_doubt_that_knows_nothing_lowers_it_not(rng, indices):
    errors = rng.exponential(size=N)
    told = risk_coverage(errors, errors, indices)
    np.testing.assert_allclose(told["value"], told["best"])
    blind = risk_coverage(errors, rng.random(N), indices, coverages=(0.3, 0.6)).iloc[1]
    assert blind["difference_low"] < 0 < blind["difference_high"]


def test_errors_are_per_person(rng):
    y = rng.normal(50, 10, (N, len(TRAITS)))
    predicted = y + rng.normal(size=y.shape)
    y[3, 0] = np.nan
    found = trait_errors(predicted, y, Scaler.fit(y, np.arange(N)))
    expected = [abs(predicted[3, k] - y[3, k]) / np.nanstd(y[:, k]) for k in range(1, len(TRAITS))]
    assert found[3] == pytest.approx(np.mean(expected), rel=1e-5)
    p, labels = rng.random((N, 4)), (rng.random((N, 4)) < 0.5).astype(float)
    assert diagnosis_errors(p, labels)[7] == pytest.approx(np.mean([(p[7, k] - labels[7, k]) ** 2 for k in range(4)]))


def test_entropy_is_one_bit_at_one_half_and_none_where_all_is_sure():
    p = np.array([[0.5] * 4, [0.0, 1.0, 0.0, 1.0], [0.25] * 4])
    np.testing.assert_allclose(entropy(p), [1, 0, 0.25 * 2 + 0.75 * np.log2(4 / 3)], atol=1e-9)


def test_novelty_is_the_distance_of_mahalanobis_and_ignores_what_is_constant(rng):
    train, new = rng.normal(size=(300, 5)) * [1, 2, 3, 4, 0], rng.normal(size=(4, 5))
    z, z_new = ((each[:, :4] - train[:, :4].mean(axis=0)) / train[:, :4].std(axis=0) for each in (train, new))
    fitted = LedoitWolf().fit(z)
    expected = [mahalanobis(row, fitted.location_, np.linalg.inv(fitted.covariance_)) for row in z_new]
    np.testing.assert_allclose(novelty(train[:, :4], new[:, :4]), expected, rtol=1e-6)
    assert np.isfinite(novelty(train, new)).all()
