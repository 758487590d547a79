"""Probes of frozen features, and their measures: baselines, the shuffled control, the ceiling of a simulation.

Every function takes training and validation participants and returns predictions for the test split alone.
Strengths of regularisation are chosen on validation and on nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice

import numpy as np
import pandas as pd

from eccl import metrics
from eccl.data.splitting import Scaler, Split
from eccl.traits import DISEASE_CODES

log = logging.getLogger(__name__)

RIDGE_STRENGTHS = tuple(10.0**power for power in np.arange(-1, 6.5, 0.5))  # penalty on z-scored features
LOGISTIC_STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # scikit-learn's C, inverse of the penalty


def baseline(y_train: np.ndarray, n: int) -> np.ndarray:
    """The prediction without any input: each column's training mean (of a diagnosis: its prevalence), shape (n, K)."""
    return np.tile(np.nanmean(np.asarray(y_train, float), axis=0), (n, 1))


def probe_traits(
    h_train: np.ndarray,
    y_train: np.ndarray,
    h_validation: np.ndarray,
    y_validation: np.ndarray,
    h_test: np.ndarray,
    *,
    strengths: Sequence[float] = RIDGE_STRENGTHS,
    shuffle: np.random.Generator | None = None,
) -> np.ndarray:
    """Traits of the test split by ridge regression from frozen features, shape (n_test, K), in the traits' own units.

    Parameters
    ----------
    h_train, h_validation, h_test : ndarray, shape (n, D)
    y_train, y_validation : ndarray, shape (n, K)
        May hold nan: imputed with the training mean for the fit, left out of the validation score.
    strengths : sequence of float
        Penalties to choose from, one for all traits, by the mean Pearson r on validation.
    shuffle : Generator, optional
        Negative control: labels are permuted among participants before the fit and before the choice.
    """
    y_train, y_validation = _shuffled(shuffle, y_train, y_validation)
    scaler = Scaler.fit(y_train, np.arange(len(y_train)))
    solve = _ridge(_standardise(h_train, h_train), scaler.transform(y_train))
    z_validation, z_test = _standardise(h_train, h_validation), _standardise(h_train, h_test)
    scores = [
        metrics.defined_mean(metrics.pearson(y_validation, z_validation @ solve(strength))) for strength in strengths
    ]
    best = strengths[int(np.argmax(np.nan_to_num(scores, nan=-1.0)))]
    log.debug("ridge of strength %g: mean r %.3f on validation", best, max(scores))
    return scaler.inverse(z_test @ solve(best))


def _shuffled(shuffle: np.random.Generator | None, *labels: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(y) if shuffle is None else shuffle.permutation(y) for y in labels]


def _standardise(train: np.ndarray, h: np.ndarray) -> np.ndarray:
    """h in units of the training features' mean and SD; a feature that is constant in training becomes 0."""
    train, h = np.asarray(train, float), np.asarray(h, float)
    sd = train.std(axis=0)
    varies = sd > 1e-6 * np.maximum(np.abs(train).max(axis=0), 1e-30)
    return np.where(varies, (h - train.mean(axis=0)) / np.where(varies, sd, 1), 0)


def _ridge(x: np.ndarray, y: np.ndarray) -> Callable[[float], np.ndarray]:
    """Coefficients (D, K) as a function of the penalty, for one decomposition of the features."""
    values, vectors = np.linalg.eigh(x.T @ x)
    projected = vectors.T @ (x.T @ y)
    return lambda strength: vectors @ (projected / (np.maximum(values, 0)[:, None] + strength))


def probe_diseases(
    h_train: np.ndarray,
    y_train: np.ndarray,
    h_validation: np.ndarray,
    y_validation: np.ndarray,
    h_test: np.ndarray,
    *,
    strengths: Sequence[float] = LOGISTIC_STRENGTHS,
    shuffle: np.random.Generator | None = None,
) -> np.ndarray:
    """Probabilities of the diagnoses in the test split by logistic regression from frozen features, shape (n_test, K).

    The strength is chosen for each diagnosis by the log loss on validation and classes are not reweighted, so that
    probabilities stay calibrated. A diagnosis that nobody (or everybody) in training has gets its training
    prevalence.

    Parameters
    ----------
    h_train, h_validation, h_test : ndarray, shape (n, D)
    y_train, y_validation : ndarray of 0 and 1, shape (n, K)
    strengths : sequence of float
        Values of scikit-learn's C to choose from.
    shuffle : Generator, optional
        Negative control: labels are permuted among participants before the fit and before the choice.
    """
    y_train, y_validation = _shuffled(shuffle, y_train, y_validation)
    z_train, z_validation, z_test = (_standardise(h_train, h) for h in (h_train, h_validation, h_test))
    columns = [
        _logistic(z_train, y_train[:, k], z_validation, y_validation[:, k], z_test, strengths)
        for k in range(y_train.shape[1])
    ]
    return np.column_stack(columns)


def _logistic(x_train, y_train, x_validation, y_validation, x_test, strengths) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(y_train)) < 2:
        return np.full(len(x_test), float(np.mean(y_train)))
    best, lowest = None, np.inf
    model = LogisticRegression(max_iter=300, warm_start=True)
    for strength in sorted(strengths):
        model.set_params(C=strength).fit(x_train, y_train)
        loss = _log_loss(y_validation, model.predict_proba(x_validation)[:, 1])
        if loss < lowest:
            best, lowest = model.predict_proba(x_test)[:, 1], loss
    return best


def _log_loss(y: np.ndarray, p: np.ndarray) -> float:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return float(-np.mean(np.where(y > 0, np.log(p), np.log1p(-p))))


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
        disease, metric, value, low, high, n: the null distribution that an AUROC must leave to mean anything.
    """
    rng = np.random.default_rng(seed)
    x = _standardise(h_train, h_train)
    shuffled = np.stack([rng.permutation(y_train) for _ in range(permutations)])  # (P, n, K)
    labels = np.moveaxis(shuffled, 0, 1).reshape(len(x), -1).astype(float)
    scores = _standardise(h_train, h_test) @ _ridge(x, labels - labels.mean(axis=0))(float(len(x)))
    scores = scores.reshape(len(h_test), permutations, -1)
    rows = []
    for k, code in enumerate(DISEASE_CODES):
        areas = np.array([metrics.auroc(y_test[:, k], scores[:, p, k]) for p in range(permutations)])
        null = metrics.summarise(float(areas.mean()), areas, len(y_test))
        rows.append({"disease": code, "metric": "AUROC", **asdict(null)})
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
        One row a participant, one column a measurement (`eccl.data.measurements.measure_ecg`); may hold nan.
    labels : ndarray, shape (N, K)
        Traits or diagnoses.
    split : Split
    probe : callable
        `probe_traits` or `probe_diseases`.
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
    linear = [probe_traits(*(filled[parts[0]], z[parts[0]], filled[parts[1]], z[parts[1]]), filled[p]) for p in parts]
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
