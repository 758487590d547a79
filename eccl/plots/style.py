"""The one style of all figures: their width, their fonts, and the one colour of each model."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

WIDTH = 7.0  # inches
INK = "#222222"
MUTED = "#8a8a8a"

# Okabe and Ito 2008: distinguishable with any colour vision
MODEL_COLOURS = {
    "ECCL": "#0072B2",
    "MAE": "#E69F00",
    "scratch": "#D55E00",
    "CMR": "#009E73",
    "measurements": "#CC79A7",
    "random": "#8C6D31",
    "shuffled": "#999999",
    "ceiling": "#4d4d4d",
    "baseline": "#BBBBBB",
    "prevalence": "#BBBBBB",
    "mean": "#BBBBBB",
    "chance": "#BBBBBB",
}
OTHER_COLOURS = ("#56B4E9", "#7A5195", "#4C9F70", "#B3446C")
SEX_COLOURS = {"female": "#D55E00", "male": "#0072B2"}

STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.constrained_layout.use": True,
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "text.color": INK,
    "lines.linewidth": 1.4,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}


def style() -> AbstractContextManager:
    """The context in which every figure here is drawn: seaborn ticks, no frame, fonts for a 700 pixel column."""
    import seaborn

    return plt.rc_context({**seaborn.axes_style("ticks"), **STYLE})


def colour_of(model: str) -> str:
    """The one colour of a model: that of the longest name in `MODEL_COLOURS` it contains, else one by its name.

    What is only probed ("ECCL, probe") has a lighter tint of it.
    """
    named = [name for name in MODEL_COLOURS if name.lower() in model.lower()]
    colour = MODEL_COLOURS[max(named, key=len)] if named else OTHER_COLOURS[sum(model.encode()) % len(OTHER_COLOURS)]
    if "probe" not in model.lower():
        return colour
    return to_hex(0.5 + 0.5 * np.array(to_rgb(colour)))


def new_figure(
    height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, **options: Any
) -> tuple[Figure, np.ndarray]:
    """A figure of this height (inches) and its axes (rows, columns), made inside `style()`."""
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, **options)
    plt.close(figure)  # a notebook draws what a cell returns; nothing is drawn twice, nor kept in memory
    return figure, axes


def legend_beside(axes: Axes, **options: Any) -> None:
    """A legend to the right of the data, never over it."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, **options)


def legend_above(figure: Figure, panel: Axes, **options: Any) -> None:
    """One legend for all panels, with the entries of one of them, above them."""
    handles, names = panel.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=max(1, min(4, len(names))), **options)
