"""Figures of one person's prediction: traits with their intervals, beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eccl.plots.style import BLUE, MUTED, VERMILION, new_figure, style
from eccl.traits import trait

LIMIT = 5.0  # SDs to either side that are drawn; what lies beyond is drawn at the edge


def trait_intervals(
    predicted: pd.DataFrame,
    mean: Mapping[str, float],
    std: Mapping[str, float],
    measured: Mapping[str, float] | None = None,
    known: str = "measured",
) -> Figure:
    """One row a trait: prediction and interval as dot and line, the measured value as a cross, in SDs of training.

    The numbers in their units stand beside. The axis is the same for every person, so that two pictures compare.

    Parameters
    ----------
    predicted : DataFrame
        One row a trait, by name: value, low, high, unit.
    mean, std : mapping of str to float
        Of each trait in training, in its unit.
    measured : mapping of str to float, optional
        In the same units; nan where not known.
    known : str
        What these are called.
    """
    rows = np.arange(len(predicted))[::-1]
    centre, scale = (np.array([of[name] for name in predicted.index]) for of in (mean, std))
    value, low, high = (np.clip((predicted[end] - centre) / scale, -LIMIT, LIMIT) for end in ("value", "low", "high"))
    truth = np.array([np.nan if measured is None else measured[name] for name in predicted.index])
    with style():
        figure, axes = new_figure(0.7 + 0.27 * len(predicted))
        panel = axes[0, 0]
        panel.axvline(0, color=MUTED, linewidth=0.8, linestyle="--")
        panel.hlines(rows, low, high, color=BLUE, linewidth=1.6)
        panel.plot(value, rows, "o", color=BLUE, label="predicted, with its interval")
        panel.plot(np.clip((truth - centre) / scale, -LIMIT, LIMIT), rows, "x", color=VERMILION, label=known)
        for row, (name, each), one in zip(rows, predicted.iterrows(), truth):
            said = "" if np.isnan(one) else f"   {one:.1f}"
            text = f"{each.value:.1f} ({each.low:.1f} to {each.high:.1f}) {trait(name).unit}"
            panel.text(LIMIT + 0.2, row, text, fontsize=8, va="center")
            panel.text(-LIMIT, row, said, fontsize=8, va="center", color=VERMILION)
        panel.set(xlim=(-LIMIT, LIMIT), yticks=rows, yticklabels=[trait(name).label for name in predicted.index])
        panel.set_xlabel("SDs from the mean of training")
        figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def refusal(text: str) -> Figure:
    """A sentence in place of a picture: why a model says nothing."""
    import textwrap

    lines = textwrap.wrap(text, 90)
    with style():
        figure, axes = new_figure(0.4 + 0.2 * len(lines))
        axes[0, 0].set_axis_off()
        axes[0, 0].text(0, 1, "\n".join(lines), va="top", color=VERMILION)
    return figure
