"""Tables of Estimates for traits and diagnoses: who, by which protocol, what, with intervals and paired differences.

Every function scores predictions of the test split with bootstrap index sets (`metrics.bootstrap_indices`) that all
rows share, so that their differences are paired. The predictions come from `eccl.evaluation.protocols`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.evaluation.rows import Row, check_rows, table_of
from eccl.metrics import Resampled, Statistic
from eccl.traits import DIAGNOSES, GROUPS, TRAITS

if TYPE_CHECKING:
    import pandas as pd


def trait_table(
    predictions: Mapping[Row, np.ndarray],
    y_test: np.ndarray,
    indices: np.ndarray,
    *,
    by: str = "group",
    reference: Row | None = None,
    ceiling: np.ndarray | Mapping[Row, np.ndarray] | None = None,
    statistic: Statistic = metrics.pearson,
) -> pd.DataFrame:
    """How well each row predicts the traits, with intervals, paired differences and the share of the ceiling.

    Parameters
    ----------
    predictions : mapping of Row to ndarray, shape (n, 82)
        Test predictions.
    y_test : ndarray, shape (n, 82)
        May hold nan; those participants are left out of that trait.
    indices : ndarray, shape (R, n)
    by : str
        "group": one row for "all traits" and one for each group, the mean of the traits' values where defined;
        "trait": one row a trait.
    reference : Row, optional
        The row that differences are taken to.
    ceiling : ndarray, shape (n, 82), or mapping of Row to these, optional
        Predictions from the truth, for all rows or for each; adds the share of its value that a row reaches, where
        that value's interval lies above 0.
    statistic : callable
        Of truth and prediction (n, K) and, if given, `weights` (R, n), to (K,) or (R, K), as `metrics.pearson` and
        `metrics.r_squared`; the column `metric` has its name. A constant prediction has no r (nan), an R2 of about 0.

    Returns
    -------
    DataFrame
        method, protocol, seed, group or trait, metric, value, low, high, n; with a ceiling: ceiling, share,
        share_low, share_high; with a reference: difference, difference_low, difference_high.

    Raises
    ------
    TypeError, ValueError
        If a key is no Row, there is no row, the reference is none of them, or `by` is something else.
    """
    check_rows(predictions, reference)
    weights, n = metrics.multiplicities(indices), len(y_test)
    scores = {row: metrics.resample(statistic, y_test, p, weights=weights) for row, p in predictions.items()}
    of_row = ceiling if isinstance(ceiling, Mapping) else dict.fromkeys(predictions, ceiling)
    different = {id(each): each for each in of_row.values() if each is not None}
    tops = {name: metrics.resample(statistic, y_test, each, weights=weights) for name, each in different.items()}
    called = getattr(statistic, "__name__", type(statistic).__name__)
    metric = {"pearson": "r", "r_squared": "R2"}.get(called, called)
    entries = []
    for row, score in scores.items():
        for label, columns in _columns(by).items():
            value = _mean(score, columns)
            entry = {**row._asdict(), by: label, "metric": metric, **value.estimate(n).as_columns()}
            if ceiling is not None:
                most = _mean(tops[id(of_row[row])], columns)
                entry |= {"ceiling": most.draws[0]} | _share(value, most).estimate(n).as_columns("share")
            if reference is not None:
                entry |= (value - _mean(scores[reference], columns)).estimate(n).as_columns("difference")
            entries.append(entry)
    return table_of(entries)


def _mean(score: Resampled, columns: list[int]) -> Resampled:
    return Resampled(metrics.defined_mean(score.draws[:, columns]))


def _share(value: Resampled, top: Resampled) -> Resampled:
    """value / top; nan where the ceiling's interval holds 0, for then there is nothing to have a share of."""
    if not metrics.interval(top.draws[1:])[0] > 0:
        return Resampled(np.full(len(top.draws), np.nan))
    return Resampled(value.draws / np.where(top.draws > 0, top.draws, np.nan))


def _columns(by: str) -> dict[str, list[int]]:
    if by == "trait":
        return {trait.name: [k] for k, trait in enumerate(TRAITS)}
    if by == "group":
        groups = {group: [k for k, trait in enumerate(TRAITS) if trait.group == group] for group in GROUPS}
        return {"all traits": list(range(len(TRAITS))), **groups}
    raise ValueError(f'by is "group" or "trait", got {by!r}')


DIAGNOSIS_METRICS: dict[str, Statistic] = {"AUROC": metrics.auroc, "AUPRC": metrics.auprc, "Brier": metrics.brier}


def diagnosis_table(
    probabilities: Mapping[Row, np.ndarray],
    y_test: np.ndarray,
    indices: np.ndarray,
    *,
    reference: Row | None = None,
) -> pd.DataFrame:
    """AUROC, AUPRC and Brier score of each row and diagnosis, with intervals and paired differences.

    Parameters
    ----------
    probabilities : mapping of Row to ndarray, shape (n, 4)
        Test probabilities; `baseline(...)` makes those of the prevalence alone.
    y_test : ndarray of 0 and 1, shape (n, 4)
    indices : ndarray, shape (R, n)
    reference : Row, optional
        The row that differences are taken to.

    Returns
    -------
    DataFrame
        method, protocol, seed, diagnosis (a code, or "mean"), metric, value, low, high, n, cases; with a reference:
        difference, difference_low, difference_high. A diagnosis without cases in the test split is nan.

    Raises
    ------
    TypeError, ValueError
        If a key is no Row, there is no row, or the reference is none of them.
    """
    check_rows(probabilities, reference)
    weights, n = metrics.multiplicities(indices), len(y_test)
    cases = {code: int(y_test[:, k].sum()) for k, code in enumerate(DIAGNOSES)} | {"mean": int(y_test.sum())}
    entries = []
    for metric, statistic in DIAGNOSIS_METRICS.items():
        scores = {row: _diagnosis_scores(statistic, y_test, p, weights) for row, p in probabilities.items()}
        for row, by_diagnosis in scores.items():
            for diagnosis, score in by_diagnosis.items():
                entry = {**row._asdict(), "diagnosis": diagnosis, "metric": metric, **score.estimate(n).as_columns()}
                entry["cases"] = cases[diagnosis]
                if reference is not None:
                    entry |= (score - scores[reference][diagnosis]).estimate(n).as_columns("difference")
                entries.append(entry)
    return table_of(entries)


def _diagnosis_scores(statistic: Statistic, y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, Resampled]:
    """The statistic of each diagnosis, and its mean over diagnoses where defined."""
    scores = {code: metrics.resample(statistic, y[:, k], p[:, k], weights=weights) for k, code in enumerate(DIAGNOSES)}
    together = np.column_stack([score.draws for score in scores.values()])
    return {**scores, "mean": Resampled(metrics.defined_mean(together))}


def calibration_table(probabilities: Mapping[Row, np.ndarray], y_test: np.ndarray, bins: int = 8) -> pd.DataFrame:
    """Reliability bins of probabilities (n, 4) by row and diagnosis, against labels y_test (n, 4).

    Returns
    -------
    DataFrame
        method, protocol, seed, diagnosis, predicted (mean probability), value (observed frequency), low, high, n.
    """
    check_rows(probabilities)
    entries = [
        {**row._asdict(), "diagnosis": code, "predicted": part.predicted, **part.observed.as_columns()}
        for row, p in probabilities.items()
        for k, code in enumerate(DIAGNOSES)
        for part in metrics.calibration_curve(y_test[:, k], p[:, k], bins)
    ]
    return table_of(entries)
