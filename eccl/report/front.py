"""The table of results that the front page and README.md show, from a kept grid."""

from __future__ import annotations

import numpy as np
import pandas as pd

from eccl.evaluation.summary import OVERALL, summary
from eccl.metrics import Estimate
from eccl.report.results import keep_or_read

ROWS = {
    "Random encoder": ("random", "probe"),
    "Masked autoencoder alone": ("masked_autoencoder", "probe"),
    "Classical measurements, ridge": ("measurements", "probe"),
    "Classical measurements, boosted trees": ("measurements", "boosted"),
    "Pairs alone": ("eccl_pairs", "probe"),
    "**ECCL**: pairs and trait labels": ("eccl", "probe"),
    "**Supervised**: trait labels, no pairs": ("supervised", "probe"),
}
BESIDE = {"probe": "probe_demographics", "boosted": "boosted_demographics"}  # the same, with demographics


def kept_scores() -> dict[str, pd.DataFrame]:
    """What the grid of equal terms says of traits, diagnoses and retrieval: one score each, all rows and seeds."""
    kept = keep_or_read("equal_terms")
    return {
        **{target: kept.query(f"target == '{target}' and {rows}") for target, rows in OVERALL.items()},
        "retrieval": kept.query("target == 'retrieval' and metric == 'recall at 10' and direction == 'ECG to CMR'"),
    }


def mean_of(table: pd.DataFrame, **where: str) -> Estimate:
    """The one row with these entries in the mean of its seeds, as `summary` has it."""
    rows = summary(table)
    (row,) = rows[np.logical_and.reduce([rows[name] == value for name, value in where.items()])].to_dict("records")
    return Estimate.from_row(row)


def first_seed(table: pd.DataFrame, **where: str) -> Estimate:
    """The value of the one row with these entries, in the first seed."""
    return mean_of(table[table["seed"] == table["seed"].min()], **where)


def results_table() -> str:
    """The rows as Markdown: mean r of the traits without and with demographics, and mean AUROC, with intervals."""
    of = kept_scores()
    people = int(of["traits"]["n"].iloc[0])
    lines = [
        f"| From the ECG alone, n = {people} "
        "| 82 traits, mean r | The same, with demographics | Four diagnoses, mean AUROC |",
        "| --- | --- | --- | --- |",
    ]
    for label, (method, protocol) in ROWS.items():
        lines.append(
            f"| {label} | {mean_of(of['traits'], method=method, protocol=protocol)} "
            f"| {mean_of(of['traits'], method=method, protocol=BESIDE[protocol])} "
            f"| {mean_of(of['diagnoses'], method=method, protocol=protocol)} |"
        )
    eccl = of["traits"].query("method == 'eccl'").set_index("protocol")["ceiling"]
    tops = [eccl.loc[[protocol]].iloc[0] for protocol in ("probe", "probe_demographics")]
    return "\n".join([*lines, f"| Ceiling | {tops[0]:.2f} | {tops[1]:.2f} | |"])
