"""Every statistic against a library or a plain loop, on the data and in every bootstrap replicate."""

import ast
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from eccl import metrics
from eccl.metrics import Estimate, bootstrap_indices, estimate

N, REPLICATES = 60, 25


@pytest.fixture
def indices():
    return bootstrap_indices(N, REPLICATES, seed=1)


def classification(rng, n=N):
    """Labels, and probabilities with many ties."""
    labels = (rng.random(n) < 0.3).astype(int)
    return labels, np.round(np.clip(0.3 + 0.2 * labels + 0.2 * rng.normal(size=n), 0, 1), 1)


def test_metrics_import_numpy_and_the_standard_library_only():
    nodes = [
        node for path in Path(metrics.__file__).parent.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))
    ]
    names = [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names if not name.startswith("eccl.metrics.")} <= {
        "__future__",
        "collections",
        "dataclasses",
        "numpy",
        "typing",
        "warnings",
    }


# Estimate


def test_an_estimate_prints_its_interval_and_knows_what_it_excludes():
    estimate = Estimate(0.4213, 0.384, 0.456, 600)
    assert str(estimate) == "0.42 (0.38 to 0.46)"
    assert f"{estimate:.3f}" == "0.421 (0.384 to 0.456)"
    assert f"{Estimate(-0.0004, -0.2, 0.1, 9):.3f}" == "0.000 (-0.200 to 0.100)"  # no sign before nought
    assert f"{Estimate(-0.0004, -0.2, 0.1, 9):+.2f}" == "+0.00 (-0.20 to +0.10)"
    assert estimate.excludes(0.3) and estimate.excludes(0.5) and not estimate.excludes(0.4)
    assert -estimate == Estimate(-0.4213, -0.456, -0.384, 600)
    assert not Estimate(np.nan, np.nan, np.nan, 5).excludes(0)
    assert repr(estimate) == "Estimate(0.42 (0.38 to 0.46), n = 600)"


def test_an_estimate_goes_into_a_row_and_comes_back():
    r, gain = Estimate(0.5, 0.4, 0.6, 559), Estimate(0.02, -0.01, 0.05, 559)
    row = {"method": "eccl", **r.as_columns(), **gain.as_columns("difference")}
    assert list(row) == ["method", "value", "low", "high", "n", "difference", "difference_low", "difference_high"]
    assert Estimate.from_row(row) == r and Estimate.from_row(row, "difference") == gain
    with pytest.raises(ValueError, match="no share, share_low, share_high; it has method, value"):
        Estimate.from_row(row, "share")


# the bootstrap itself


def test_index_sets_are_the_seeds_own_and_multiplicities_count_them(indices):
    np.testing.assert_array_equal(indices, bootstrap_indices(N, REPLICATES, seed=1))
    assert not np.array_equal(indices, bootstrap_indices(N, REPLICATES, seed=2))
    weights = metrics.multiplicities(indices)
    for drawn, counted in zip(indices, weights):
        np.testing.assert_array_equal(counted, [np.sum(drawn == i) for i in range(N)])


def test_index_sets_of_other_participants_are_refused(indices):
    with pytest.raises(ValueError, match=r"\[59\] participants, but index sets of 60"):
        estimate(metrics.mean, np.ones(N - 1), indices=indices)
    with pytest.raises(ValueError, match="n=0"):
        bootstrap_indices(0, 10, seed=0)


@pytest.mark.parametrize(
    "name", ["pearson", "r_squared", "auroc", "auprc", "brier", "mean", "recall_at", "median_rank"]
)
def test_weighted_replicates_equal_a_loop_over_resamples(name, rng, indices):
    labels, scores = classification(rng)
    x = rng.normal(size=(N, 3))
    arrays, statistic = {
        "pearson": ((x, x + rng.normal(size=(N, 3))), metrics.pearson),
        "r_squared": ((x, x + rng.normal(size=(N, 3))), metrics.r_squared),
        "auroc": ((labels, scores), metrics.auroc),
        "auprc": ((labels, scores), metrics.auprc),
        "brier": ((labels, scores), metrics.brier),
        "mean": ((x,), metrics.mean),
        "recall_at": ((rng.integers(1, 20, N),), partial(metrics.recall_at, k=5)),
        "median_rank": ((rng.integers(1, 20, N),), metrics.median_rank),
    }[name]
    expected = [statistic(*(array[drawn] for array in arrays)) for drawn in indices]
    found = metrics.resample(statistic, *arrays, weights=metrics.multiplicities(indices))
    np.testing.assert_allclose(found.draws[1:], expected, atol=1e-12)
    np.testing.assert_array_equal(found.draws[0], statistic(*arrays))


