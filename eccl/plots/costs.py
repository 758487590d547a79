"""Figures of what a score costs: labels, and seconds."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eccl.evaluation.rows import rows_of
from eccl.evaluation.summary import KEYS, summary
from eccl.plots.style import CYCLE, GRID, INK, legend_beside, looks, new_figure, style, with_notes

# How a setting is called on an axis, and its values.
_AMOUNTS = {
    "label_share": ("share of the training participants whose labels are known", "share"),
    "diagnosis_share": ("share of the training participants whose diagnoses are known", "share"),
    "simulation.participants": ("participants of the cohort, of whom six tenths are trained on", "count"),
}


def label_share(table: pd.DataFrame, ylabel: str, share: str = "label_share") -> Figure:
    """A score against the share of known labels, a line a method: the mean of its seeds, in a band from worst to best.

    Parameters
    ----------
    table : DataFrame
        Rows of a grid that varies the share (`eccl.study.grid.collect`), of one score: columns method, protocol, seed,
        the share, value, low, high, n.
    ylabel : str
        The score.
    share : str
        The setting that varies, such as "label_share", "diagnosis_share" or "simulation.participants".

    Raises
    ------
    ValueError
        If there are several scores, or a seed has several rows at one share.
    """
    several = [name for name in ("target", "group", "diagnosis", "metric") if name in table and _count(table[name]) > 1]
    if several:
        raise ValueError(f"the rows are of several scores, by {', '.join(several)}; choose one")
    rows = summary(table, by=() if share in KEYS else (share,))
    look = with_notes(looks(rows_of(rows)), rows)
    shares = np.sort(rows[share].unique())
    with style():
        figure, axes = new_figure(3.6)
        panel = axes[0, 0]
        for row, (label, colour) in look.items():
            mine = rows[[one == row for one in rows_of(rows)]].sort_values(share)
            x = mine[share].to_numpy(float)
            panel.fill_between(x, mine["lowest"], mine["highest"], color=colour, alpha=0.2, linewidth=0)
            panel.plot(x, mine["value"], "o-", color=colour, markersize=4, label=label)
        xlabel, kind = _AMOUNTS.get(share, (share, "count"))
        panel.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
        panel.set_xticks(shares, [f"{100 * each:g} %" if kind == "share" else f"{each:,.0f}" for each in shares])
        panel.minorticks_off()
        panel.grid(axis="y", color=GRID)
        legend_beside(panel)
    return figure


def _count(column: pd.Series) -> int:
    return column.nunique(dropna=False)


def frontier(table: pd.DataFrame, ylabel: str = "mean r on validation") -> Figure:
    """Validation r against seconds of training: a point an encoder, the mean of its seeds, lines to their extremes.

    An encoder up and to the left of another is better for less.

    Parameters
    ----------
    table : DataFrame
        Columns encoder (its name), seed, seconds (since its training began), validation_r. With a column epoch there is
        a row an epoch, and thin lines show the best that each seed had reached by then.
    ylabel : str
        The score.

    Raises
    ------
    ValueError
        If the table lacks one of the columns.
    """
    missing = [name for name in ("encoder", "seed", "seconds", "validation_r") if name not in table]
    if missing:
        raise ValueError(f"the table has no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    ordered = table.sort_values("seconds", kind="stable")
    best = ordered.assign(best=ordered.groupby(["encoder", "seed"])["validation_r"].cummax())
    with style():
        figure, axes = new_figure(3.6)
        panel = axes[0, 0]
        for (name, rows), colour in zip(best.groupby("encoder", sort=False), cycle(CYCLE)):
            if "epoch" in rows:
                for _, one in rows.groupby("seed"):
                    panel.step(one["seconds"], one["best"], where="post", color=colour, linewidth=0.7, alpha=0.5)
            _point(panel, str(name), rows.groupby("seed").tail(1), colour)
        panel.set(xlabel="seconds of training", ylabel=ylabel)
        panel.grid(color=GRID)
        legend_beside(panel)
    return figure


def _point(panel: Axes, name: str, ends: pd.DataFrame, colour: str) -> None:
    """An encoder's mean over seeds, and lines from the least to the most of both."""
    x, y = ends["seconds"], ends["best"]
    panel.hlines(y.mean(), x.min(), x.max(), color=colour, linewidth=1.5)
    panel.vlines(x.mean(), y.min(), y.max(), color=colour, linewidth=1.5)
    label = f"{name} ({len(ends)} seeds)" if len(ends) > 1 else name
    panel.plot(x.mean(), y.mean(), "o", color=colour, markersize=6, markeredgecolor=INK, label=label)
