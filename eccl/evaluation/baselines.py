"""What needs no encoder: the mean, classical measurements, shuffled labels, and the ceiling of a simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from eccl import metrics
from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.evaluation.probes import Standardiser, fit_traits, ridge
from eccl.metrics import Resampled
from eccl.traits import DIAGNOSES


def baseline(y_train: np.ndarray, n: int) -> np.ndarray:
    """The prediction without any input: each column's training mean (of a diagnosis: its prevalence), shape (n, K)."""
    return np.tile(np.nanmean(np.asarray(y_train, float), axis=0), (n, 1))


def shuffled_labels(
    h_train: np.ndarray, y_train: np.ndarray, h_test: np.ndarray, y_test: np.ndarray, permutations: int, seed: int
) -> pd.DataFrame:
    """AUROC of each diagnosis when training labels are permuted: mean and 95 % range over permutations.

    A single permutation points along some direction of the features, and features correlate with disease, so its
    AUROC on one test split may lie far from one half however many participants there are; only the distribution
    centres there. A ridge regression stands in for the logistic one: one decomposition serves all permutations.

    Returns
    -------
    DataFrame
        diagnosis, metric, value, low, high, n: the null distribution that an AUROC must leave to mean anything.
    """
    rng = np.random.default_rng(seed)
    features = Standardiser.fit(h_train)
    x = features.transform(h_train)
    shuffled = np.stack([rng.permutation(y_train) for _ in range(permutations)])  # (P, n, K)
    labels = np.moveaxis(shuffled, 0, 1).reshape(len(x), -1).astype(float)
    scores = features.transform(h_test) @ ridge(x, labels - labels.mean(axis=0))(float(len(x)))
    scores = scores.reshape(len(h_test), permutations, -1)
    rows = []
    for k, code in enumerate(DIAGNOSES):
        areas = np.array([metrics.auroc(y_test[:, k], scores[:, p, k]) for p in range(permutations)])
        null = Resampled(np.r_[areas.mean(), areas]).estimate(len(y_test))
        rows.append({"diagnosis": code, "metric": "AUROC", **null.as_columns()})
    return pd.DataFrame(rows)


def measurement_features(measurements: pd.DataFrame, train: np.ndarray) -> np.ndarray:
    """Classical measurements as complete features (N, M + gaps): training median where absent, and a flag that it was.

    That a measurement is absent can be the finding: in atrial fibrillation there is no P wave to measure.
    """
    values = _numeric(measurements)
    known = np.isfinite(values)
    medians = [np.median(column[seen]) if seen.any() else 0.0 for column, seen in zip(values[train].T, known[train].T)]
    return np.column_stack([np.where(known, values, medians), ~known[:, ~known.all(axis=0)]])


def measurement_baseline(
    measurements: pd.DataFrame, labels: np.ndarray, split: Split, probe: Callable[..., np.ndarray]
) -> np.ndarray:
    """Predictions of the test split from classical ECG measurements, by one of the two probes.

    Parameters
    ----------
    measurements : DataFrame
        One row a participant, one column a measurement (`eccl.data.measure.ecg.measure_ecg`); may hold nan.
    labels : ndarray, shape (N, K)
        Traits or diagnoses.
    split : Split
    probe : callable
        `probe_traits` or `probe_diagnoses`.
    """
    x = measurement_features(measurements, split.train)
    fitted = (x[split.train], labels[split.train], x[split.validation], labels[split.validation])
    return probe(*fitted, x[split.test])


def trait_ceiling(
    electrical: pd.DataFrame, traits: np.ndarray, split: Split, seed: int, workers: int = -1, iterations: int = 120
) -> np.ndarray:
    """Traits of the test split as the noise-free electrical parameters predict them, shape (n_test, K): the ceiling.

    A ridge regression, then gradient boosting on what it leaves; the number of trees is chosen for each trait on
    validation. The ECG of a simulated participant depends on the heart through these parameters alone, so no model
    of the ECG can know more; but a regression on so many participants need not find all there is: the ceiling is an
    estimate.

    Parameters
    ----------
    electrical : DataFrame
        One row a participant, the true `electrical.*` columns of simulation/truth.csv; text is turned into codes.
    traits : ndarray, shape (N, K)
    split : Split
    seed : int
    workers : int
        Processes, as in joblib; -1 is all cores.
    iterations : int
        Most trees of one trait.
    """
    from joblib import Parallel, delayed

    parts = (split.train, split.validation, split.test)
    scaler = Scaler.fit(traits, split.train)
    z = scaler.transform(traits)
    filled = measurement_features(electrical, split.train)
    probe = fit_traits(filled[split.train], z[split.train], filled[split.validation], z[split.validation])
    linear = [probe.predict(filled[part]) for part in parts]
    x = [_numeric(electrical)[part] for part in parts]
    residuals = [z[part] - line for part, line in zip(parts, linear)]
    boosted = Parallel(n_jobs=workers)(
        delayed(_boost)(x, residuals[0][:, k], residuals[1][:, k], seed, iterations) for k in range(traits.shape[1])
    )
    return scaler.inverse(linear[2] + np.column_stack(boosted))


def _numeric(table: pd.DataFrame) -> np.ndarray:
    """Columns as floats; text becomes codes in alphabetical order."""
    columns = [
        column.to_numpy(float) if pd.api.types.is_numeric_dtype(column) else column.astype("category").cat.codes
        for _, column in table.items()
    ]
    return np.column_stack(columns).astype(float)


def _boost(x: Sequence[np.ndarray], train: np.ndarray, validation: np.ndarray, seed: int, trees: int) -> np.ndarray:
    """What boosted trees add on the test split; 0 where not even one tree helps on validation."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        learning_rate=0.04,
        max_iter=trees,
        max_leaf_nodes=8,
        min_samples_leaf=min(20, max(1, len(train) // 4)),
        l2_regularization=5.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    ).fit(x[0], train)
    errors = [np.mean((validation - added) ** 2) for added in model.staged_predict(x[1])]
    best = int(np.argmin(errors))
    if errors[best] >= np.mean(validation**2):
        return np.zeros(len(x[2]))
    return next(islice(model.staged_predict(x[2]), best, None))
