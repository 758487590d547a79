"""What a cardiologist asks of predicted traits: how far off they are, in units, whom they find, and whom they miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.evaluation.rows import Row, check_rows, table_of
from eccl.metrics import Estimate
from eccl.traits import DIAGNOSES, TRAIT_NAMES

if TYPE_CHECKING:
    import pandas as pd

ASKED = ("lv_ef", "lv_edv", "lv_mass")
REDUCED = 40.0  # %, below which an ejection fraction is called reduced
LIMITS = 1.96  # SDs of the differences, within which 95 % of them lie if they are normal


def agreement_table(
    predictions: Mapping[Row, np.ndarray], y_test: np.ndarray, indices: np.ndarray, names: Sequence[str] = ASKED
) -> pd.DataFrame:
    """How far predicted traits are from measured ones, in their unit, of each row and trait.

    Parameters
    ----------
    predictions : mapping of Row to ndarray, shape (n, 82)
    y_test : ndarray, shape (n, 82)
        Measured; may hold nan, who is left out of that trait.
    indices : ndarray, shape (R, n)
    names : sequence of str
        Of traits.

    Returns
    -------
    DataFrame
        method, protocol, seed, trait; value, low, high (Pearson r) and n; error, error_low, error_high (mean absolute);
        bias (mean of predicted less measured), limit_low and limit_high (its 95 % limits of agreement).

    References
    ----------
    Bland and Altman, Lancet 1986.
    """
    check_rows(predictions)
    weights, entries = metrics.multiplicities(indices), []
    for name in names:
        column = TRAIT_NAMES.index(name)
        known = np.isfinite(y_test[:, column])
        truth = y_test[known, column]
        for row, predicted in predictions.items():
            values = predicted[known, column]
            difference = values - truth
            r = metrics.resample(metrics.pearson, truth, values, weights=weights[:, known]).estimate(len(truth))
            error = metrics.resample(metrics.mean, np.abs(difference), weights=weights[:, known]).estimate(len(truth))
            spread = LIMITS * difference.std(ddof=1)
            limits = {"limit_low": difference.mean() - spread, "limit_high": difference.mean() + spread}
            entry = {**row._asdict(), "trait": name, **r.as_columns(), **error.as_columns("error")}
            entries.append({**entry, "bias": difference.mean(), **limits})
    return table_of(entries)


def reduced_ejection_fraction(
    predictions: Mapping[Row, np.ndarray], y_test: np.ndarray, indices: np.ndarray, below: float = REDUCED
) -> dict[Row, Estimate]:
    """AUROC of finding a measured LV ejection fraction below a limit (%) by the predicted one, of each row.

    nan where nobody, or everybody, is below it.
    """
    check_rows(predictions)
    column = TRAIT_NAMES.index("lv_ef")
    known = np.isfinite(y_test[:, column])
    cases = (y_test[known, column] < below).astype(float)
    weights = metrics.multiplicities(indices)[:, known]
    found = {
        row: metrics.resample(metrics.auroc, cases, -predicted[known, column], weights=weights)
        for row, predicted in predictions.items()
    }
    return {row: score.estimate(int(known.sum())) for row, score in found.items()}


def missed(
    people: pd.DataFrame, measurements: pd.DataFrame, measured: np.ndarray, predicted: np.ndarray, count: int = 5
) -> pd.DataFrame:
    """Those whom a prediction misses by most, the worst first, with what might say why.

    Parameters
    ----------
    people : DataFrame
        One row a participant: participant_id, sex (0 female, 1 male), age, and codes of diagnoses (0, 1 or missing).
    measurements : DataFrame
        Classical measurements of the same people: heart_rate_bpm, rr_irregularity, qrs_duration_ms.
    measured, predicted : ndarray, shape (n,)
        One trait.
    count : int
        How many.

    Returns
    -------
    DataFrame
        participant, measured, predicted, error, sex, age, rate (bpm), rhythm, QRS (ms), codes.
    """
    import pandas as pd

    error = np.asarray(predicted, float) - np.asarray(measured, float)
    worst = np.argsort(-np.abs(np.nan_to_num(error)), kind="stable")[:count]
    lines = []
    for row in worst:
        person, ecg = people.iloc[row], measurements.iloc[row]
        irregular = ecg["rr_irregularity"]
        lines.append(
            {
                "participant": person["participant_id"],
                "measured": float(measured[row]),
                "predicted": predicted[row],
                "error": error[row],
                "sex": ("female", "male")[int(person["sex"])] if person["sex"] in (0, 1) else "",
                "age": person["age"],
                "rate": ecg["heart_rate_bpm"],
                "irregularity": irregular,
                "QRS": ecg["qrs_duration_ms"],
                "codes": ", ".join(code for code in DIAGNOSES if code in person and person[code] == 1),
            }
        )
    return pd.DataFrame(lines).set_index("participant")
