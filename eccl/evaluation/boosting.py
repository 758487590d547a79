"""Gradient boosted trees from a table: the strongest baseline of measurements, and the ceiling of a simulation.

Trees are fitted on training participants, and their number is chosen on validation, for each trait or diagnosis apart.
A table may hold nan and text: trees split on what is missing, and text becomes codes in alphabetical order.

References
----------
Friedman, Annals of Statistics 2001 (gradient boosting); Ke et al., NeurIPS 2017 (histograms).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.evaluation.baselines import measurement_features, numeric
from eccl.evaluation.probes import fit_traits, log_loss

if TYPE_CHECKING:
    import pandas as pd

TREES = 120  # at most, of one trait or diagnosis


def boosted_traits(
    table: pd.DataFrame, traits: np.ndarray, split: Split, seed: int, workers: int = -1, trees: int = TREES
) -> np.ndarray:
    """Traits of the test split from a table, shape (n_test, K): a ridge regression, then trees on what it leaves.

    Parameters
    ----------
    table : DataFrame
        One row a participant.
    traits : ndarray, shape (N, K)
        In their units; may hold nan, which becomes the training mean.
    split : Split
        Its training participants are those whose traits are known.
    seed : int
        Of the columns that each split of a tree may see.
    workers : int
        Processes, as in joblib; -1 is all cores.
    trees : int
        Most of one trait.
    """
    parts = (split.train, split.validation, split.test)
    scaler = Scaler.fit(traits, split.train)
    z = scaler.transform(traits)
    filled = measurement_features(table, split.train)
    ridge = fit_traits(filled[split.train], z[split.train], filled[split.validation], z[split.validation])
    linear = [ridge.predict(filled[part]) for part in parts]
    left = [z[part] - line for part, line in zip(parts, linear)]
    x = [numeric(table)[part] for part in parts]

    def added(k: int) -> np.ndarray:
        model = _trees("HistGradientBoostingRegressor", len(x[0]), seed, trees).fit(x[0], left[0][:, k])
        return _stopped(
            model.staged_predict, x, lambda values: np.mean((left[1][:, k] - values) ** 2), np.zeros(len(x[2]))
        )

    return scaler.inverse(linear[2] + _each(added, traits.shape[1], workers))


def boosted_diagnoses(
    table: pd.DataFrame, diagnoses: np.ndarray, split: Split, seed: int, trees: int = TREES
) -> np.ndarray:
    """Probabilities of the diagnoses in the test split from a table, shape (n_test, K), by trees alone.

    A diagnosis that nobody (or everybody) in training has gets its training prevalence, and so does one of which not
    even one tree helps on validation.

    Parameters
    ----------
    diagnoses : ndarray of 0 and 1, shape (N, K)
    table, split, seed, trees
        As in `boosted_traits`.
    """
    x = [numeric(table)[part] for part in (split.train, split.validation, split.test)]

    def risk(k: int) -> np.ndarray:
        known, wanted = diagnoses[split.train, k], diagnoses[split.validation, k]
        prevalence = np.full(len(x[2]), known.mean())
        if known.min() == known.max():
            return prevalence
        model = _trees("HistGradientBoostingClassifier", len(x[0]), seed, trees).fit(x[0], known)
        return _stopped(
            lambda rows: (p[:, 1] for p in model.staged_predict_proba(rows)),
            x,
            lambda values: log_loss(wanted, values),
            prevalence,
        )

    return _each(risk, diagnoses.shape[1], workers=1)  # four, in less time than processes take to start


def _each(column: Callable[[int], np.ndarray], count: int, workers: int) -> np.ndarray:
    """The columns 0 to count - 1, side by side."""
    from joblib import Parallel, delayed

    return np.column_stack(Parallel(n_jobs=workers)(delayed(column)(k) for k in range(count)))


def _trees(name: str, count: int, seed: int, trees: int) -> Any:
    """Boosted trees of scikit-learn for so many training participants, not fitted."""
    from sklearn import ensemble

    return getattr(ensemble, name)(
        learning_rate=0.04,
        max_iter=trees,
        max_leaf_nodes=8,
        min_samples_leaf=min(20, max(1, count // 4)),
        l2_regularization=5.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )


def _stopped(
    staged: Callable[[np.ndarray], Iterable[np.ndarray]],
    x: list[np.ndarray],
    loss: Callable[[np.ndarray], float],
    without: np.ndarray,
) -> np.ndarray:
    """Predictions of the test split after as many trees as validation prefers; `without` where it prefers none."""
    losses = [loss(values) for values in staged(x[1])]
    best = int(np.argmin(losses))
    if losses[best] >= loss(np.full(len(x[1]), without[0])):
        return without
    return next(islice(staged(x[2]), best, None))
