"""Statistics of predictions and their intervals, numpy alone."""

from eccl.metrics.bootstrap import (
    LEVEL,
    Estimate,
    Statistic,
    bootstrap_indices,
    estimate,
    estimates,
    interval,
    multiplicities,
    paired_difference,
    replicate,
    summarise,
)
from eccl.metrics.calibration import CalibrationBin, brier, calibration_curve, proportion
from eccl.metrics.ranking import median_rank, ranks, recall_at, recall_at_k
from eccl.metrics.statistics import auprc, auroc, defined_mean, mean, pearson, r_squared

__all__ = [
    "LEVEL",
    "CalibrationBin",
    "Estimate",
    "Statistic",
    "auprc",
    "auroc",
    "bootstrap_indices",
    "brier",
    "calibration_curve",
    "defined_mean",
    "estimate",
    "estimates",
    "interval",
    "mean",
    "median_rank",
    "multiplicities",
    "paired_difference",
    "pearson",
    "proportion",
    "r_squared",
    "ranks",
    "recall_at",
    "recall_at_k",
    "replicate",
    "summarise",
]
