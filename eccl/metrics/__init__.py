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
from eccl.metrics.calibration import CalibrationBin, brier, calibration_curve, calibration_error, proportion
from eccl.metrics.decisions import (
    negative_predictive_value,
    net_benefit,
    predictive_value,
    sensitivity,
    specificity,
    threshold_of,
)
from eccl.metrics.multiplicity import holm
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
    "calibration_error",
    "defined_mean",
    "estimate",
    "holm",
    "interval",
    "mean",
    "median_rank",
    "multiplicities",
    "negative_predictive_value",
    "net_benefit",
    "pearson",
    "predictive_value",
    "proportion",
    "r_squared",
    "ranks",
    "recall_at",
    "resample",
    "sensitivity",
    "specificity",
    "threshold_of",
]
