"""Figures of measured quantities: how traits are distributed and agreed upon; and who is in a cohort."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eccl.plots.style import (
    BLUE,
    DENSE,
    GREEN,
    GRID,
    INK,
    LINE,
    MUTED,
    PINK,
    SEX_COLOURS,
    VERMILION,
    legend_above,
    new_figure,
    style,
)
from eccl.traits import TRAIT_NAMES, trait


def trait_distributions(table: pd.DataFrame, references: pd.DataFrame) -> Figure:
    """Distribution of traits by sex, with the published mean (tick) and SD (bar) of each sex below it.

    Parameters
    ----------
    table : DataFrame
        Columns sex (0 female, 1 male) and the traits.
    references : DataFrame
        Columns trait, sex (0 or 1), mean, sd in the trait's unit; one panel for each trait, in order.
    """
    names = list(dict.fromkeys(references["trait"]))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    with style():
        figure, axes = new_figure(2.0 * rows + 0.3, rows, columns)
        for panel, name in zip(axes.flat, names):
            _distribution(panel, table, references[references["trait"] == name], name)
        for panel in axes.flat[len(names) :]:
            panel.set_axis_off()
        legend_above(figure, axes[0, 0])
    return figure


def _distribution(panel: Axes, table: pd.DataFrame, references: pd.DataFrame, name: str) -> None:
    values = table[name].to_numpy(float)
    bins = np.linspace(*np.nanpercentile(values, (0.2, 99.8)), 31)
    top = 0.0
    for sex, label in enumerate(SEX_COLOURS):
        shown = values[table["sex"] == sex]
        density, _, _ = panel.hist(
            shown, bins, density=True, linewidth=0, color=SEX_COLOURS[label], alpha=0.45, label=label
        )
        top = max(top, float(np.nanmax(density)))
    for sex, label in enumerate(SEX_COLOURS):
        known = references[references["sex"] == sex]
        for mean, sd in zip(known["mean"], known["sd"]):
            height = -top * (0.08 + 0.09 * sex)
            panel.plot(
                [mean - sd, mean + sd], [height] * 2, color=SEX_COLOURS[label], linewidth=2.5, solid_capstyle="butt"
            )
            panel.plot(mean, height, "|", color=INK, markersize=7, markeredgewidth=1.5)
    panel.plot([], [], "|-", color=MUTED, markeredgecolor=INK, linewidth=2.5, label="published mean ± SD")
    panel.axhline(0, color=LINE, linewidth=0.8)
    panel.set(xlabel=f"{trait(name).label} ({trait(name).unit})", yticks=[], ylim=(-top * 0.25, top * 1.05))
    panel.spines["left"].set_visible(False)
    _shrink_label(panel)


def _shrink_label(panel: Axes) -> None:
    if len(panel.get_xlabel()) > 30:
        panel.xaxis.label.set_size(8)


def histogram(values: Mapping[str, np.ndarray], xlabel: str) -> Figure:
    """Distribution of one quantity in several samples, each as a share of its own size.

    Parameters
    ----------
    values : mapping of name to ndarray, shape (n,)
        Samples may differ in size.
    xlabel : str
        The quantity and its unit.
    """
    bins = np.histogram_bin_edges(np.concatenate([np.asarray(sample, float) for sample in values.values()]), 30)
    with style():
        figure, axes = new_figure(2.8)
        panel = axes[0, 0]
        for (name, sample), colour in zip(values.items(), (BLUE, VERMILION, GREEN, PINK)):
            share = np.full(len(sample), 100 / len(sample))
            label = f"{name} (n = {len(sample)})"
            panel.hist(sample, bins, weights=share, color=colour, alpha=0.5, linewidth=0, label=label)
        panel.set(xlabel=xlabel, ylabel="share (%)")
        legend_above(figure, panel)
    return figure


def bland_altman(measured: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> Figure:
    """Difference of prediction and measurement against their mean, with bias and 95 % limits, one panel for each trait.

    Parameters
    ----------
    measured, predicted : ndarray, shape (n, 82)
        In the traits' units; whoever lacks one is left out of that trait.
    names : sequence of str
        Of traits.

    References
    ----------
    Bland and Altman, Lancet 1986.
    """
    with style():
        figure, axes = new_figure(3.1, 1, len(names))
        for panel, name in zip(axes.flat, names):
            k, unit = TRAIT_NAMES.index(name), trait(name).unit
            _agreement(panel, np.asarray(measured[:, k], float), np.asarray(predicted[:, k], float))
            panel.set(xlabel=f"mean of both ({unit})", ylabel=f"predicted - measured ({unit})")
            panel.set_title(f"{trait(name).label}\n{panel.get_title(loc='left')}")
        legend_above(figure, axes[0, 0])
    return figure


def _agreement(panel: Axes, measured: np.ndarray, predicted: np.ndarray) -> None:
    known = np.isfinite(measured) & np.isfinite(predicted)
    mean, difference = ((measured + predicted) / 2)[known], (predicted - measured)[known]
    bias, spread = difference.mean(), 1.96 * difference.std(ddof=1)
    panel.scatter(mean, difference, s=8, color=BLUE, alpha=0.35, linewidth=0, rasterized=len(mean) > DENSE)
    lines = {bias: ("bias", "-"), bias - spread: ("95 % limits of agreement", "--"), bias + spread: (None, "--")}
    for level, (label, line) in lines.items():
        panel.axhline(level, color=INK, linestyle=line, linewidth=1, label=label)
        place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom", "fontsize": 8}
        panel.annotate(f"{round(level, 1) + 0.0:+.1f}", (0.99, level), **place)  # no "-0.0"
    left, right = panel.get_xlim()
    panel.set_xlim(left, right + 0.25 * (right - left))  # room for the figures beside the dots
    panel.set_title(f"n = {known.sum()}")


def ingest_outcome(summary: pd.DataFrame) -> Figure:
    """How many participants an ingest took, refused for each reason, and noted something about.

    Parameters
    ----------
    summary : DataFrame
        outcome, reason, participants: of `eccl.data.sources.ingest.ingest_tables`. What a reason says in brackets, most
        often a library's own words, is left out.
    """
    colours = {"in the cohort": BLUE, "refused": VERMILION, "noted": MUTED}
    plain = [reason.partition(" (")[0] or outcome for outcome, reason in zip(summary["outcome"], summary["reason"])]
    names = [textwrap.fill(name, 60) for name in plain]
    lines = sum(name.count("\n") + 1 for name in names)
    with style():
        figure, axes = new_figure(0.8 + 0.2 * lines + 0.08 * len(names))
        panel = axes[0, 0]
        for outcome, colour in colours.items():
            rows = np.flatnonzero(summary["outcome"] == outcome)
            if not len(rows):
                continue
            panel.barh(rows, summary["participants"].iloc[rows], 0.7, color=colour, label=outcome)
        for row, count in enumerate(summary["participants"]):
            panel.annotate(f"{count:,}", (count, row), (4, 0), textcoords="offset points", va="center", fontsize=8.5)
        panel.set_yticks(range(len(names)), names)
        panel.set(xlabel="participants", ylim=(len(names) - 0.5, -0.5))
        panel.set_xlim(0, 1.12 * max(1, summary["participants"].max()))
        panel.tick_params(axis="y", length=0, labelsize=8)
        panel.spines["left"].set_visible(False)
        panel.grid(axis="x", color=GRID)
        legend_above(figure, panel)
    return figure
