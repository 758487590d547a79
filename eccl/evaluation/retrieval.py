"""Retrieval between the modalities: does an ECG find its own heart among all, and a heart its ECG?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.evaluation.rows import Row, check_rows, table_of
from eccl.metrics import Estimate

if TYPE_CHECKING:
    import pandas as pd

DIRECTIONS = ("ECG to CMR", "CMR to ECG")
CHANCE = Row("chance", "none")


def retrieval_ranks(z_ecg: np.ndarray, z_cmr: np.ndarray, chunk: int = 1024) -> dict[str, np.ndarray]:
    """Rank of each participant's own partner by cosine similarity among all participants, for both directions.

    Parameters
    ----------
    z_ecg, z_cmr : ndarray, shape (n, D)
        Row i of both is the same participant.
    chunk : int
        Queries compared at a time; the full similarity matrix is never held.
    """
    if z_ecg.shape != z_cmr.shape:
        raise ValueError(f"z_ecg of shape {z_ecg.shape} and z_cmr of shape {z_cmr.shape}; they must be the same")
    ecg, cmr = unit_rows(z_ecg), unit_rows(z_cmr)
    return {DIRECTIONS[0]: _ranks(ecg, cmr, chunk), DIRECTIONS[1]: _ranks(cmr, ecg, chunk)}


def unit_rows(z: np.ndarray) -> np.ndarray:
    """Rows (n, D) at length 1; one of zeros stays."""
    z = np.asarray(z, float)
    return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)


def _ranks(query: np.ndarray, gallery: np.ndarray, chunk: int) -> np.ndarray:
    starts = range(0, len(query), chunk)
    return np.concatenate(
        [
            metrics.ranks(query[start : start + chunk] @ gallery.T, np.arange(start, min(start + chunk, len(query))))
            for start in starts
        ]
    )


def retrieval(
    z_ecg: np.ndarray,
    z_cmr: np.ndarray,
    indices: np.ndarray,
    row: Row,
    ks: Sequence[int] = (1, 5, 10),
) -> pd.DataFrame:
    """Recall at k and median rank in both directions, with intervals, beside chance.

    The gallery stays whole: ranks are computed once among all n participants, and the bootstrap draws queries. To
    draw the gallery too would put doubles of the partner into it and change the task, whose difficulty is its size.

    Parameters
    ----------
    z_ecg, z_cmr : ndarray, shape (n, D)
        Row i of both is the same participant.
    indices : ndarray, shape (R, n)
    row : Row
        Whose embeddings they are, such as `Row("eccl", "retrieval")`.
    ks : sequence of int

    Returns
    -------
    DataFrame
        method, protocol, seed, direction, metric, value, low, high, n. Rows of the method "chance" come last and are
        exact: k / n, and (n + 1) / 2.
    """
    check_rows([row])
    n = len(z_ecg)
    scores = {f"recall at {k}": (partial(metrics.recall_at, k=k), min(k / n, 1.0)) for k in ks}
    scores["median rank"] = (metrics.median_rank, (n + 1) / 2)
    ours, chances = [], []
    for direction, rank in retrieval_ranks(z_ecg, z_cmr).items():
        for metric, (statistic, chance) in scores.items():
            what = {"direction": direction, "metric": metric}
            ours.append({**row._asdict(), **what, **metrics.estimate(statistic, rank, indices=indices).as_columns()})
            chances.append({**CHANCE._asdict(), **what, **Estimate(chance, chance, chance, n).as_columns()})
    return table_of(ours + chances)


def pair_cosine(z_ecg: np.ndarray, z_cmr: np.ndarray, indices: np.ndarray) -> Estimate:
    """The mean cosine of true pairs less that of shuffled ones: 0 where a pair is no more alike than any two people.

    Each participant's pair is set against all wrong pairs that the ECG or the image is in; the bootstrap draws
    participants, against galleries that stay whole.

    Parameters
    ----------
    z_ecg, z_cmr : ndarray, shape (n, D)
        Row i of both is the same participant.
    indices : ndarray, shape (R, n)
    """
    ecg, cmr = unit_rows(z_ecg), unit_rows(z_cmr)
    own, n = (ecg * cmr).sum(axis=1), len(ecg)
    sums = ecg @ cmr.sum(axis=0) + cmr @ ecg.sum(axis=0)
    return metrics.estimate(metrics.mean, own - (sums - 2 * own) / (2 * (n - 1)), indices=indices)