def test_the_interval_covers_the_truth_as_often_as_it_says(rng):
    trials, n = 400, 80
    covered = 0
    for trial in range(trials):
        x = rng.normal(size=n)
        y = 0.5 * x + np.sqrt(0.75) * rng.normal(size=n)  # correlation 0.5
        found = estimate(metrics.pearson, x, y, indices=bootstrap_indices(n, 300, seed=trial))
        covered += not found.excludes(0.5)
    assert (
        0.90 < covered / trials < 0.975
    )  # 0.95 within the noise of 400 trials and the small-sample bias of percentiles


def test_a_paired_difference_is_narrower_than_two_separate_intervals(rng, indices):
    y = rng.normal(size=N)
    a = y + rng.normal(size=N)
    b = a + 0.2 * rng.normal(size=N)
    weights = metrics.multiplicities(indices)
    ours, theirs = (metrics.resample(metrics.pearson, y, x, weights=weights) for x in (a, b))
    difference = (ours - theirs).estimate(N)
    separate = [ours.estimate(N), theirs.estimate(N)]
    assert difference.value == pytest.approx(separate[0].value - separate[1].value)
    assert difference.high - difference.low < min(e.high - e.low for e in separate)
    assert (ours - ours).estimate(N) == Estimate(0.0, 0.0, 0.0, N)


def test_undefined_replicates_are_left_out_and_an_undefined_value_has_no_interval(indices):
    labels = np.zeros(N, int)
    labels[0] = 1  # a third of the replicates draw no case
    scores = np.r_[1.0, np.zeros(N - 1)]
    weights = metrics.multiplicities(indices)
    assert np.isnan(metrics.resample(metrics.auroc, labels, scores, weights=weights).draws).any()
    assert estimate(metrics.auroc, labels, scores, indices=indices) == Estimate(1.0, 1.0, 1.0, N)
    nothing = estimate(metrics.auroc, np.zeros(N), scores, indices=indices)
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_a_thousand_replicates_of_82_correlations_take_less_than_a_second(rng):
    x, y = rng.normal(size=(2, 600, 82))
    indices = bootstrap_indices(600, 1000, seed=0)
    seconds = []
    for _ in range(3):  # the best of three, since the machine may be busy
        start = time.perf_counter()
        found = metrics.resample(metrics.pearson, x, y, weights=metrics.multiplicities(indices))
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.0
    each = [metrics.Resampled(column).estimate(600) for column in found.draws.T]
    assert len(each) == 82 and all(e.low <= e.value <= e.high for e in each)


# correlation and explained variance


def test_pearson_equals_scipy_and_leaves_missing_pairs_out(rng):
    from scipy.stats import pearsonr

    x, y = rng.normal(size=(2, N, 4)) + 1000.0  # an offset, as volumes have
    x[:7, 1], y[3:9, 1], y[:5, 2] = np.nan, np.nan, np.nan
    for column, r in enumerate(metrics.pearson(x, y)):
        known = np.isfinite(x[:, column]) & np.isfinite(y[:, column])
        assert r == pytest.approx(pearsonr(x[known, column], y[known, column]).statistic, abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6 / 3])
def test_the_correlation_with_a_constant_is_nan(constant, rng, indices):
    y = rng.normal(size=N)
    flat = np.full(N, constant)
    assert np.isnan(metrics.pearson(flat, y)) and np.isnan(metrics.pearson(y, flat))
    weights = metrics.multiplicities(indices)
    assert np.isnan(metrics.resample(metrics.pearson, flat, y, weights=weights).draws).all()
    assert metrics.pearson(1e-9 * y, y) == pytest.approx(1)  # small is not constant


def test_pearson_of_unlike_shapes_is_an_error():
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        metrics.pearson(np.ones((3, 2)), np.ones(3))


