"""Figures of results: estimates with their intervals, ROC curves and calibration."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eccl.evaluation.rows import Row, rows_of
from eccl.evaluation.tables import calibration_table
from eccl.metrics import Estimate, auroc
from eccl.plots.style import (
    BLUE,
    GREEN,
    GRID,
    INK,
    LINE,
    MUTED,
    NAVY,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    VIOLET,
    legend_above,
    legend_beside,
    looks,
    new_figure,
    of_rows,
    style,
    with_notes,
)
from eccl.traits import DIAGNOSIS_NAMES, GROUPS, TRAITS, trait

GROUP_COLOURS = dict(zip(GROUPS, (VERMILION, PINK, ORANGE, VIOLET, GREEN, BLUE, SKY, NAVY), strict=True))


def forest(
    table: pd.DataFrame,
    xlabel: str,
    label: str | None = None,
    column: str = "value",
    null: float | None = None,
    digits: int = 2,
) -> Figure:
    """One row for each estimate: its value, its 95 % interval, and both in figures on the right.

    A row on other terms says so beside its name, by the column `note` of `eccl.evaluation.terms`.

    Parameters
    ----------
    table : DataFrame
        Rows from the top down; the colour is the method's where there are columns method, protocol and seed.
    xlabel : str
        The quantity and its unit.
    label : str, optional
        Column that names the rows; by default their method does.
    column : str
        The quantity, as in `Estimate.from_row`: "value", or such as "difference".
    null : float, optional
        A line at the value of no effect or of chance.
    digits : int
        After the point, in the figures.
    """
    methods = rows_of(table) if label is None or "method" in table else []
    look = with_notes(looks(methods), table) if methods else {}
    names = [look[row].label for row in methods] if label is None else table[label].astype(str)
    colours = [look[row].colour for row in methods] or [INK] * len(table)
    with style():
        figure, axes = new_figure(0.75 + 0.27 * len(table))
        panel = axes[0, 0]
        if null is not None:
            panel.axvline(null, color=MUTED, linewidth=1, linestyle="--")
        for y, ((_, row), colour) in enumerate(zip(table.iterrows(), colours)):
            estimate = Estimate.from_row(row, column)
            panel.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
            panel.plot(estimate.value, y, "o", color=colour, markersize=5)
            place = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8.5}
            panel.annotate(f"{estimate:.{digits}f}", (1.02, y), **place)
        panel.set(xlabel=xlabel, ylim=(len(table) - 0.5, -0.5))
        panel.set_yticks(range(len(table)), names)
        of_rows(panel)
    return figure


def group_bars(table: pd.DataFrame, xlabel: str = "mean Pearson r over the traits of the group") -> Figure:
    """Mean r of each group of traits and method, with 95 % intervals; a dark mark is the ceiling of the group.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.tables.trait_table(..., by="group")`.
    """
    sizes = {group: sum(trait.group == group for trait in TRAITS) for group in GROUPS}
    names = {group: f"{group} ({sizes.get(group, len(TRAITS))})" for group in table["group"]}
    return _bars(table, "group", names, xlabel, start=0.0)


def diagnosis_bars(table: pd.DataFrame, xlabel: str = "AUROC", chance: float = 0.5) -> Figure:
    """One metric of each diagnosis and method, with 95 % intervals, as bars that start at chance.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.tables.diagnosis_table`, the rows of one metric.
    xlabel : str
        The metric.
    chance : float
        Its value without information.
    """
    names = {diagnosis.code: f"{diagnosis.code}\n{textwrap.fill(diagnosis.label, 22)}" for diagnosis in DIAGNOSIS_NAMES}
    return _bars(table, "diagnosis", {**names, "mean": "mean"}, xlabel, start=chance)


def _bars(table: pd.DataFrame, by: str, names: Mapping[str, str], xlabel: str, start: float) -> Figure:
    """Groups of horizontal bars, one bar a row of methods, from `start` to the value, with its interval."""
    keys, groups = rows_of(table), list(dict.fromkeys(table[by]))
    look = with_notes(looks(keys), table)
    width, centres = 0.8 / len(look), np.arange(len(groups))
    with style():
        figure, axes = new_figure(0.8 + len(groups) * max(0.5, 0.18 + 0.1 * len(look)))
        panel = axes[0, 0]
        for place, (one, (label, colour)) in enumerate(look.items()):
            rows = table[[key == one for key in keys]].set_index(by).loc[groups]
            y = centres - 0.4 + width * (place + 0.5)
            panel.barh(y, rows["value"] - start, width * 0.92, left=start, color=colour, label=label)
            panel.hlines(y, rows["low"], rows["high"], color=INK, linewidth=0.9)
            if "ceiling" in rows:  # that of the row, which may see demographics
                named = "ceiling" if place == len(look) - 1 else None
                panel.vlines(rows["ceiling"], y - width / 2, y + width / 2, color=INK, linewidth=2, label=named)
        panel.set_yticks(centres, [names[group] for group in groups])
        panel.set(xlabel=xlabel, ylim=(len(groups) - 0.5, -0.5))
        panel.axvline(start, color=LINE, linewidth=0.8)
        of_rows(panel)
        legend_beside(panel)
    return figure


def trait_ranking(table: pd.DataFrame) -> Figure:
    """Every trait from the best predicted to the worst: r with its interval, the colour its group, a tick its ceiling.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.tables.trait_table(..., by="trait")`, of one model.
    """
    ordered = table.sort_values("value", ascending=False, ignore_index=True)
    traits = [trait(name) for name in ordered["trait"]]
    with style():
        figure, axes = new_figure(0.6 + 0.135 * len(ordered))
        panel = axes[0, 0]
        for group, colour in GROUP_COLOURS.items():
            chosen = [place for place, one in enumerate(traits) if one.group == group]
            rows = ordered.iloc[chosen]
            panel.hlines(chosen, rows["low"], rows["high"], color=colour, linewidth=1.5)
            panel.plot(rows["value"], chosen, "o", color=colour, markersize=3.5, label=group)
        if "ceiling" in ordered:
            panel.plot(ordered["ceiling"], ordered.index, "|", color=INK, markersize=6, label="ceiling")
        panel.axvline(0, color=MUTED, linewidth=0.8)
        panel.set_yticks(ordered.index, [one.label for one in traits], fontsize=8)
        panel.set(xlabel="Pearson r", ylim=(len(ordered) - 0.3, -0.7))
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", color=GRID)
        legend_beside(panel)
    return figure


def _panels(count: int, height: float) -> tuple[Figure, np.ndarray]:
    columns = min(2, count)
    return new_figure(height * -(-count // columns), -(-count // columns), columns)


def roc(labels: np.ndarray, scores: Mapping[Row, np.ndarray], table: pd.DataFrame | None = None) -> Figure:
    """ROC curves of each row with their areas, one panel for each diagnosis.

    Parameters
    ----------
    labels : ndarray of 0 and 1, shape (n, 4)
    scores : mapping of Row to ndarray, shape (n, 4)
    table : DataFrame, optional
        Of the same rows (`eccl.study.compare.score`), whose column `note` names those on other terms.
    """
    look = looks(scores) if table is None else with_notes(looks(scores), table)
    with style():
        figure, axes = _panels(len(DIAGNOSIS_NAMES), 3.2)
        for k, (panel, diagnosis) in enumerate(zip(axes.flat, DIAGNOSIS_NAMES)):
            panel.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
            for place, (row, score) in enumerate(reversed(scores.items())):
                label, colour = look[row]
                panel.plot(*_roc_points(labels[:, k], score[:, k]), color=colour, label=label)
                area, height = float(auroc(labels[:, k], score[:, k])), 0.02 + 0.062 * place
                panel.text(0.99, height, f"{area:.2f}", color=colour, fontsize=8, fontweight="bold", ha="right")
                panel.text(0.86, height, label, fontsize=7.5, ha="right")  # a colour alone would not tell them apart
            panel.text(0.99, 0.03 + 0.062 * len(scores), "AUROC", fontsize=7.5, ha="right")
            panel.set(xlabel="1 - specificity", ylabel="sensitivity", title=f"{diagnosis.code}: {diagnosis.label}")
            panel.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
            panel.set(xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
        legend_above(figure, axes[0, 0], reverse=True)
    return figure


def _roc_points(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at each threshold, from none to all."""
    order = np.argsort(-scores, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(scores[order])), len(scores) - 1]
    true = np.cumsum(labels[order])[ends] / max(labels.sum(), 1)
    false = np.cumsum(1 - labels[order])[ends] / max((1 - labels).sum(), 1)
    return np.r_[0, false], np.r_[0, true]


def calibration(labels: np.ndarray, probabilities: Mapping[Row, np.ndarray], bins: int = 8) -> Figure:
    """Observed frequency against predicted probability with Wilson intervals, one panel for each diagnosis.

    Parameters
    ----------
    labels : ndarray of 0 and 1, shape (n, 4)
    probabilities : mapping of Row to ndarray, shape (n, 4)
    bins : int
        As in `evaluation.tables.calibration_table`.
    """
    table, look = calibration_table(probabilities, labels, bins), looks(probabilities)
    keys = rows_of(table)
    with style():
        figure, axes = _panels(len(DIAGNOSIS_NAMES), 3.1)
        for panel, diagnosis in zip(axes.flat, DIAGNOSIS_NAMES):
            here = table["diagnosis"] == diagnosis.code
            for one, (label, colour) in look.items():
                curve = table[here & np.array([key == one for key in keys])]
                panel.vlines(curve["predicted"], curve["low"], curve["high"], color=colour, linewidth=1, alpha=0.7)
                panel.plot(curve["predicted"], curve["value"], "o-", markersize=4, color=colour, label=label)
            largest = table.loc[here, ["predicted", "high"]].to_numpy().max()
            panel.plot([0, largest], [0, largest], color=MUTED, linewidth=0.8, linestyle="--")
            panel.set(
                xlabel="predicted probability",
                ylabel="observed frequency",
                title=f"{diagnosis.code}: {diagnosis.label}",
            )
        legend_above(figure, axes[0, 0])
    return figure
