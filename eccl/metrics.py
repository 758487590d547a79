"""Statistics with their 95 % intervals: numpy only, bootstrapped by participant over index sets that all models share.

Every statistic takes arrays whose first axis is the participant and an optional `weights` of shape (R, n): how
often each participant was drawn in each of R bootstrap replicates. With weights it returns all R replicates at
once, by matrix algebra instead of R passes over the data; without, the value on the data as they are. A statistic
that is undefined (a constant column, a single class) is nan; the replicates where that happens are left out of the
interval.

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


def mean(values: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean over participants of values (n,) or (n, K)."""
    return _weighted(lambda w: w @ values / _column(w.sum(axis=1), values.ndim))(len(values), weights)


def _column(totals: np.ndarray, ndim: int) -> np.ndarray:
    return totals if ndim == 1 else totals[:, None]


def defined_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is defined there; nan where nothing is (and no warning)."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    return np.where(count > 0, np.where(known, values, 0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def pearson(x: np.ndarray, y: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Pearson correlation of x and y, both (n,) or (n, K), column by column.

    Participants with a nan in a pair are left out of that pair's column. The correlation with a constant is nan.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.shape != y.shape:
        raise ValueError(f"x of shape {x.shape} and y of shape {y.shape}; they must be the same")
    known = np.isfinite(x) & np.isfinite(y)
    x, y = _centred(x, known), _centred(y, known)

    def correlate(w: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            count = w @ known.astype(float)
            mean_x, mean_y = w @ x / count, w @ y / count
            variance_x = _variance(w @ x**2 / count - mean_x**2, x)
            variance_y = _variance(w @ y**2 / count - mean_y**2, y)
            r = (w @ (x * y) / count - mean_x * mean_y) / np.sqrt(variance_x * variance_y)
        return np.clip(r, -1, 1)

    return _weighted(correlate)(len(x), weights)


def _centred(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """x less its mean over known entries, 0 where unknown; exactly 0 where it is constant up to rounding."""
    count = np.maximum(known.sum(axis=0), 1)
    scale = np.abs(np.where(known, x, 0)).max(axis=0, initial=0)
    centred = np.where(known, x - np.where(known, x, 0).sum(axis=0) / count, 0)
    return np.where(np.abs(centred).max(axis=0, initial=0) > 1e-12 * scale, centred, 0)


def _variance(raw: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """A variance with nan where it is only the rounding error of a constant."""
    return np.where(raw > 1e-14 * np.abs(centred).max(axis=0, initial=0) ** 2, raw, np.nan)


def r_squared(y: np.ndarray, prediction: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of the variance of y (n,) or (n, K) that a prediction explains: 1 - squared error / variance.

    Unlike the correlation it is defined, and about 0, for a prediction that is the mean. Participants with a nan
    are left out; a constant y gives nan.
    """
    y, prediction = np.asarray(y, float), np.asarray(prediction, float)
    known = np.isfinite(y) & np.isfinite(prediction)
    squared_error = np.where(known, y - prediction, 0) ** 2
    y = _centred(y, known)

    def explained(w: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            count = w @ known.astype(float)
            variance = _variance(w @ y**2 / count - (w @ y / count) ** 2, y)
            return 1 - w @ squared_error / count / variance

    return _weighted(explained)(len(y), weights)


def _by_score(labels: np.ndarray, scores: np.ndarray, descending: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order of the scores, start of each run of equal scores in it, and the labels in that order."""
    labels, scores = np.asarray(labels, float), np.asarray(scores, float)
    if labels.shape != scores.shape or labels.ndim != 1:
        raise ValueError(f"labels of shape {labels.shape} and scores of shape {scores.shape}; both must be (n,)")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels must be 0 or 1, got {np.unique(labels)[:5]}")
    if not np.isfinite(scores).all():
        raise ValueError("scores that are not finite have no order")
    order = np.argsort(-scores if descending else scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return order, starts, labels[order]


def auroc(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Area under the ROC curve of labels (n,) 0/1 and scores (n,); a tie counts one half; nan if one class is absent.

    References
    ----------
    Hanley and McNeil, Radiology 1982 (the area as the probability that a case scores above a control).
    """
    order, starts, ordered = _by_score(labels, scores, descending=False)

    def area(w: np.ndarray) -> np.ndarray:
        w = w[:, order]
        cases = np.add.reduceat(w * ordered, starts, axis=1)
        controls = np.add.reduceat(w * (1 - ordered), starts, axis=1)
        below = np.cumsum(controls, axis=1) - controls / 2
        with np.errstate(invalid="ignore"):
            return (cases * below).sum(axis=1) / (cases.sum(axis=1) * controls.sum(axis=1))

    return _weighted(area)(len(order), weights)


def auprc(labels: np.ndarray, scores: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Average precision of labels (n,) 0/1 and scores (n,): precision at each threshold weighted by the recall it adds.

    A score without information reaches the prevalence, not one half. Nan if there are no cases.
    """
    order, starts, ordered = _by_score(labels, scores, descending=True)

    def area(w: np.ndarray) -> np.ndarray:
        w = w[:, order]
        cases = np.add.reduceat(w * ordered, starts, axis=1)
        called = np.cumsum(np.add.reduceat(w, starts, axis=1), axis=1)
        with np.errstate(invalid="ignore"):
            precision = np.cumsum(cases, axis=1) / np.where(called > 0, called, 1)
            return (cases * precision).sum(axis=1) / cases.sum(axis=1)

    return _weighted(area)(len(order), weights)


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
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1]))
    member = np.searchsorted(edges, probabilities, side="right")
    return [
        CalibrationBin(float(probabilities[member == b].mean()), proportion(int(labels[member == b].sum()), int(n)))
        for b, n in enumerate(np.bincount(member))
        if n
    ]


def proportion(count: int, n: int) -> Estimate:
    """The Estimate of a proportion with its 95 % Wilson interval."""
    z = 1.959964
    share = count / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Estimate(share, float(max(centre - half, 0)), float(min(centre + half, 1)), n)


def ranks(similarity: np.ndarray, partner: np.ndarray | None = None) -> np.ndarray:
    """Rank (1 is best) of each query's own partner in the gallery.

    Parameters
    ----------
    similarity : ndarray, shape (queries, gallery)
    partner : ndarray of int, shape (queries,), optional
        Column of each query's partner; the diagonal by default.

    Returns
    -------
    ndarray of float, shape (queries,)
        Items that tie with the partner count one half each, so embeddings that all collapsed to one point rank in the
        middle and not first.
    """
    partner = np.arange(len(similarity)) if partner is None else partner
    own = similarity[np.arange(len(similarity)), partner][:, None]
    return 1 + (similarity > own).sum(axis=1) + ((similarity == own).sum(axis=1) - 1) / 2


def recall_at(rank: np.ndarray, k: int, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of queries whose partner's rank (n,) is k or better."""
    return mean((rank <= k).astype(float), weights=weights)


def recall_at_k(similarity: np.ndarray, k: int) -> float:
    """Share of queries (rows) whose partner (the diagonal) is among the k most similar; chance is k / gallery."""
    return float(recall_at(ranks(similarity), k))


def median_rank(rank: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Median of the partners' ranks (n,); chance is (gallery + 1) / 2."""
    order = np.argsort(rank, kind="stable")
    ordered = np.asarray(rank, float)[order]

    def median(w: np.ndarray) -> np.ndarray:
        drawn = np.cumsum(w[:, order], axis=1)
        half = drawn[:, -1:] / 2
        return (ordered[(drawn >= half).argmax(axis=1)] + ordered[(drawn > half).argmax(axis=1)]) / 2

    return _weighted(median)(len(order), weights)