def test_r_squared_equals_scikit_learn_and_is_0_for_the_mean(rng):
    from sklearn.metrics import r2_score

    y = 50 + rng.normal(size=(N, 3))
    prediction = y + rng.normal(size=(N, 3))
    np.testing.assert_allclose(metrics.r_squared(y, prediction), r2_score(y, prediction, multioutput="raw_values"))
    np.testing.assert_allclose(metrics.r_squared(y, np.tile(y.mean(axis=0), (N, 1))), 0, atol=1e-12)
    assert np.isnan(metrics.r_squared(np.ones(N), rng.normal(size=N)))


# classification


def test_auroc_and_auprc_equal_scikit_learn_with_ties(rng):
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    for _ in range(20):
        labels, scores = classification(rng)
        assert metrics.auroc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
        assert metrics.auprc(labels, scores) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
        assert metrics.brier(labels, scores) == pytest.approx(brier_score_loss(labels, scores), abs=1e-12)


def test_auroc_is_the_share_of_pairs_in_order(rng):
    labels, scores = classification(rng)
    cases, controls = scores[labels == 1], scores[labels == 0]
    pairs = [(case > control) + 0.5 * (case == control) for case in cases for control in controls]
    assert metrics.auroc(labels, scores) == pytest.approx(np.mean(pairs))


def test_scores_without_information_reach_one_half_and_the_prevalence(rng):
    labels, _ = classification(rng)
    flat = np.full(N, 0.3)
    assert metrics.auroc(labels, flat) == 0.5
    assert metrics.auprc(labels, flat) == pytest.approx(labels.mean())


def test_a_single_class_is_nan_and_wrong_arguments_are_errors():
    scores = np.linspace(0, 1, 5)
    assert np.isnan(metrics.auroc(np.zeros(5), scores)) and np.isnan(metrics.auroc(np.ones(5), scores))
    assert np.isnan(metrics.auprc(np.zeros(5), scores)) and metrics.auprc(np.ones(5), scores) == 1
    with pytest.raises(ValueError, match="0 or 1"):
        metrics.auroc(np.arange(5), scores)
    with pytest.raises(ValueError, match="not finite"):
        metrics.auroc(np.array([0, 1, 0, 1, 0]), np.full(5, np.nan))
    with pytest.raises(ValueError, match=r"\(4,\)"):
        metrics.auprc(np.zeros(4), scores)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        metrics.brier(np.zeros(5), 2 * scores)


def test_calibration_bins_partition_and_cover_a_calibrated_forecast(rng):
    p = rng.random(4000)
    labels = (rng.random(4000) < p).astype(int)
    curve = metrics.calibration_curve(labels, p, bins=10)
    assert [part.observed.n for part in curve] == [400] * 10
    assert sum(part.observed.value * part.observed.n for part in curve) == pytest.approx(labels.sum())
    assert sum(not part.observed.excludes(part.predicted) for part in curve) >= 8
    overconfident = metrics.calibration_curve(labels, np.clip(2 * p - 0.5, 0, 1), bins=10)
    assert overconfident[0].observed.excludes(overconfident[0].predicted)


def test_equal_predictions_share_a_bin(rng):
    labels, _ = classification(rng)
    (only,) = metrics.calibration_curve(labels, np.full(N, 0.25))
    assert only.predicted == 0.25 and only.observed.value == labels.mean() and only.observed.n == N


@pytest.mark.parametrize(
    ("count", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (15, 50, 0.1910, 0.4375)]
)
def test_the_interval_of_a_proportion_is_wilsons(count, n, low, high):
    found = metrics.proportion(count, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


# retrieval


def test_ranks_equal_a_double_loop(rng):
    similarity = np.round(rng.normal(size=(40, 40)), 1)  # rounded: with ties
    expected = []
    for i in range(40):
        better = sum(similarity[i, j] > similarity[i, i] for j in range(40))
        equal = sum(similarity[i, j] == similarity[i, i] for j in range(40) if j != i)
        expected.append(1 + better + equal / 2)
    found = metrics.ranks(similarity)
    np.testing.assert_array_equal(found, expected)
    assert metrics.recall_at(found, 5) == np.mean(np.array(expected) <= 5)
    assert metrics.median_rank(found) == np.median(expected)
    np.testing.assert_array_equal(metrics.ranks(similarity[10:20], np.arange(10, 20)), found[10:20])


def test_collapsed_embeddings_rank_in_the_middle():
    similarity = np.ones((9, 9))
    np.testing.assert_array_equal(metrics.ranks(similarity), 5)


def test_the_mean_of_what_is_defined():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(metrics.defined_mean(values), [2.0, np.nan])
