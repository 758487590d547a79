"""What a threshold on a predicted risk does: sensitivity, specificity, predictive value, and net benefit."""

from __future__ import annotations

import numpy as np

from eccl.metrics.statistics import mean


def sensitivity(labels: np.ndarray, picked: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of the cases, labels (n,) 0/1, whom a threshold picks (n,) 0/1; nan without a case."""
    return _share(np.asarray(picked, float), np.asarray(labels, float), weights)


def specificity(labels: np.ndarray, picked: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of the controls whom a threshold leaves; nan without a control."""
    return _share(1 - np.asarray(picked, float), 1 - np.asarray(labels, float), weights)


def _share(hit: np.ndarray, among: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean(hit * among, weights=weights) / mean(among, weights=weights)


def predictive_value(
    labels: np.ndarray, picked: np.ndarray, prevalence: float | None = None, *, weights: np.ndarray | None = None
) -> np.ndarray:
    """Share of cases among those picked, in this sample or where cases are as frequent as stated; nan if nobody is.

    Where another prevalence is stated, sensitivity and specificity are taken to be the same there: a shift of the prior
    alone.

    Parameters
    ----------
    labels, picked : ndarray of 0 and 1, shape (n,)
    prevalence : float, optional
        Of cases, above 0 and below 1, among those whom the threshold will meet; by default that of this sample.

    Raises
    ------
    ValueError
        If the prevalence is not between 0 and 1.
    """
    if prevalence is None:
        return _share(np.asarray(labels, float), np.asarray(picked, float), weights)
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence of {prevalence}; it is above 0 and below 1")
    found = prevalence * sensitivity(labels, picked, weights=weights)
    alarmed = (1 - prevalence) * (1 - specificity(labels, picked, weights=weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        return found / (found + alarmed)


def negative_predictive_value(
    labels: np.ndarray, picked: np.ndarray, *, weights: np.ndarray | None = None
) -> np.ndarray:
    """Share of controls among those whom a threshold leaves; nan if it leaves nobody."""
    return _share(1 - np.asarray(labels, float), 1 - np.asarray(picked, float), weights)


def net_benefit(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, *, weights: np.ndarray | None = None
) -> np.ndarray:
    """True positives less false ones, these weighed by the odds of the threshold, per participant.

    Of a decision to treat whose predicted risk (n,) is at least the threshold. To treat nobody has 0; to treat all,
    the value of probabilities of 1.

    References
    ----------
    Vickers and Elkin, Med Decis Making 2006 (decision curves).
    """
    if not 0 < threshold < 1:
        raise ValueError(f"a threshold of {threshold}; it is above 0 and below 1")
    labels, treated = np.asarray(labels, float), np.asarray(probabilities, float) >= threshold
    return mean(treated * (labels - (1 - labels) * threshold / (1 - threshold)), weights=weights)


def threshold_of(labels: np.ndarray, scores: np.ndarray, least_sensitivity: float) -> float:
    """The highest threshold at which a share of the cases is picked at least, for choosing on validation.

    Raises
    ------
    ValueError
        If there is no case, or the share is not above 0 and at most 1.
    """
    cases = np.sort(np.asarray(scores, float)[np.asarray(labels) == 1])[::-1]
    if not len(cases) or not 0 < least_sensitivity <= 1:
        raise ValueError(f"{len(cases)} cases and a sensitivity of {least_sensitivity}; both must be above 0")
    return float(cases[int(np.ceil(least_sensitivity * len(cases) - 1e-9)) - 1])
