"""Two rows trait by trait: which of the 82 one predicts better, where 82 questions are asked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.traits import TRAIT_NAMES

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05  # chance that any trait is called better or worse which is neither


def paired_traits(
    predicted: np.ndarray, reference: np.ndarray, y_test: np.ndarray, indices: np.ndarray
) -> pd.DataFrame:
    """The r of each trait less that of a reference, paired, with p-values that hold for all traits together.

    A percentile of the bootstrap cannot be smaller than one in the replicates, which times 82 is never small. So p is
    that of a normal difference whose standard error is the spread of the paired replicates.

    Parameters
    ----------
    predicted, reference, y_test : ndarray, shape (n, 82)
        In the traits' units; y_test may hold nan, who is left out of that trait.
    indices : ndarray, shape (R, n)

    Returns
    -------
    DataFrame
        One row a trait: trait, value, low, high, n (whose trait is known); reference, difference, difference_low,
        difference_high; p (two-sided), p_holm. nan where an r is not defined.

    References
    ----------
    Holm, Scand J Stat 1979; Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (standard error, chapter 6).
    """
    import pandas as pd
    from scipy.stats import norm

    weights = metrics.multiplicities(indices)
    ours, theirs = (metrics.resample(metrics.pearson, y_test, one, weights=weights) for one in (predicted, reference))
    draws = (ours - theirs).draws
    known = np.isfinite(draws).all(axis=0)
    error = np.where(known, np.where(known, draws[1:], 0).std(axis=0, ddof=1), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * norm.sf(np.abs(draws[0]) / error)
    ends = [metrics.interval(one.draws[1:]) for one in (ours, ours - theirs)]
    columns = {
        "trait": TRAIT_NAMES,
        "value": ours.draws[0],
        "low": ends[0][0],
        "high": ends[0][1],
        "n": np.isfinite(y_test).sum(axis=0),
        "reference": theirs.draws[0],
        "difference": draws[0],
        "difference_low": ends[1][0],
        "difference_high": ends[1][1],
        "p": p,
        "p_holm": metrics.holm(p),
    }
    return pd.DataFrame(columns)


def counted(table: pd.DataFrame, column: str = "p_holm", level: float = LEVEL) -> dict[str, int]:
    """How many traits of `paired_traits` are "better", "worse" or "neither" by a column of p-values."""
    found, ahead = table[column] < level, table["difference"] > 0
    counts = {"better": int((found & ahead).sum()), "worse": int((found & ~ahead).sum())}
    return counts | {"neither": len(table) - sum(counts.values())}
