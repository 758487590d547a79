"""Ranks of partners among all by similarity, and what they come to."""

from __future__ import annotations

import numpy as np

from eccl.metrics.bootstrap import in_replicates
from eccl.metrics.statistics import mean


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
    similar = similarity[np.arange(len(similarity)), partner][:, None]
    return 1 + (similarity > similar).sum(axis=1) + ((similarity == similar).sum(axis=1) - 1) / 2


def recall_at(rank: np.ndarray, k: int, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of queries whose partner's rank (n,) is k or better."""
    return mean((rank <= k).astype(float), weights=weights)


def median_rank(rank: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Median of the partners' ranks (n,); chance is (gallery + 1) / 2."""
    order = np.argsort(rank, kind="stable")
    ordered = np.asarray(rank, float)[order]

    def median(w: np.ndarray) -> np.ndarray:
        drawn = np.cumsum(w[:, order], axis=1)
        half = drawn[:, -1:] / 2
        return (ordered[(drawn >= half).argmax(axis=1)] + ordered[(drawn > half).argmax(axis=1)]) / 2

    return in_replicates(median)(len(order), weights)
