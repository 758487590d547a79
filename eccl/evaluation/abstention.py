"""Whether a model knows whom it knows little about: the error among those whom it is surest of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.data.scaling import Scaler
from eccl.evaluation.probes import Standardiser

if TYPE_CHECKING:
    import pandas as pd

COVERAGES = tuple(np.round(np.arange(0.2, 1.01, 0.05), 2).tolist())  # shares of the participants who get an answer


def risk_coverage(
    errors: np.ndarray, uncertainty: np.ndarray, indices: np.ndarray, coverages: Sequence[float] = COVERAGES
) -> pd.DataFrame:
    """Mean error of the share of participants who are least uncertain, and less that of everyone, paired.

    Parameters
    ----------
    errors : ndarray, shape (n,)
        Of each participant, 0 or more.
    uncertainty : ndarray, shape (n,)
        By which participants are sent away, the largest first; known before the truth is.
    indices : ndarray, shape (R, n)
    coverages : sequence of float
        Above 0, at most 1.

    Returns
    -------
    DataFrame
        coverage, value, low, high, n (who is answered); difference, difference_low, difference_high (less everyone's);
        best (the error of as many, were those with the largest errors sent away: no uncertainty does better).

    References
    ----------
    El-Yaniv and Wiener, J Mach Learn Res 2010; Geifman and El-Yaniv, NeurIPS 2017 (selective prediction).
    """
    import pandas as pd

    weights, entries = metrics.multiplicities(indices), []
    everyone = metrics.resample(metrics.mean, errors, weights=weights)
    order, ascending = np.argsort(uncertainty, kind="stable"), np.sort(errors)
    for coverage in coverages:
        count = max(1, round(coverage * len(errors)))
        kept = np.sort(order[:count])
        with np.errstate(invalid="ignore"):  # a replicate may hold none of a few
            some = metrics.resample(metrics.mean, errors[kept], weights=weights[:, kept])
        entry = {"coverage": coverage, **some.estimate(count).as_columns()}
        entry |= (some - everyone).estimate(count).as_columns("difference") | {"best": ascending[:count].mean()}
        entries.append(entry)
    return pd.DataFrame(entries)


def trait_errors(predicted: np.ndarray, y_test: np.ndarray, scaler: Scaler) -> np.ndarray:
    """Mean absolute error (n,) over each participant's traits (n, 82), in SDs of the training participants."""
    return np.nanmean(np.abs(predicted - y_test) / scaler.std, axis=1)


def diagnosis_errors(probabilities: np.ndarray, y_test: np.ndarray) -> np.ndarray:
    """Mean squared error (n,) of each participant's probabilities (n, 4): the Brier score of one person."""
    return ((probabilities - y_test) ** 2).mean(axis=1)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Mean entropy (n,) of each participant's probabilities (n, 4), bits: 1 where all are one half."""
    p = np.clip(np.asarray(probabilities, float), 1e-12, 1 - 1e-12)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean(axis=1)


def novelty(h_train: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Mahalanobis distance (n,) of features (n, D) from those of training, with a shrunk covariance.

    References
    ----------
    Ledoit and Wolf, J Multivar Anal 2004; Lee et al., NeurIPS 2018.
    """
    from sklearn.covariance import LedoitWolf

    features = Standardiser.fit(h_train)
    return np.sqrt(LedoitWolf().fit(features.transform(h_train)).mahalanobis(features.transform(h)))
