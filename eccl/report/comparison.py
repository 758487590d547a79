"""Rows of a kept grid as readers take them: scores with their seeds and intervals, and the terms they stand on."""

from __future__ import annotations

import pandas as pd

from eccl.evaluation.rows import rows_of
from eccl.evaluation.summary import summary
from eccl.evaluation.terms import REFERENCE
from eccl.metrics import Estimate
from eccl.plots.style import label_of


def score_table(table: pd.DataFrame, score: str, digits: int = 3, reference: str = REFERENCE) -> pd.DataFrame:
    """One line a row of methods, as text: its score, where its seeds lie, and how far it is from a reference, paired.

    Parameters
    ----------
    table : DataFrame
        Rows of a grid (`eccl.study.grid.collect`, or as they were kept), of one score, as `summary` takes them.
    score : str
        Its name, which heads the column.
    digits : int
        After the point.
    reference : str
        The method that the table's differences were taken to.

    Returns
    -------
    DataFrame
        The mean score of the seeds with its interval over the participants, as `summary` has it; the lowest and highest
        seed; the mean difference to the reference with its paired interval; in how many seeds their own interval lies
        on one side of 0; n and how many seeds. What was not compared, or is alike in all seeds, is empty there.
    """
    rows = summary(table)
    lines = []
    for row, line in zip(rows_of(rows), rows.to_dict("records")):
        seeds = table[(table["method"] == row.method) & (table["protocol"] == row.protocol)]
        lines.append(
            {
                "": label_of(row.method, row.protocol),
                score: f"{Estimate.from_row(line):.{digits}f}",
                "seeds, from and to": _span(line, digits) if line["lowest"] < line["highest"] else "",
                f"less {label_of(reference)}": difference_said(line, digits) if row.method != reference else "",
                "ahead or behind": sides_said(seeds) if row.method != reference else "",
                "seeds": line["seeds"],
                "n": int(line["n"]),
            }
        )
    return pd.DataFrame(lines).set_index("")


def _span(line: dict, digits: int) -> str:
    return f"{line['lowest']:.{digits}f} to {line['highest']:.{digits}f}"


def difference_said(one: dict, digits: int) -> str:
    """The paired difference of a row with its interval, as text; empty where none was taken."""
    if pd.isna(one.get("difference")):
        return ""
    return f"{Estimate.from_row(one, 'difference'):.{digits}f}"


def sides_said(seeds: pd.DataFrame) -> str:
    """In how many of the seeds the paired interval lies on one side of 0."""
    if "difference" not in seeds or seeds["difference"].isna().any():
        return ""
    counts = {"ahead": (seeds["difference_low"] > 0).sum(), "behind": (seeds["difference_high"] < 0).sum()}
    said = [f"{name} in {count} of {len(seeds)}" for name, count in counts.items() if count]
    return ", ".join(said) or "not distinguishable"


def ahead(table: pd.DataFrame, sign: int = 1) -> list[str]:
    """The labels of the rows whose paired interval lies above 0 (below, at sign -1) in each of their seeds."""
    rows = table.dropna(subset=["difference"])
    edge = rows["difference_low"] if sign > 0 else -rows["difference_high"]
    always = (edge > 0).groupby([rows["method"], rows["protocol"]], sort=False).all()
    return [label_of(*row) for row, every in always.items() if every]


def terms_table(table: pd.DataFrame) -> pd.DataFrame:
    """One line a method, as text: from what it learnt, in how many passes, at what rate, in what time.

    Parameters
    ----------
    table : DataFrame
        As of `score_table`. Seconds are those of the quickest seed; the first holds all learning rates that it tried,
        and is left out where there are others.
    """
    rows = table[table["protocol"] != "retrieval"].sort_values("seed", kind="stable")
    lines = []
    for method, seeds in rows.groupby("method", sort=False):
        one, later = seeds.iloc[0], seeds[seeds["seed"] > seeds["seed"].min()]
        timed = later if len(later) else seeds
        lines.append(
            {
                "": label_of(method),
                "the ECG encoder learnt from": one["labels"],
                "the image encoder had learnt from": one["labels_cmr"] if isinstance(one["labels_cmr"], str) else "",
                "passes": f"{one['passes']:.0f} of {one['passes_most']:.0f}" if one["passes"] else "",
                "learning rate": f"{one['learning_rate']:g}" if one["passes"] else "",
                "tried": ", ".join(f"{rate:g}" for rate in _rates(one)) if one["passes"] else "",
                "seconds": f"{timed['seconds_ecg'].min():.0f}" if one["passes"] else "",
            }
        )
    return pd.DataFrame(lines).set_index("")


def _rates(one: pd.Series) -> list[float]:
    import json

    return json.loads(one["learning_rates"])
