"""What predicted risks are worth to whoever acts on them: calibration, operating points and decision curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.evaluation.rows import Row, check_rows, table_of
from eccl.metrics import Estimate, Resampled
from eccl.traits import DIAGNOSES

if TYPE_CHECKING:
    import pandas as pd

TREAT_ALL = Row("all", "none")
THRESHOLDS = tuple(np.round(np.arange(0.02, 0.51, 0.02), 2).tolist())  # of a decision curve
SENSITIVITY = 0.9  # that a threshold reaches on validation
DRAWS = 500  # of labels from the predicted risks
NONE = Estimate(np.nan, np.nan, np.nan, 0)


def calibration_scores(
    probabilities: Mapping[Row, np.ndarray], y_test: np.ndarray, indices: np.ndarray, seed: int = 0
) -> pd.DataFrame:
    """Brier score and expected calibration error of each row and diagnosis, beside what chance alone would leave.

    In bins of a finite sample no calibration error is 0, and in a bootstrap replicate it is larger still. So its
    interval is turned about the value (the basic bootstrap), and beside it stands that of risks that are exactly right.

    Parameters
    ----------
    probabilities : mapping of Row to ndarray, shape (n, 4)
    y_test : ndarray of 0 and 1, shape (n, 4)
    indices : ndarray, shape (R, n)
    seed : int
        Of the labels that are drawn for `chance`.

    Returns
    -------
    DataFrame
        method, protocol, seed, diagnosis, metric ("Brier", "ECE"), value, low, high, n, cases, chance (the mean over
        labels that are drawn from the probabilities themselves).

    References
    ----------
    Naeini et al., AAAI 2015; Bröcker and Smith, Weather Forecast 2007 (labels drawn from the forecast).
    """
    check_rows(probabilities)
    weights, entries = metrics.multiplicities(indices), []
    for row, p in probabilities.items():
        for code, labels, risk in _columns(y_test, p):
            drawn = np.random.default_rng(seed).random((DRAWS, len(risk))) < risk
            for metric, statistic in (("Brier", metrics.brier), ("ECE", metrics.calibration_error)):
                score = metrics.resample(statistic, labels, risk, weights=weights)
                value = score.estimate(len(labels)) if metric == "Brier" else _turned(score, len(labels))
                chance = np.mean([statistic(sample, risk) for sample in drawn])
                what = {"diagnosis": code, "metric": metric, **value.as_columns()}
                entries.append({**row._asdict(), **what, "cases": int(labels.sum()), "chance": chance})
    return table_of(entries)


def _columns(y: np.ndarray, p: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    return zip(DIAGNOSES, np.asarray(y, float).T, np.asarray(p, float).T)


def _turned(score: Resampled, n: int) -> Estimate:
    """The basic interval of an error, which cannot be negative: as far below the value as replicates lie above it."""
    value = float(score.draws[0])
    low, high = metrics.interval(score.draws[1:])
    return Estimate(value, max(2 * value - float(high), 0.0), max(2 * value - float(low), value), n)


def operating_points(
    probabilities: np.ndarray,
    y_test: np.ndarray,
    indices: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    prevalence: Mapping[str, float],
    least_sensitivity: float = SENSITIVITY,
) -> pd.DataFrame:
    """What the highest threshold does on test that finds enough of the cases of validation, for each diagnosis.

    Parameters
    ----------
    probabilities, y_test : ndarray, shape (n, 4)
        Of the test participants.
    indices : ndarray, shape (R, n)
    validation : pair of ndarray, shape (m, 4)
        Probabilities and labels of the validation participants.
    prevalence : mapping of str to float
        By code, where the threshold is to be used; a code that is not in it has no such predictive value.
    least_sensitivity : float
        On validation, above 0 and at most 1.

    Returns
    -------
    DataFrame
        diagnosis, threshold, metric ("sensitivity", "specificity", "PPV", "NPV", and "PPV elsewhere": at `prevalence`),
        value, low, high, n, cases. All nan of a diagnosis that nobody in validation has. The intervals are those of the
        test participants at this threshold.
    """
    import pandas as pd

    weights, entries = metrics.multiplicities(indices), []
    for (code, labels, risk), (_, known, seen) in zip(_columns(y_test, probabilities), _columns(*validation[::-1])):
        threshold = metrics.threshold_of(known, seen, least_sensitivity) if known.any() else np.nan
        picked = (risk >= threshold).astype(float)
        for metric, statistic in _point(prevalence.get(code)).items():
            value = metrics.resample(statistic, labels, picked, weights=weights).estimate(len(labels))
            what = {"diagnosis": code, "threshold": threshold, "metric": metric}
            found = (value if known.any() else NONE).as_columns() | {"n": len(labels), "cases": int(labels.sum())}
            entries.append(what | found)
    return pd.DataFrame(entries)


def _point(prevalence: float | None) -> dict[str, metrics.Statistic]:
    """The statistics of an operating point, of labels and of who is picked."""
    found = {
        "sensitivity": metrics.sensitivity,
        "specificity": metrics.specificity,
        "PPV": metrics.predictive_value,
        "NPV": metrics.negative_predictive_value,
    }
    if prevalence is not None:
        found["PPV elsewhere"] = partial(metrics.predictive_value, prevalence=prevalence)
    return found


def decision_table(
    probabilities: Mapping[Row, np.ndarray],
    y_test: np.ndarray,
    indices: np.ndarray,
    reference: Row | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Net benefit of acting on each row's risk, and of treating everybody, at each threshold and for each diagnosis.

    Parameters
    ----------
    probabilities : mapping of Row to ndarray, shape (n, 4)
    y_test : ndarray of 0 and 1, shape (n, 4)
    indices : ndarray, shape (R, n)
    reference : Row, optional
        What paired differences are taken to; `TREAT_ALL` is one.
    thresholds : sequence of float
        Of risk, above 0 and below 1.

    Returns
    -------
    DataFrame
        method ("all" treats everybody), protocol, seed, diagnosis, threshold, value, low, high, n; with a reference:
        difference, difference_low, difference_high. Treating nobody has 0 throughout.

    References
    ----------
    Vickers and Elkin, Med Decis Making 2006.
    """
    rows = {**probabilities, TREAT_ALL: np.ones_like(np.asarray(y_test, float))}
    check_rows(rows, reference)
    weights, n, entries = metrics.multiplicities(indices), len(y_test), []
    for k, code in enumerate(DIAGNOSES):
        for threshold in thresholds:
            statistic = partial(metrics.net_benefit, threshold=threshold)
            scores = {
                row: metrics.resample(statistic, y_test[:, k], p[:, k], weights=weights) for row, p in rows.items()
            }
            for row, score in scores.items():
                entry = {**row._asdict(), "diagnosis": code, "threshold": threshold, **score.estimate(n).as_columns()}
                if reference is not None:
                    entry |= (score - scores[reference]).estimate(n).as_columns("difference")
                entries.append(entry)
    return table_of(entries)
