"""Linear probes of frozen features: ridge regression of the traits, logistic regression of the diagnoses.

A probe is fitted on training participants; the strength of its regularisation is chosen on validation and on nothing
else. What is fitted is a value: it predicts anybody's features, one participant's too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eccl import metrics
from eccl.data.scaling import Scaler

log = logging.getLogger(__name__)
RIDGE_STRENGTHS = tuple(10.0**power for power in np.arange(-1, 6.5, 0.5))  # penalty on z-scored features
LOGISTIC_STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # scikit-learn's C, inverse of the penalty


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Mean and SD of each feature over the training participants; `Standardiser.fit` makes it.

    Attributes
    ----------
    mean, std : ndarray of float64, shape (D,)
        A feature that is constant in training has std 0.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, h: np.ndarray) -> Standardiser:
        """The standardiser of training features (n, D)."""
        h = np.asarray(h, float)
        std = h.std(axis=0)
        return cls(h.mean(axis=0), np.where(std > 1e-6 * np.maximum(np.abs(h).max(axis=0), 1e-30), std, 0.0))

    def transform(self, h: np.ndarray) -> np.ndarray:
        """Features (n, D) in SDs from the mean; one that is constant in training becomes 0."""
        varies = self.std > 0
        return np.where(varies, (np.asarray(h, float) - self.mean) / np.where(varies, self.std, 1), 0)


@dataclass(frozen=True, eq=False)
class RidgeProbe:
    """A fitted ridge regression of K traits from D features; `fit_traits` makes it.

    Attributes
    ----------
    features : Standardiser
        Of the training features.
    coefficients : ndarray of float64, shape (D, K)
        From standardised features to z-scores of the traits.
    scaler : Scaler
        Of the training traits: from z-scores to their units.
    strength : float
        The penalty that was chosen.
    """

    features: Standardiser
    coefficients: np.ndarray
    scaler: Scaler
    strength: float

    def predict(self, h: np.ndarray) -> np.ndarray:
        """Traits (n, K) in their units, of features (n, D)."""
        return self.scaler.inverse(self.features.transform(h) @ self.coefficients)


@dataclass(frozen=True, eq=False)
class LogisticProbe:
    """K fitted logistic regressions from D features, one a diagnosis; `fit_diagnoses` makes it.

    Attributes
    ----------
    features : Standardiser
        Of the training features.
    coefficients : ndarray of float64, shape (K, D)
        From standardised features to log-odds.
    intercepts : ndarray of float64, shape (K,)
        Infinite for a diagnosis that nobody (or everybody) in training has, whose coefficients are 0.
    strengths : ndarray of float64, shape (K,)
        scikit-learn's C that was chosen; nan where nothing was fitted.
    """

    features: Standardiser
    coefficients: np.ndarray
    intercepts: np.ndarray
    strengths: np.ndarray

    def log_odds(self, h: np.ndarray) -> np.ndarray:
        """Log-odds (n, K), of features (n, D)."""
        z = self.features.transform(h)
        # One product a diagnosis: a product of all at once rounds otherwise, by the number of diagnoses.
        columns = [z @ self.coefficients[k : k + 1].T for k in range(len(self.intercepts))]
        return np.hstack(columns) + self.intercepts

    def predict(self, h: np.ndarray) -> np.ndarray:
        """Probabilities (n, K), of features (n, D)."""
        from scipy.special import expit

        return expit(self.log_odds(h))


def fit_traits(
    h_train: np.ndarray,
    y_train: np.ndarray,
    h_validation: np.ndarray,
    y_validation: np.ndarray,
    *,
    strengths: Sequence[float] = RIDGE_STRENGTHS,
    shuffle: np.random.Generator | None = None,
) -> RidgeProbe:
    """The ridge regression of the traits from frozen features, of the penalty that validation prefers.

    Parameters
    ----------
    h_train, h_validation : ndarray, shape (n, D)
    y_train, y_validation : ndarray, shape (n, K)
        May hold nan: imputed with the training mean for the fit, left out of the validation score.
    strengths : sequence of float
        Penalties to choose from, one for all traits, by the mean Pearson r on validation.
    shuffle : Generator, optional
        Negative control: labels are permuted among participants before the fit and before the choice.
    """
    y_train, y_validation = _shuffled(shuffle, y_train, y_validation)
    scaler = Scaler.fit(y_train, np.arange(len(y_train)))
    features = Standardiser.fit(h_train)
    solve = ridge(features.transform(h_train))(scaler.transform(y_train))
    best = best_strength(solve, features.transform(h_validation), y_validation, metrics.pearson, strengths)
    return RidgeProbe(features, solve(best), scaler, best)


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
    """Traits of the test split by `fit_traits`, shape (n_test, K), in the traits' own units."""
    probe = fit_traits(h_train, y_train, h_validation, y_validation, strengths=strengths, shuffle=shuffle)
    return probe.predict(h_test)


def ridge(x: np.ndarray) -> Callable[[np.ndarray], Callable[[float], np.ndarray]]:
    """Of targets (n, K), then of the penalty: coefficients (D, K), for one decomposition of the features x (n, D)."""
    values, vectors = np.linalg.eigh(x.T @ x)

    def fit(y: np.ndarray) -> Callable[[float], np.ndarray]:
        projected = vectors.T @ (x.T @ y)
        return lambda strength: vectors @ (projected / (np.maximum(values, 0)[:, None] + strength))

    return fit


