"""Permutation tests: the score of a probe beside those of the same probe whose labels belong to somebody else.

A single permutation points along some direction of the features, and features correlate with disease, so its score on
one test split may lie far from chance however many participants there are. What it says is in the number p alone: how
often labels that belong to somebody else do as well.

References
----------
Phipson and Smyth, Stat Appl Genet Mol Biol 2010 (p is never 0: the labels as they are count as one permutation).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.evaluation.probes import Standardiser, best_strength, ridge
from eccl.metrics import interval
from eccl.traits import DIAGNOSES

if TYPE_CHECKING:
    import pandas as pd

Columns = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of truth and prediction (n, K), to (K,)


def permutation_table(
    h: np.ndarray, labels: np.ndarray, split: Split, target: str, permutations: int, seed: int
) -> pd.DataFrame:
    """How often a probe does as well with permuted labels: the mean r of the traits, or the AUROC of each diagnosis.

    Parameters
    ----------
    h : ndarray, shape (N, D)
        Features of everyone.
    labels : ndarray, shape (N, K)
        Traits in their units, which may hold nan, or diagnoses of 0 and 1.
    split : Split
        Its training participants are those whose labels are known.
    target : "traits" or "diagnoses"
    permutations, seed : int
        How many, and of what generator.

    Returns
    -------
    DataFrame
        target ("all traits"; or the code of a diagnosis, and "mean"), metric, value (with the labels as they are), null
        (the mean over permutations), null_low, null_high (their 95 % range), p, permutations, n. p is one-sided:
        (1 + permutations that reach the value) / (1 + permutations); nan where the test split has no cases.
    """
    import pandas as pd

    traits = target == "traits"
    draws = permuted_scores(h, labels, split, metrics.pearson if traits else _aurocs, permutations, seed)
    mean = metrics.defined_mean(draws)
    columns = {"all traits": mean} if traits else {**dict(zip(DIAGNOSES, draws.T)), "mean": mean}
    facts = {"permutations": permutations, "n": len(split.test)}
    rows = [
        {"target": name, "metric": "r" if traits else "AUROC", **_beside_null(column), **facts}
        for name, column in columns.items()
    ]
    return pd.DataFrame(rows)


def permuted_scores(
    h: np.ndarray, labels: np.ndarray, split: Split, statistic: Columns, permutations: int, seed: int
) -> np.ndarray:
    """Test scores (1 + permutations, K) of a ridge regression: of the labels as they are, then of permuted ones.

    Labels change places among the training and among the validation participants; each time the regression is fitted
    anew and its penalty chosen on validation, so that nothing of the true labels is left. One decomposition of the
    features serves all. A diagnosis is regressed too: a score orders people alike, whatever its scale.
    """
    rng = np.random.default_rng(seed)
    features = Standardiser.fit(h[split.train])
    x, x_validation, x_test = (features.transform(h[part]) for part in (split.train, split.validation, split.test))
    fit, scores = ridge(x), []
    for number in range(1 + permutations):
        known, chosen = (
            labels[part if number == 0 else rng.permutation(part)] for part in (split.train, split.validation)
        )
        solve = fit(Scaler.fit(known, np.arange(len(known))).transform(known))
        best = best_strength(solve, x_validation, chosen, statistic)
        scores.append(statistic(labels[split.test], x_test @ solve(best)))
    return np.stack(scores)


def p_value(draws: np.ndarray) -> float:
    """One-sided p of the first draw, the value, among the others, its permutations; nan if it is not defined."""
    if np.isnan(draws[0]):
        return float("nan")
    return float((1 + np.sum(draws[1:] >= draws[0])) / len(draws))


def _beside_null(draws: np.ndarray) -> dict[str, float]:
    """The value, the mean and range of its permutations, and p."""
    low, high = interval(draws[1:])
    null = {"null": draws[1:].mean(), "null_low": float(low), "null_high": float(high)}
    return {"value": draws[0], **null, "p": p_value(draws)}


def _aurocs(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return np.array([metrics.auroc(y[:, k], scores[:, k]) for k in range(y.shape[1])])
