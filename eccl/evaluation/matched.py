"""Retrieval among look-alikes: in a gallery of people of like heart rate, sex and size, is the own heart still found?

In the whole gallery a partner can be told from others by what is no shape of the heart: a fast rate, a large body. Here
the gallery of each query is the participants nearest to it in these, so that they no longer tell people apart as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.data.split import Split
from eccl.evaluation.probes import fit_traits
from eccl.evaluation.retrieval import CHANCE
from eccl.evaluation.rows import Row, check_rows, table_of
from eccl.metrics import Estimate

if TYPE_CHECKING:
    import pandas as pd

NEAREST = 50  # participants in a gallery, with the partner
GALLERIES = ("drawn at random", "matched")


def nearest(covariates: np.ndarray, k: int = NEAREST) -> np.ndarray:
    """Rows of the k participants nearest to each in standardised covariates, itself first: (n, k) int.

    Parameters
    ----------
    covariates : ndarray, shape (n, C)
        Such as heart rate, sex, height and weight; a missing one is taken as the mean.
    k : int
        At most n.

    Raises
    ------
    ValueError
        If k is not from 1 to n.
    """
    values = np.asarray(covariates, float)
    if not 1 <= k <= len(values):
        raise ValueError(f"a gallery of {k} of {len(values)} participants; it is at least 1, and at most all of them")
    spread = np.nanstd(values, axis=0)
    z = np.nan_to_num((values - np.nanmean(values, axis=0)) / np.where(spread > 0, spread, 1))
    distance = np.linalg.norm(z[:, None] - z[None], axis=-1)
    np.fill_diagonal(distance, -1.0)  # itself first, also among those who are alike in everything
    return np.argsort(distance, axis=1, kind="stable")[:, :k]


def gallery_ranks(similarity: np.ndarray, galleries: np.ndarray) -> np.ndarray:
    """Rank (n,) of each query's own partner in its gallery (n, k), of whom it is the first; a tie counts one half.

    Parameters
    ----------
    similarity : ndarray, shape (n, n)
        Of queries (rows) to all participants.
    galleries : ndarray of int, shape (n, k)
        Of `nearest`.
    """
    within = np.take_along_axis(similarity, galleries, axis=1)
    return metrics.ranks(within, np.zeros(len(within), int))


def found_by_chance_of_gallery(rank: np.ndarray, n: int, k: int, size: int) -> np.ndarray:
    """Chance (n,) that a partner of this rank among all n is among the first k of a gallery drawn at random.

    The gallery has `size` members, the partner and others of whom each is as likely: the better ones in it are
    hypergeometric, so nothing need be drawn.
    """
    from scipy.stats import hypergeom

    return hypergeom.cdf(k - 1, n - 1, np.round(rank - 1), size - 1)


def rate_similarity(rate: np.ndarray, h_cmr: np.ndarray, split: Split) -> np.ndarray:
    """Likeness (n, n) of test ECGs (rows) and cines by heart rate alone: less, the farther apart their rates are.

    The frames of a packed cine are of one beat, however long it was. So the rate of a cine is what a ridge regression
    from its features says, fitted on training participants and chosen on validation.

    Parameters
    ----------
    rate : ndarray, shape (N,)
        Measured on the ECG of everyone, bpm; a missing one is taken as the mean of training.
    h_cmr : ndarray, shape (N, D)
        Features of everyone's cine.
    split : Split
    """
    known = np.where(np.isfinite(rate), rate, np.nanmean(rate[split.train]))
    y, (train, chosen) = known[:, None], (split.train, split.validation)
    probe = fit_traits(h_cmr[train], y[train], h_cmr[chosen], y[chosen])
    return -np.abs(known[split.test][:, None] - probe.predict(h_cmr[split.test])[:, 0])


def matched_retrieval(
    similarities: Mapping[Row, np.ndarray],
    covariates: np.ndarray,
    indices: np.ndarray,
    size: int = NEAREST,
    ks: Sequence[int] = (1, 10),
) -> pd.DataFrame:
    """Recall at k in galleries of one size: drawn at random, and matched to the query; with chance.

    Parameters
    ----------
    similarities : mapping of Row to ndarray, shape (n, n)
        Of each ECG (row) to each cine.
    covariates : ndarray, shape (n, C)
        By which galleries are matched.
    indices : ndarray, shape (R, n)
        Bootstrap index sets of queries; galleries stay.
    size : int
        Participants in a gallery, at most n.
    ks : sequence of int

    Returns
    -------
    DataFrame
        method, protocol, seed, gallery, metric, value, low, high, n; of a matched gallery also difference,
        difference_low, difference_high: less that of a random one, paired. Rows of the method "chance" come last.
    """
    check_rows(similarities)
    weights, n, entries = metrics.multiplicities(indices), len(covariates), []
    galleries = nearest(covariates, size)
    for row, similarity in similarities.items():
        whole, within = metrics.ranks(similarity), gallery_ranks(similarity, galleries)
        for k in ks:
            hits = (found_by_chance_of_gallery(whole, n, k, size), (within <= k).astype(float))
            scores = [metrics.resample(metrics.mean, hit, weights=weights) for hit in hits]
            for gallery, score in zip(GALLERIES, scores):
                what = {"gallery": gallery, "metric": f"recall at {k}", **score.estimate(n).as_columns()}
                entries.append({**row._asdict(), **what})
            entries[-1] |= (scores[1] - scores[0]).estimate(n).as_columns("difference")
    for gallery in GALLERIES:
        for k in ks:
            chance = min(k / size, 1.0)
            exact = Estimate(chance, chance, chance, n).as_columns()
            entries.append({**CHANCE._asdict(), "gallery": gallery, "metric": f"recall at {k}", **exact})
    return table_of(entries)
