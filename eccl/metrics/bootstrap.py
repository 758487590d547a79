"""Values with their 95 % intervals: bootstrapped by participant over index sets that all models share.

References
----------
Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile interval, chapter 13).
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95  # coverage of every interval
BLOCK = 250_000  # weights treated at a time
Statistic = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and the number of participants behind it."""

    value: float
    low: float
    high: float
    n: int

    def __format__(self, spec: str) -> str:
        spec = spec or ".2f"
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def __str__(self) -> str:
        return format(self)

    def __neg__(self) -> Estimate:
        """The Estimate of the opposite: of B - A where this is of A - B."""
        return Estimate(-self.value, -self.high, -self.low, self.n)

    def excludes(self, x: float) -> bool:
        """Whether x lies outside the interval; False where the interval is undefined."""
        return bool(x < self.low or x > self.high)


def bootstrap_indices(n: int, replicates: int, seed: int) -> np.ndarray:
    """Index sets of the bootstrap, shape (replicates, n): row r lists the participants drawn in replicate r.

    Draw them once per test split and pass them to every model, so that differences are paired.
    """
    if n < 1 or replicates < 1:
        raise ValueError(f"a bootstrap needs participants and replicates, got n={n} and replicates={replicates}")
    return np.random.default_rng(seed).integers(0, n, size=(replicates, n))


def multiplicities(indices: np.ndarray) -> np.ndarray:
    """How often each participant occurs in each index set: (R, n) indices to (R, n) float weights."""
    replicates, n = indices.shape
    flat = (indices + n * np.arange(replicates)[:, None]).ravel()
    return np.bincount(flat, minlength=replicates * n).reshape(replicates, n).astype(float)


def replicate(statistic: Statistic, *arrays: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The statistic in every bootstrap replicate, shape (R, ...).

    A statistic with a `weights` argument is called once; any other is called on each resample in turn.

    Raises
    ------
    ValueError
        If the arrays and the index sets are not of the same participants.
    """
    lengths = {len(array) for array in arrays}
    if lengths != {indices.shape[1]}:
        raise ValueError(f"arrays of {sorted(lengths)} participants, but index sets of {indices.shape[1]}")
    if "weights" in inspect.signature(statistic).parameters:
        return np.asarray(statistic(*arrays, weights=multiplicities(indices)))
    return np.stack([np.asarray(statistic(*(array[drawn] for array in arrays))) for drawn in indices])


def interval(replicates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the 95 % percentile interval over the first axis, undefined replicates (nan) left out."""
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")
        quantile = np.nanquantile if np.isnan(replicates).any() else np.quantile
        low, high = quantile(replicates, tails, axis=0)
    return low, high


def summarise(value: float, replicates: np.ndarray, n: int) -> Estimate:
    """The Estimate of a scalar from its value and its bootstrap replicates (R,)."""
    low, high = (np.nan, np.nan) if np.isnan(value) else interval(np.asarray(replicates))
    return Estimate(float(value), float(low), float(high), int(n))


def estimate(statistic: Statistic, *arrays: np.ndarray, indices: np.ndarray) -> Estimate:
    """The Estimate of a scalar statistic of some arrays, each with one row a participant.

    Examples
    --------
    >>> indices = bootstrap_indices(n=600, replicates=1000, seed=0)
    >>> estimate(auroc, labels, scores, indices=indices)  # doctest: +SKIP
    Estimate(value=0.81, low=0.76, high=0.86, n=600)
    """
    return summarise(float(statistic(*arrays)), replicate(statistic, *arrays, indices=indices), indices.shape[1])


def estimates(statistic: Statistic, *arrays: np.ndarray, indices: np.ndarray) -> list[Estimate]:
    """One Estimate for each component of a vector statistic, such as `pearson` of 82 columns."""
    values = np.asarray(statistic(*arrays))
    replicates = replicate(statistic, *arrays, indices=indices)
    return [summarise(value, column, indices.shape[1]) for value, column in zip(values, replicates.T)]


def paired_difference(
    statistic: Statistic, a: Sequence[np.ndarray], b: Sequence[np.ndarray], indices: np.ndarray
) -> Estimate:
    """The Estimate of statistic(*a) - statistic(*b) over shared participants in shared replicates.

    What the two have in common (hard participants, the luck of the draw) cancels, so the interval is that of the
    difference itself, not of two separate samples.
    """
    value = float(statistic(*a)) - float(statistic(*b))
    replicates = replicate(statistic, *a, indices=indices) - replicate(statistic, *b, indices=indices)
    return summarise(value, replicates, indices.shape[1])


def _weighted(function: Callable[..., np.ndarray]) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
    """Call a (R, n)-weighted function in blocks that fit a cache; with one row of ones where no weights are given."""

    def call(n: int, weights: np.ndarray | None) -> np.ndarray:
        if weights is None:
            return function(np.ones((1, n)))[0]
        return np.concatenate([function(block) for block in np.array_split(weights, 1 + weights.size // BLOCK)])

    return call


def _column(totals: np.ndarray, ndim: int) -> np.ndarray:
    return totals if ndim == 1 else totals[:, None]
