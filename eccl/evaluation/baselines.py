"""What needs no encoder: the mean of the labels, and classical measurements as features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from eccl.data.split import Split


def baseline(y_train: np.ndarray, n: int) -> np.ndarray:
    """The prediction without any input: each column's training mean (of a diagnosis: its prevalence), shape (n, K)."""
    return np.tile(np.nanmean(np.asarray(y_train, float), axis=0), (n, 1))


def measurement_features(measurements: pd.DataFrame, train: np.ndarray) -> np.ndarray:
    """Classical measurements as complete features (N, M + gaps): training median where absent, and a flag that it was.

    That a measurement is absent can be the finding: in atrial fibrillation there is no P wave to measure.
    """
    values = numeric(measurements)
    known = np.isfinite(values)
    medians = [np.median(column[seen]) if seen.any() else 0.0 for column, seen in zip(values[train].T, known[train].T)]
    return np.column_stack([np.where(known, values, medians), ~known[:, ~known.all(axis=0)]])


def measurement_baseline(
    measurements: pd.DataFrame, labels: np.ndarray, split: Split, probe: Callable[..., np.ndarray]
) -> np.ndarray:
    """Predictions of the test split from classical ECG measurements, by one of the two probes.

    Parameters
    ----------
    measurements : DataFrame
        One row a participant, one column a measurement (`eccl.data.measure.ecg.measure_ecg`); may hold nan.
    labels : ndarray, shape (N, K)
        Traits or diagnoses.
    split : Split
    probe : callable
        `probe_traits` or `probe_diagnoses`.
    """
    x = measurement_features(measurements, split.train)
    fitted = (x[split.train], labels[split.train], x[split.validation], labels[split.validation])
    return probe(*fitted, x[split.test])


def numeric(table: pd.DataFrame) -> np.ndarray:
    """Columns as floats; text becomes codes in alphabetical order."""
    columns = [
        column.to_numpy(float) if pd.api.types.is_numeric_dtype(column) else column.astype("category").cat.codes
        for _, column in table.items()
    ]
    return np.column_stack(columns).astype(float)
