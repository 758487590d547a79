"""Figures of results: estimates with their intervals, ROC curves and calibration."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eccl.metrics import auroc, calibration_curve
from eccl.plots.style import INK, MUTED, colour_of, legend_above, legend_beside, new_figure, style
from eccl.traits import DIAGNOSIS_NAMES, GROUPS, TRAITS, trait

GROUP_COLOURS = dict(
    zip(GROUPS, ("#D55E00", "#CC79A7", "#E69F00", "#7A5195", "#009E73", "#0072B2", "#56B4E9", "#1B3A5C"), strict=True)
)


def forest(
    table: pd.DataFrame,
    xlabel: str,
    label: str = "model",
    columns: tuple[str, str, str] = ("value", "low", "high"),
    null: float | None = None,
    digits: int = 2,
) -> Figure:
    """One row for each estimate: its value, its 95 % interval, and both in figures on the right.

    Parameters
    ----------
    table : DataFrame
        Rows from the top down; the colour is the model's where there is a column model.
    xlabel : str
        The quantity and its unit.
    label : str
        Column that names the rows.
    columns : tuple of str
        Columns of the value and the ends of its interval.
    null : float, optional
        A line at the value of no effect or of chance.
    digits : int
        After the point, in the figures.
    """
    with style():
        figure, axes = new_figure(0.75 + 0.27 * len(table))
        panel = axes[0, 0]
        if null is not None:
            panel.axvline(null, color=MUTED, linewidth=1, linestyle="--")
        for y, (_, row) in enumerate(table.iterrows()):
            value, low, high = (float(row[name]) for name in columns)
            colour = colour_of(str(row["model"])) if "model" in row else INK
            panel.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
            panel.plot(value, y, "o", color=colour, markersize=5)
            panel.annotate(
                f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})",
                (1.02, y),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8.5,
            )
        panel.set(xlabel=xlabel, ylim=(len(table) - 0.5, -0.5))
        panel.set_yticks(range(len(table)), table[label].astype(str))
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        panel.grid(axis="x", color="#eeeeee")
    return figure


def group_bars(table: pd.DataFrame, xlabel: str = "mean Pearson r over the traits of the group") -> Figure:
    """Mean r of each group of traits and model, with 95 % intervals; a dark mark is the ceiling of the group.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.trait_table(..., by="group")`.
    """
    sizes = {group: sum(trait.group == group for trait in TRAITS) for group in GROUPS}
    names = {group: f"{group} ({sizes.get(group, len(TRAITS))})" for group in table["group"]}
    return _bars(table, "group", names, xlabel, start=0.0)


def diagnosis_bars(table: pd.DataFrame, xlabel: str = "AUROC", chance: float = 0.5) -> Figure:
    """One metric of each diagnosis and model, with 95 % intervals, as bars that start at chance.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.diagnosis_table`, the rows of one metric.
    xlabel : str
        The metric.
    chance : float
        Its value without information.
    """
    names = {diagnosis.code: f"{diagnosis.code}\n{textwrap.fill(diagnosis.label, 22)}" for diagnosis in DIAGNOSIS_NAMES}
    return _bars(table, "diagnosis", {**names, "mean": "mean"}, xlabel, start=chance)


def _bars(table: pd.DataFrame, by: str, names: Mapping[str, str], xlabel: str, start: float) -> Figure:
    """Groups of horizontal bars, one bar a model, from `start` to the value, with its interval."""
    models, groups = list(dict.fromkeys(table["model"])), list(dict.fromkeys(table[by]))
    width, centres = 0.8 / len(models), np.arange(len(groups))
    with style():
        figure, axes = new_figure(0.8 + len(groups) * max(0.5, 0.18 + 0.1 * len(models)))
        panel = axes[0, 0]
        for place, model in enumerate(models):
            rows = table[table["model"] == model].set_index(by).loc[groups]
            y = centres - 0.4 + width * (place + 0.5)
            panel.barh(y, rows["value"] - start, width * 0.92, left=start, color=colour_of(model), label=model)
            panel.hlines(y, rows["low"], rows["high"], color=INK, linewidth=0.9)
        if "ceiling" in table:
            panel.vlines(rows["ceiling"], centres - 0.4, centres + 0.4, color=INK, linewidth=2, label="ceiling")
        panel.set_yticks(centres, [names[group] for group in groups])
        panel.set(xlabel=xlabel, ylim=(len(groups) - 0.5, -0.5))
        panel.axvline(start, color="#555555", linewidth=0.8)
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        panel.grid(axis="x", color="#eeeeee")
        legend_beside(panel)
    return figure


def trait_ranking(table: pd.DataFrame) -> Figure:
    """Every trait from the best predicted to the worst: r with its interval, the colour its group, a tick its ceiling.

    Parameters
    ----------
    table : DataFrame
        Of `evaluation.trait_table(..., by="trait")`, of one model.
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
        panel.set_yticks(ordered.index, [one.label for one in traits], fontsize=6.5)
        panel.set(xlabel="Pearson r", ylim=(len(ordered) - 0.3, -0.7))
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", color="#eeeeee")
        legend_beside(panel)
    return figure


def _panels(count: int, height: float) -> tuple[Figure, np.ndarray]:
    columns = min(2, count)
    return new_figure(height * -(-count // columns), -(-count // columns), columns)


def roc(labels: np.ndarray, scores: Mapping[str, np.ndarray]) -> Figure:
    """ROC curves of each model with their areas, one panel for each diagnosis.

    Parameters
    ----------
    labels : ndarray of 0 and 1, shape (n, 4)
    scores : mapping of model to ndarray, shape (n, 4)
    """
    with style():
        figure, axes = _panels(len(DIAGNOSIS_NAMES), 3.2)
        for k, (panel, diagnosis) in enumerate(zip(axes.flat, DIAGNOSIS_NAMES)):
            panel.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
            for place, (model, score) in enumerate(reversed(scores.items())):
                panel.plot(*_roc_points(labels[:, k], score[:, k]), color=colour_of(model), label=model)
                area = float(auroc(labels[:, k], score[:, k]))
                panel.text(
                    0.99, 0.02 + 0.075 * place, f"{area:.2f}", color=colour_of(model), fontweight="bold", ha="right"
                )
            panel.text(0.99, 0.03 + 0.075 * len(scores), "AUROC", fontsize=8.5, ha="right")
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


def calibration(labels: np.ndarray, probabilities: Mapping[str, np.ndarray], bins: int = 8) -> Figure:
    """Observed frequency against predicted probability with Wilson intervals, one panel for each diagnosis."""
    with style():
        figure, axes = _panels(len(DIAGNOSIS_NAMES), 3.1)
        for k, (panel, diagnosis) in enumerate(zip(axes.flat, DIAGNOSIS_NAMES)):
            largest = 0.0
            for model, p in probabilities.items():
                curve = calibration_curve(labels[:, k], p[:, k], bins)
                x = np.array([part.predicted for part in curve])
                value, low, high = np.array([(b.observed.value, b.observed.low, b.observed.high) for b in curve]).T
                panel.vlines(x, low, high, color=colour_of(model), linewidth=1, alpha=0.7)
                panel.plot(x, value, "o-", markersize=4, color=colour_of(model), label=model)
                largest = max(largest, x.max(), high.max())
            panel.plot([0, largest], [0, largest], color=MUTED, linewidth=0.8, linestyle="--")
            panel.set(
                xlabel="predicted probability",
                ylabel="observed frequency",
                title=f"{diagnosis.code}: {diagnosis.label}",
            )
        legend_above(figure, axes[0, 0])
    return figure
