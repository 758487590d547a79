"""Values with their 95 % intervals: bootstrapped by participant over index sets that all models share.

References
----------
Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile interval, chapter 13).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.95  # coverage of every interval
BLOCK = 250_000  # weights treated at a time
Statistic = Callable[..., np.ndarray]


@dataclass(frozen=True, repr=False)
class Estimate:
    """A value with its 95 % interval and the number of participants behind it.

    Examples
    --------
    >>> r = Estimate(0.4934, 0.4571, 0.5312, 559)
    >>> r
    Estimate(0.49 (0.46 to 0.53), n = 559)
    >>> f"{r:.3f}"
    '0.493 (0.457 to 0.531)'
    """

    value: float
    low: float
    high: float
    n: int

    def __format__(self, spec: str) -> str:
        spec = spec or ".2f"
        sign, point, rest = spec.partition(".")
        if point and sign in ("", "+", "-", " "):
            spec = f"{sign}z.{rest}"  # what rounds to nought has no sign
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def __str__(self) -> str:
        return format(self)

    def __repr__(self) -> str:
        return f"Estimate({self}, n = {self.n})"

    @classmethod
    def from_row(cls, row: Mapping[str, Any], column: str = "value") -> Estimate:
        """The Estimate in a row of a table: in columns value, low and high, or `<column>`, `<column>_low`, `_high`.

        Raises
        ------
        ValueError
            If the row lacks one of them, or n.
        """
        names = [*_columns(column), "n"]
        missing = [name for name in names if name not in row]
        if missing:
            raise ValueError(f"the row has no {', '.join(missing)}; it has {', '.join(map(str, row.keys()))}")
        value, low, high, n = (row[name] for name in names)
        return cls(float(value), float(low), float(high), int(n))

    def as_columns(self, column: str = "value") -> dict[str, float]:
        """The columns that `from_row` reads; n only beside the value."""
        columns = dict(zip(_columns(column), (self.value, self.low, self.high)))
        return columns | {"n": self.n} if column == "value" else columns

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


@dataclass(frozen=True, eq=False)
class Resampled:
    """A statistic on the data and in every bootstrap replicate; `resample` makes it.

    Two of them, made with the same weights, are paired: what they have in common (hard participants, the luck of the
    draw) cancels in their difference, so its interval is that of the difference itself.

    Attributes
    ----------
    draws : ndarray, shape (1 + R, ...)
        Row 0 is the value, the others its replicates.
    """

    draws: np.ndarray

    def __sub__(self, other: Resampled) -> Resampled:
        return Resampled(self.draws - other.draws)

    def estimate(self, n: int) -> Estimate:
        """The Estimate of a scalar statistic of n participants."""
        value = float(self.draws[0])
        low, high = (np.nan, np.nan) if np.isnan(value) else interval(self.draws[1:])
        return Estimate(value, float(low), float(high), int(n))


def resample(statistic: Statistic, *arrays: np.ndarray, weights: np.ndarray) -> Resampled:
    """The statistic of arrays with one row a participant, on the data and in R replicates.

    Parameters
    ----------
    statistic : callable
        Of the arrays, to (...); with `weights`, to (R, ...).
    weights : ndarray, shape (R, n)
        Of `multiplicities`.

    Raises
    ------
    ValueError
        If the arrays and the weights are not of the same participants.
    """
    lengths = {len(array) for array in arrays}
    if lengths != {weights.shape[1]}:
        raise ValueError(f"arrays of {sorted(lengths)} participants, but index sets of {weights.shape[1]}")
    return Resampled(np.concatenate([np.asarray(statistic(*arrays))[None], statistic(*arrays, weights=weights)]))


def interval(replicates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the 95 % percentile interval over the first axis, undefined replicates (nan) left out."""
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")
        quantile = np.nanquantile if np.isnan(replicates).any() else np.quantile
        low, high = quantile(replicates, tails, axis=0)
    return low, high


def estimate(statistic: Statistic, *arrays: np.ndarray, indices: np.ndarray) -> Estimate:
    """The Estimate of a scalar statistic of some arrays, each with one row a participant.

    Examples
    --------
    >>> from eccl.metrics import mean
    >>> estimate(mean, np.arange(100.0), indices=bootstrap_indices(n=100, replicates=1000, seed=0))
    Estimate(49.50 (43.82 to 54.95), n = 100)
    """
    return resample(statistic, *arrays, weights=multiplicities(indices)).estimate(indices.shape[1])


def _columns(column: str) -> tuple[str, str, str]:
    prefix = "" if column == "value" else f"{column}_"
    return column, f"{prefix}low", f"{prefix}high"


def in_replicates(function: Callable[..., np.ndarray]) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
    """The statistic (n, weights or None) of a function of weights (R, n), called in blocks that fit a cache."""

    def call(n: int, weights: np.ndarray | None) -> np.ndarray:
        if weights is None:
            return function(np.ones((1, n)))[0]
        return np.concatenate([function(block) for block in np.array_split(weights, 1 + weights.size // BLOCK)])

    return call
