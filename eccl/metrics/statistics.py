"""Statistics over participants, with weights: numpy only.

Every statistic takes arrays whose first axis is the participant and an optional `weights` of shape (R, n): how
often each participant was drawn in each of R bootstrap replicates. With weights it returns all R replicates at
once, by matrix algebra instead of R passes over the data; without, the value on the data as they are. A statistic
that is undefined (a constant column, a single class) is nan; the replicates where that happens are left out of the
interval.
"""

from __future__ import annotations

import numpy as np

from eccl.metrics.bootstrap import in_replicates


def mean(values: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean over participants of values (n,) or (n, K)."""

    def average(w: np.ndarray) -> np.ndarray:
        totals = w.sum(axis=1)
        return w @ values / (totals if values.ndim == 1 else totals[:, None])

    return in_replicates(average)(len(values), weights)


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

    return in_replicates(correlate)(len(x), weights)


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

    return in_replicates(explained)(len(y), weights)


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

    return in_replicates(area)(len(order), weights)


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

    return in_replicates(area)(len(order), weights)
