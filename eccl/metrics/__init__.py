"""Statistics of predictions and their intervals, numpy alone."""

from eccl.metrics.bootstrap import (
    LEVEL,
    Estimate,
    Resampled,
    Statistic,
    bootstrap_indices,
    estimate,
    interval,
    multiplicities,
    resample,
)
from eccl.metrics.calibration import CalibrationBin, brier, calibration_curve, proportion
from eccl.metrics.ranking import median_rank, ranks, recall_at
from eccl.metrics.statistics import auprc, auroc, defined_mean, mean, pearson, r_squared

__all__ = [
    "LEVEL",
    "CalibrationBin",
    "Estimate",
    "Resampled",
    "Statistic",
    "auprc",
    "auroc",
    "bootstrap_indices",
    "brier",
    "calibration_curve",
    "defined_mean",
    "estimate",
    "interval",
    "mean",
    "median_rank",
    "multiplicities",
    "pearson",
    "proportion",
    "r_squared",
    "ranks",
    "recall_at",
    "resample",
]
