"""Diagnoses that were there at the recording, and those that came after it: two questions that one code mixes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.data.cohort import TIMINGS, Cohort
from eccl.evaluation.rows import Row, check_rows, table_of
from eccl.traits import DIAGNOSES

if TYPE_CHECKING:
    import pandas as pd


def timing_table(
    probabilities: Mapping[Row, np.ndarray], cohort: Cohort, people: np.ndarray, indices: np.ndarray
) -> pd.DataFrame:
    """AUROC of each row and diagnosis, ever recorded, prevalent and incident apart; ever alone where there is no date.

    Parameters
    ----------
    probabilities : mapping of Row to ndarray, shape (n, 4)
    cohort : Cohort
        Whose table may have the columns of days from the scan to the first record, as of UK Biobank.
    people : ndarray of int, shape (n,)
        Rows of the participants who are predicted.
    indices : ndarray, shape (R, n)

    Returns
    -------
    DataFrame
        method, protocol, seed, timing, diagnosis, value, low, high, n (of whom the answer is known), cases. Who had a
        diagnosis at the scan is at no risk of it, and left out of incident; nan where there is no case.
    """
    check_rows(probabilities)
    dated = all(f"{code}_days" in cohort.table for code in DIAGNOSES)
    weights, entries = metrics.multiplicities(indices), []
    for timing in TIMINGS if dated else TIMINGS[:1]:
        labels = cohort.diagnoses_at(timing)[people]
        for row, p in probabilities.items():
            for k, code in enumerate(DIAGNOSES):
                known = np.isfinite(labels[:, k])
                y = labels[known, k]
                score = metrics.resample(metrics.auroc, y, p[known, k], weights=weights[:, known])
                what = {"timing": timing, "diagnosis": code, **score.estimate(len(y)).as_columns()}
                entries.append({**row._asdict(), **what, "cases": int(y.sum())})
    return table_of(entries)
