"""What the embeddings are worth: retrieval between the modalities, and tables of Estimates for traits and diagnoses.

Every function scores predictions of the test split with bootstrap index sets (`metrics.bootstrap_indices`) that all
models share, so that their differences are paired. The predictions come from `eccl.evaluation.probes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from eccl import metrics
from eccl.metrics import Statistic
from eccl.traits import DIAGNOSES, GROUPS, TRAITS


def trait_table(
    predictions: Mapping[str, np.ndarray],
    y_test: np.ndarray,
    indices: np.ndarray,
    *,
    by: str = "group",
    reference: str | None = None,
    ceiling: np.ndarray | None = None,
    statistic: Statistic = metrics.pearson,
) -> pd.DataFrame:
    """How well each model predicts the traits, with intervals, paired differences and the share of the ceiling.

    Parameters
    ----------
    predictions : mapping of str to ndarray, shape (n, 82)
        Test predictions of each model.
    y_test : ndarray, shape (n, 82)
        May hold nan; those participants are left out of that trait.
    indices : ndarray, shape (R, n)
    by : str
        "group": one row for "all traits" and one for each group, the mean of the traits' values where defined;
        "trait": one row a trait.
    reference : str, optional
        The model that differences are taken to.
    ceiling : ndarray, shape (n, 82), optional
        Predictions of `trait_ceiling`; adds the share of its value that the model reaches, where that value's
        interval lies above 0.
    statistic : callable
        Of truth and prediction (n, K) and, if given, `weights` (R, n), to (K,) or (R, K), as `metrics.pearson` and
        `metrics.r_squared`; the column `metric` has its name. A constant prediction has no r (nan), an R2 of about 0.

    Returns
    -------
    DataFrame
        model, group or trait, metric, value, low, high, n; with a ceiling: ceiling, share, share_low, share_high;
        with a reference: difference, difference_low, difference_high.
    """
    if reference is not None and reference not in predictions:
        raise ValueError(f"no predictions of the reference {reference!r}; there are {', '.join(predictions)}")
    everything = dict(predictions) if ceiling is None else {**predictions, "_ceiling": ceiling}
    weights = metrics.multiplicities(indices)
    scores = {
        name: np.vstack([statistic(y_test, p)[None], statistic(y_test, p, weights=weights)])
        for name, p in everything.items()
    }  # row 0 is the value, the others its replicates
    called = getattr(statistic, "__name__", type(statistic).__name__)
    metric = {"pearson": "r", "r_squared": "R2"}.get(called, called)
    rows = []
    for name in predictions:
        for label, columns in _columns(by).items():
            own = metrics.defined_mean(scores[name][:, columns])
            row = {"model": name, by: label, "metric": metric}
            row |= asdict(metrics.summarise(own[0], own[1:], len(y_test)))
            if ceiling is not None:
                top = metrics.defined_mean(scores["_ceiling"][:, columns])
                row |= {"ceiling": top[0]} | _named("share", _share(own, top))
            if reference is not None:
                row |= _named("difference", own - metrics.defined_mean(scores[reference][:, columns]))
            rows.append(row)
    return pd.DataFrame(rows)


def _share(own: np.ndarray, top: np.ndarray) -> np.ndarray:
    """own / top (1 + R,); nan where the ceiling's interval holds 0, for then there is nothing to have a share of."""
    if not metrics.interval(top[1:])[0] > 0:
        return np.full(len(top), np.nan)
    return own / np.where(top > 0, top, np.nan)


def _columns(by: str) -> dict[str, list[int]]:
    if by == "trait":
        return {trait.name: [k] for k, trait in enumerate(TRAITS)}
    if by == "group":
        groups = {group: [k for k, trait in enumerate(TRAITS) if trait.group == group] for group in GROUPS}
        return {"all traits": list(range(len(TRAITS))), **groups}
    raise ValueError(f'by is "group" or "trait", got {by!r}')


def _named(prefix: str, values: np.ndarray) -> dict[str, float]:
    """value, low and high of a statistic (row 0 the value, the others replicates) under one prefix."""
    result = metrics.summarise(values[0], values[1:], len(values))
    return {prefix: result.value, f"{prefix}_low": result.low, f"{prefix}_high": result.high}


DIAGNOSIS_METRICS: dict[str, Statistic] = {"AUROC": metrics.auroc, "AUPRC": metrics.auprc, "Brier": metrics.brier}


def diagnosis_table(
    probabilities: Mapping[str, np.ndarray],
    y_test: np.ndarray,
    indices: np.ndarray,
    *,
    reference: str | None = None,
) -> pd.DataFrame:
    """AUROC, AUPRC and Brier score of each model and diagnosis, with intervals and paired differences.

    Parameters
    ----------
    probabilities : mapping of str to ndarray, shape (n, 4)
        Test probabilities of each model; `baseline(...)` makes the row of the prevalence alone.
    y_test : ndarray of 0 and 1, shape (n, 4)
    indices : ndarray, shape (R, n)
    reference : str, optional
        The model that differences are taken to.

    Returns
    -------
    DataFrame
        model, diagnosis (a code, or "mean"), metric, value, low, high, n, cases; with a reference: difference,
        difference_low, difference_high. A diagnosis without cases in the test split is nan.
    """
    if reference is not None and reference not in probabilities:
        raise ValueError(f"no probabilities of the reference {reference!r}; there are {', '.join(probabilities)}")
    weights = metrics.multiplicities(indices)
    rows = []
    for metric, statistic in DIAGNOSIS_METRICS.items():
        scores = {name: _diagnosis_scores(statistic, y_test, p, weights) for name, p in probabilities.items()}
        for name, own in scores.items():
            for diagnosis in own:
                row = {"model": name, "diagnosis": diagnosis, "metric": metric}
                row |= asdict(metrics.summarise(own[diagnosis][0], own[diagnosis][1:], len(y_test)))
                row["cases"] = (
                    int(y_test.sum()) if diagnosis == "mean" else int(y_test[:, DIAGNOSES.index(diagnosis)].sum())
                )
                if reference is not None:
                    row |= _named("difference", own[diagnosis] - scores[reference][diagnosis])
                rows.append(row)
    return pd.DataFrame(rows)


def _diagnosis_scores(statistic: Statistic, y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Value and replicates (1 + R,) by diagnosis, and of the mean over diagnoses where defined."""
    scores = {
        code: np.r_[statistic(y[:, k], p[:, k]), statistic(y[:, k], p[:, k], weights=weights)]
        for k, code in enumerate(DIAGNOSES)
    }
    return {**scores, "mean": metrics.defined_mean(np.column_stack(list(scores.values())))}


def calibration_table(probabilities: Mapping[str, np.ndarray], y_test: np.ndarray, bins: int = 8) -> pd.DataFrame:
    """Reliability bins: model, diagnosis, predicted (mean probability), value (observed frequency), low, high, n."""
    rows = [
        {"model": name, "diagnosis": code, "predicted": part.predicted, **asdict(part.observed)}
        for name, p in probabilities.items()
        for k, code in enumerate(DIAGNOSES)
        for part in metrics.calibration_curve(y_test[:, k], p[:, k], bins)
    ]
    return pd.DataFrame(rows)
