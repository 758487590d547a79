"""Probes of frozen features, and their measures: baselines, the shuffled control, the ceiling of a simulation.

Every function takes training and validation participants and returns predictions for the test split alone.
Strengths of regularisation are chosen on validation and on nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from eccl import metrics
from eccl.data.scaling import Scaler

log = logging.getLogger(__name__)
RIDGE_STRENGTHS = tuple(10.0**power for power in np.arange(-1, 6.5, 0.5))  # penalty on z-scored features
LOGISTIC_STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # scikit-learn's C, inverse of the penalty


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


def probe_diagnoses(
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
