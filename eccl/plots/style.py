"""The one style of all figures: their width, their fonts, and the one label and colour of each method."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from eccl.evaluation.rows import Row, check_rows, rows_of

WIDTH = 7.0  # inches
LEGEND_WIDTH = 105  # characters of a legend's font in it
INK = "#222222"
MUTED = "#8a8a8a"

LINE = "#555555"
GRID = "#eeeeee"

# Okabe and Ito 2008: distinguishable with any colour vision
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GREEN = "#009E73"
PINK = "#CC79A7"
SKY = "#56B4E9"
VIOLET = "#7A5195"
NAVY = "#1B3A5C"
PALE = "#BBBBBB"

SEX_COLOURS = {"female": VERMILION, "male": BLUE}
DENSE = 2000  # dots of a panel: where there are more, they are pixels in the drawing
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, VIOLET, PINK, SKY, NAVY)  # of what has no colour of its own


class Look(NamedTuple):
    """How a row of a table is called and coloured in a figure."""

    label: str
    colour: str


# What stands in tables and is no method, by name; and what a method is under another protocol.
NO_METHOD = {
    "mean": Look("mean", PALE),
    "chance": Look("chance", PALE),
    "ceiling": Look("ceiling", "#4d4d4d"),
    "rate": Look("heart rate alone", PALE),
    "all": Look("treat everybody", MUTED),
}
RENAMED = {("random", "finetune"): Look("from scratch", VERMILION)}

STYLE = {
    "figure.dpi": 200,
    "savefig.dpi": 200,
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
    "axes.edgecolor": LINE,
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


def label_of(method: str, protocol: str = "probe") -> str:
    """What readers see instead of the names of a method and a protocol, such as "ECCL" or "ECCL, fine-tuned".

    Raises
    ------
    ValueError
        If there is no such method.
    """
    look, named = _look(method, protocol), _named(method, protocol)
    return f"{look.label}, {named}" if named else look.label


def colour_of(method: str, protocol: str = "probe") -> str:
    """The one colour of a method in every figure; training from scratch has its own.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    return _look(method, protocol).colour


def _look(method: str, protocol: str) -> Look:
    from eccl.methods import METHODS

    if (method, protocol) in RENAMED:
        return RENAMED[method, protocol]
    if method in NO_METHOD:
        return NO_METHOD[method]
    if method in METHODS:
        return Look(METHODS[method].label, METHODS[method].colour)
    raise ValueError(f"no method {method!r}; there are {', '.join([*METHODS, *NO_METHOD])}")


def _named(method: str, protocol: str) -> str | None:
    """The label of a protocol other than the probe, which is understood; None where it is not said."""
    from eccl.evaluation.protocols import PROTOCOLS

    understood = protocol == "probe" or protocol not in PROTOCOLS or method in NO_METHOD
    return None if understood or (method, protocol) in RENAMED else PROTOCOLS[protocol].label


def looks(rows: Iterable[Row]) -> dict[Row, Look]:
    """Label and colour of each row of one figure.

    Where a method is probed and also judged by another protocol, its probe is called so and has a lighter tint; where
    it stands for several seeds, they are named.
    """
    rows = list(dict.fromkeys(rows))
    check_rows(rows)
    otherwise = {row.method for row in rows if _named(row.method, row.protocol)}
    found = {}
    for row in rows:
        label, colour = label_of(row.method, row.protocol), colour_of(row.method, row.protocol)
        if row.protocol == "probe" and row.method in otherwise:
            label, colour = f"{label}, probe", to_hex(0.5 + 0.5 * np.array(to_rgb(colour)))
        if any(other[:2] == row[:2] and other != row for other in rows) and row.seed is not None:
            label = f"{label}, seed {row.seed}"
        found[row] = Look(label, colour)
    return found


def with_notes(look: Mapping[Row, Look], table: pd.DataFrame) -> dict[Row, Look]:
    """The looks, each with what the column `note` of a table says of its row: "supervised (20 of 38 passes)"."""
    notes = dict(zip(rows_of(table), table["note"].fillna(""))) if "note" in table else {}
    return {
        row: one._replace(label=f"{one.label} ({notes[row]})") if notes.get(row) else one for row, one in look.items()
    }


class LineFigure(Figure):
    """A figure of lines, bars and text, which a notebook shows as SVG: sharp at any size.

    Beside the SVG the notebook has matplotlib's own PNG, for what shows no SVG.
    """

    def _repr_svg_(self) -> str:
        content = io.StringIO()
        with plt.rc_context({"svg.hashsalt": "eccl", "svg.fonttype": "path"}):  # the same bits every time, and no font
            self.savefig(content, format="svg", bbox_inches="tight", metadata={"Date": None})
        return content.getvalue()


def new_figure(
    height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, pictures: bool = False, **options: Any
) -> tuple[Figure, np.ndarray]:
    """A figure of this height (inches) and its axes (rows, columns), made inside `style()`.

    Where it shows pictures, such as frames of a cine, it is one itself; else it is drawn in lines.
    """
    kind = Figure if pictures else LineFigure
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, FigureClass=kind, **options)
    plt.close(figure)  # a notebook draws what a cell returns; nothing is drawn twice, nor kept in memory
    return figure, axes


def of_rows(panel: Axes) -> None:
    """Makes a panel one of named rows: neither ticks nor a line beside the names, a grid to read values by."""
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x", color=GRID)


def legend_beside(axes: Axes, **options: Any) -> None:
    """A legend to the right of the data, never over it."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, **options)


def legend_above(figure: Figure, panel: Axes, **options: Any) -> None:
    """One legend for all panels, with the entries of one of them, above them, in as many columns as fit."""
    handles, names = panel.get_legend_handles_labels()
    fitting = [count for count in range(1, min(4, len(names)) + 1) if _legend_width(names, count) <= LEGEND_WIDTH]
    figure.legend(handles, names, loc="outside upper center", ncols=max(fitting, default=1), **options)


def _legend_width(names: list[str], columns: int) -> int:
    """Width in characters: of the longest name of each column, and about 7 for the line before it and the gap."""
    return sum(max(map(len, part)) + 7 for part in np.array_split(names, columns))
