"""Whether predicted probabilities are what is observed: the Brier score and reliability bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eccl.metrics.bootstrap import Estimate
from eccl.metrics.statistics import mean


def brier(labels: np.ndarray, probabilities: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean squared error of probabilities (n,) against labels (n,) 0/1; lower is better.

    References
    ----------
    Brier, Mon Weather Rev 1950.
    """
    probabilities = _probabilities(probabilities)
    return mean((np.asarray(labels, float) - probabilities) ** 2, weights=weights)


def _probabilities(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"probabilities from {values.min():.3g} to {values.max():.3g}; they must lie in [0, 1]")
    return values


@dataclass(frozen=True)
class CalibrationBin:
    """One bin of a reliability diagram: mean predicted probability and observed frequency."""

    predicted: float
    observed: Estimate


def calibration_curve(labels: np.ndarray, probabilities: np.ndarray, bins: int = 8) -> list[CalibrationBin]:
    """Observed frequency by predicted probability, in bins of equally many participants.

    Equal predictions stay together, so there may be fewer bins. The interval of a bin is Wilson's for a proportion,
    which stays honest where a bin has no case.

    References
    ----------
    Wilson, J Am Stat Assoc 1927.
    """
    labels, probabilities = np.asarray(labels, float), _probabilities(probabilities)
    member = _bin_of(probabilities, bins)
    return [
        CalibrationBin(float(probabilities[member == b].mean()), proportion(int(labels[member == b].sum()), int(n)))
        for b, n in enumerate(np.bincount(member))
        if n
    ]


def _bin_of(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """The bin (n,) of each probability, of about equally many; equal ones are in one."""
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, probabilities, side="right")


def calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = 8, *, weights: np.ndarray | None = None
) -> np.ndarray:
    """Mean over participants of |observed - predicted| in their bin of `calibration_curve`; lower is better.

    It is never quite 0: chance alone moves what is observed in a bin.

    References
    ----------
    Naeini et al., AAAI 2015 (expected calibration error).
    """
    probabilities = _probabilities(probabilities)
    excess, member = np.asarray(labels, float) - probabilities, _bin_of(probabilities, bins)
    apart = [np.abs(mean(excess * (member == number), weights=weights)) for number in np.unique(member)]
    return np.sum(apart, axis=0)


def proportion(count: int, n: int) -> Estimate:
    """The Estimate of a proportion with its 95 % Wilson interval."""
    z = 1.959964  # of the normal distribution, between whose -z and z lie 95 %
    share = count / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Estimate(share, float(max(centre - half, 0)), float(min(centre + half, 1)), n)