def best_strength(
    solve: Callable[[float], np.ndarray],
    z_validation: np.ndarray,
    y_validation: np.ndarray,
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
    strengths: Sequence[float] = RIDGE_STRENGTHS,
) -> float:
    """The penalty of a ridge regression that validation prefers, by the mean over columns of a statistic.

    Parameters
    ----------
    solve : callable (strength) -> ndarray, shape (D, K)
        Of `ridge`.
    z_validation : ndarray, shape (n, D)
        Standardised features.
    y_validation : ndarray, shape (n, K)
    statistic : callable (truth, prediction) -> ndarray, shape (K,)
        The higher the better; nan where it is not defined.
    """
    scores = [metrics.defined_mean(statistic(y_validation, z_validation @ solve(strength))) for strength in strengths]
    best = int(np.argmax(np.nan_to_num(scores, nan=-1.0)))
    log.debug("ridge of strength %g: mean %.3f on validation", strengths[best], scores[best])
    return strengths[best]


def fit_diagnoses(
    h_train: np.ndarray,
    y_train: np.ndarray,
    h_validation: np.ndarray,
    y_validation: np.ndarray,
    *,
    strengths: Sequence[float] = LOGISTIC_STRENGTHS,
    shuffle: np.random.Generator | None = None,
) -> LogisticProbe:
    """The logistic regressions of the diagnoses from frozen features, each of the strength that validation prefers.

    The strength is chosen for each diagnosis by the log loss on validation and classes are not reweighted, so that
    probabilities stay calibrated. A diagnosis that nobody (or everybody) in training has gets its training
    prevalence.

    Parameters
    ----------
    h_train, h_validation : ndarray, shape (n, D)
    y_train, y_validation : ndarray of 0 and 1, shape (n, K)
    strengths : sequence of float
        Values of scikit-learn's C to choose from.
    shuffle : Generator, optional
        Negative control: labels are permuted among participants before the fit and before the choice.

    Raises
    ------
    ValueError
        If a label is neither 0 nor 1, such as nan where a diagnosis is not known.
    """
    y_train, y_validation = _shuffled(shuffle, y_train, y_validation)
    for y in (y_train, y_validation):
        if not np.isin(y, (0, 1)).all():
            raise ValueError(f"labels of diagnoses must be 0 or 1, got {np.unique(y)[-3:]}; leave the unknown out")
    features = Standardiser.fit(h_train)
    z_train, z_validation = features.transform(h_train), features.transform(h_validation)
    fits = [
        _chosen(z_train, y_train[:, k], z_validation, y_validation[:, k], strengths) for k in range(y_train.shape[1])
    ]
    coefficients, intercepts, chosen = zip(*fits)
    return LogisticProbe(features, np.vstack(coefficients), np.array(intercepts), np.array(chosen))


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
    """Probabilities of the diagnoses in the test split by `fit_diagnoses`, shape (n_test, K)."""
    probe = fit_diagnoses(h_train, y_train, h_validation, y_validation, strengths=strengths, shuffle=shuffle)
    return probe.predict(h_test)


def fit_logistic(h: np.ndarray, y: np.ndarray, strength: float, iterations: int) -> LogisticProbe:
    """The logistic regression of one label (n,) from features (n, D) at a given strength."""
    features = Standardiser.fit(h)
    coefficients, intercept, _ = next(_logistic_path(features.transform(h), y, (strength,), iterations))
    return LogisticProbe(features, coefficients[None], np.array([intercept]), np.array([strength]))


Fit = tuple[np.ndarray, float, float]  # coefficients (D,), intercept, strength


def _logistic_path(x: np.ndarray, y: np.ndarray, strengths: Sequence[float], iterations: int) -> Iterator[Fit]:
    """The regression at each strength, each solved from where the one before ended."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=iterations, warm_start=True)
    for strength in strengths:
        model.set_params(C=strength).fit(x, y)
        yield model.coef_[0].copy(), float(model.intercept_[0]), strength


def _chosen(
    x: np.ndarray, y: np.ndarray, x_validation: np.ndarray, y_validation: np.ndarray, strengths: Sequence[float]
) -> Fit:
    """The regression of the lowest log loss on validation."""
    from scipy.special import expit

    if len(np.unique(y)) < 2:
        return np.zeros(x.shape[1]), np.inf if y[0] else -np.inf, np.nan
    fits = list(_logistic_path(x, y, sorted(strengths), iterations=300))
    losses = [
        log_loss(y_validation, expit((x_validation @ coefficients[:, None])[:, 0] + intercept))
        for coefficients, intercept, _ in fits
    ]
    return fits[int(np.argmin(losses))]


def log_loss(y: np.ndarray, p: np.ndarray) -> float:
    """Mean negative log-likelihood of labels (n,) of 0 and 1 under probabilities (n,)."""
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return float(-np.mean(np.where(y > 0, np.log(p), np.log1p(-p))))


def _shuffled(shuffle: np.random.Generator | None, *labels: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(y) if shuffle is None else shuffle.permutation(y) for y in labels]
