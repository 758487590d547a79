"""Figures for whoever acts on a prediction: whether it is worth it, for whom, and where to leave it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eccl.evaluation.rows import rows_of
from eccl.plots.style import BLUE, GRID, INK, LINE, MUTED, legend_above, looks, new_figure, of_rows, style
from eccl.traits import DIAGNOSIS_NAMES


def decision_curves(table: pd.DataFrame) -> Figure:
    """Net benefit of acting on each row's risk by the threshold, with 95 % bands, one panel for each diagnosis.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.decisions.decision_table`. The line at 0 treats nobody.
    """
    keys = rows_of(table)
    with style():
        figure, axes = new_figure(5.4, 2, 2)
        for panel, diagnosis in zip(axes.flat, DIAGNOSIS_NAMES):
            here = (table["diagnosis"] == diagnosis.code).to_numpy()
            for one, (label, colour) in looks(keys).items():
                curve = table[here & np.array([key == one for key in keys])]
                panel.plot(curve["threshold"], curve["value"], color=colour, label=label)
                panel.fill_between(
                    curve["threshold"], curve["low"], curve["high"], color=colour, alpha=0.15, linewidth=0
                )
            panel.axhline(0, color=LINE, linewidth=0.8, linestyle="--", label="treat nobody")
            top = np.nanmax(table.loc[here, "high"])
            panel.set(xlabel="threshold of risk", ylabel="net benefit", ylim=(-0.4 * top, 1.05 * top))
            panel.set_title(f"{diagnosis.code}: {diagnosis.label}")
        legend_above(figure, axes[0, 0])
    return figure


def risk_coverage(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Mean error of those who are answered by their share, with its 95 % band, one panel for each quantity.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Of `evaluation.abstention.risk_coverage`, by the error and its unit. Dashed is everyone's error, which sending
        people away at random would keep; dotted the least that any order reaches.
    """
    with style():
        figure, axes = new_figure(3.0, 1, len(tables))
        for panel, (error, table) in zip(axes.flat, tables.items()):
            share = 100 * table["coverage"]
            panel.plot(share, table["value"], color=BLUE, label="the surest first")
            panel.fill_between(share, table["low"], table["high"], color=BLUE, alpha=0.2, linewidth=0)
            whole = table.loc[table["coverage"].idxmax(), "value"]
            panel.axhline(whole, color=MUTED, linestyle="--", linewidth=1, label="at random")
            panel.plot(share, table["best"], color=INK, linestyle=":", label="the smallest errors first")
            panel.set(xlabel="participants who are answered (%)", ylabel=error, ylim=(0, None))
        legend_above(figure, axes[0, 0])
    return figure


def subgroup_panels(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Each subgroup's value with its 95 % interval and n, one panel for each quantity; a line at everyone's value.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Of `evaluation.subgroups`, by what the values are; all of the same subgroups.
    """
    first = next(iter(tables.values()))
    changes = np.flatnonzero(first["factor"].to_numpy()[1:] != first["factor"].to_numpy()[:-1])
    with style():
        figure, axes = new_figure(0.8 + 0.25 * len(first), 1, len(tables), sharey=True)
        for panel, (quantity, table) in zip(axes.flat, tables.items()):
            places = np.arange(len(table))
            panel.axvline(table["value"].iloc[0], color=MUTED, linewidth=1, linestyle="--")
            panel.hlines(places, table["low"], table["high"], color=BLUE, linewidth=2)
            panel.plot(table["value"], places, "o", color=BLUE, markersize=5)
            for place in changes + 0.5:
                panel.axhline(place, color=GRID, linewidth=0.8)
            panel.set(xlabel=quantity, ylim=(len(table) - 0.5, -0.5))
            of_rows(panel)
        axes[0, 0].set_yticks(places, [f"{name} ({n})" for name, n in zip(first["subgroup"], first["n"])])
    return figure
