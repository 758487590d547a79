"""Many tests at once: p-values that hold for all of them together."""

from __future__ import annotations

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """p-values (K,) adjusted so that among those below a level the chance of any false one is at most that level.

    It asks nothing of how the tests depend on one another. A nan is no test: it stays, and is not counted.

    References
    ----------
    Holm, Scand J Stat 1979.
    """
    p = np.asarray(p, float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(p.shape, np.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted
