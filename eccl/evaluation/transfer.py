"""What frozen features are worth on a small set of other people's ECGs: probes fitted across folds, with intervals.

A set with labels but too few cases for one split is used whole: each fold is predicted by a probe that has seen none of
it, and the predictions of all folds are scored together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from eccl import metrics
from eccl.evaluation.baselines import measurement_features
from eccl.evaluation.permutation import p_value
from eccl.evaluation.probes import LOGISTIC_STRENGTHS, fit_logistic
from eccl.evaluation.rows import Row, check_rows, table_of

INNER = 3  # groups of the other folds, by which the penalty is chosen


def cross_fitted(
    features: pd.DataFrame, labels: np.ndarray, folds: np.ndarray, strength: float | None = None
) -> np.ndarray:
    """Log-odds (n,) of everyone by logistic regressions that were fitted, and their penalty chosen, on other folds.

    They are beyond the odds of the rows that were fitted: a fold that holds many cases leaves few to the others, and
    scores of all folds together would sort it last. The penalty is that of the lowest log loss over three groups of
    the other folds; then all of them are fitted. Missing values are imputed, and features scaled, from the rows that
    are fitted.

    Parameters
    ----------
    features : DataFrame, shape (n, D)
        May hold nan.
    labels : ndarray of 0 and 1, shape (n,)
    folds : ndarray of int, shape (n,)
        A patient's recordings are all in one fold.
    strength : float, optional
        scikit-learn's C, instead of one that is chosen.

    Raises
    ------
    ValueError
        If a fold's complement has no case or no control.
    """
    labels, folds = np.asarray(labels, dtype=int), np.asarray(folds, dtype=int)
    scores = np.empty(len(labels))
    for fold in np.unique(folds):
        test, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(np.unique(labels[rest])) < 2:
            raise ValueError(f"without fold {fold} there are {labels[rest].sum()} cases of {len(rest)}; merge folds")
        chosen = _strength(features, labels, folds, rest) if strength is None else strength
        scores[test] = _log_odds(features, labels, rest, test, chosen)
    return scores


def _strength(features: pd.DataFrame, labels: np.ndarray, folds: np.ndarray, rows: np.ndarray) -> float:
    """The strength of the lowest log loss over groups of the rows' folds; the weakest where none can be fitted."""
    group = np.unique(folds[rows], return_inverse=True)[1] % INNER
    odds = np.log(labels[rows].mean() / (1 - labels[rows].mean()))
    losses = np.zeros(len(LOGISTIC_STRENGTHS))
    for number in np.unique(group):
        fitted, held = rows[group != number], rows[group == number]
        if len(np.unique(labels[fitted])) == 2:
            for place, strength in enumerate(LOGISTIC_STRENGTHS):
                wrong = (_log_odds(features, labels, fitted, held, strength) + odds) * (1 - 2 * labels[held])
                losses[place] += np.logaddexp(0, wrong).sum()
    return LOGISTIC_STRENGTHS[int(np.argmin(losses))]


def _log_odds(
    features: pd.DataFrame, labels: np.ndarray, fitted: np.ndarray, wanted: np.ndarray, strength: float
) -> np.ndarray:
    filled = measurement_features(features, fitted)
    probe = fit_logistic(filled[fitted], labels[fitted], strength, iterations=500)
    cases = labels[fitted].mean()
    return probe.log_odds(filled[wanted])[:, 0] - np.log(cases / (1 - cases))


def transfer_table(
    features: Mapping[Row, pd.DataFrame],
    labels: np.ndarray,
    folds: np.ndarray,
    patients: np.ndarray,
    reference: Row,
    replicates: int,
    seed: int,
    permutations: int = 99,
) -> pd.DataFrame:
    """AUROC of each kind of features with its interval, paired differences to one of them, and its permutation p.

    The bootstrap draws patients, with all their recordings. The control permutes the labels among patients, each with
    all of theirs, before they are fitted and scored; the labels as they are, and all permutations, are fitted at one
    penalty. p is one-sided, as in `eccl.evaluation.permutation`.

    Parameters
    ----------
    features : mapping of Row to DataFrame, shape (n, D)
    labels, folds : ndarray, shape (n,)
        As in `cross_fitted`.
    patients : ndarray, shape (n,)
        Who each recording is of.
    reference : Row
        The features that differences are taken to, and that labels are permuted for.
    replicates, seed : int
        Of the bootstrap; the seed also of the permutations.
    permutations : int
        Of the labels, for p.

    Returns
    -------
    DataFrame
        method, protocol, seed, value, low, high, n (patients), recordings, cases (recordings), difference,
        difference_low, difference_high (of the reference less the row); p and permutations of the reference.
    """
    check_rows(features, reference)
    labels = np.asarray(labels, dtype=int)
    people, who = np.unique(np.asarray(patients), return_inverse=True)
    weights = metrics.multiplicities(metrics.bootstrap_indices(len(people), replicates, seed))[:, who]
    areas = {
        row: metrics.resample(metrics.auroc, labels, cross_fitted(table, labels, folds), weights=weights)
        for row, table in features.items()
    }
    entries = []
    for row, area in areas.items():
        entry = row._asdict() | area.estimate(len(people)).as_columns()
        entry |= {"recordings": len(labels), "cases": int(labels.sum())}
        if row == reference:
            p = _permutation_p(features[row], labels, folds, who, permutations, seed)
            entry |= {"p": p, "permutations": permutations}
        else:
            entry |= (areas[reference] - area).estimate(len(people)).as_columns("difference")
        entries.append(entry)
    return table_of(entries)


def _permutation_p(
    features: pd.DataFrame, labels: np.ndarray, folds: np.ndarray, who: np.ndarray, permutations: int, seed: int
) -> float:
    """How often labels that belong to other patients (by number `who`) are told as well, at one penalty."""
    rng, middle = np.random.default_rng(seed), LOGISTIC_STRENGTHS[len(LOGISTIC_STRENGTHS) // 2]
    given = [labels, *(labels[_other_patients(who, rng)] for _ in range(permutations))]
    return p_value(np.array([metrics.auroc(each, cross_fitted(features, each, folds, middle)) for each in given]))


def _other_patients(who: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whose recording each one (n,) gets the label of: patients change places with those of as many recordings."""
    partner, counts = np.empty(len(who), dtype=int), np.bincount(who)
    order, starts = np.argsort(who, kind="stable"), np.cumsum(counts) - counts
    for count in np.unique(counts):
        blocks = order[starts[counts == count][:, None] + np.arange(count)]
        partner[blocks] = rng.permutation(blocks)
    return partner
