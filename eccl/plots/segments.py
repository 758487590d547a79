"""The sixteen segments of the left ventricle as a target."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from eccl.plots.style import BLUE, INK, ORANGE, VERMILION, new_figure, style
from eccl.simulate.population import TERRITORIES

# Segment 1 of base and middle is anterior (at the top, 60 to 120 degrees), then counter-clockwise to the septum on the
# left; the four of the apex are anterior, septal, inferior, lateral. Cerqueira et al., Circulation 2002.
RINGS = ((1, 6, 60.0), (7, 6, 60.0), (13, 4, 45.0))  # first segment, how many, where the first begins (degrees)
ARTERIES = {
    "LAD": ("left anterior descending", VERMILION),
    "RCA": ("right coronary", BLUE),
    "LCX": ("left circumflex", ORANGE),
}
WALLS = {"anterior": 90.0, "septum": 180.0, "inferior": 270.0, "lateral": 0.0}


def segments() -> Figure:
    """The segments with their numbers, coloured by the artery that usually feeds them."""
    colours = {number: ARTERIES[name][1] for name, (fed, _) in TERRITORIES.items() for number in fed}
    with style():
        figure, axes = new_figure(3.8)
        panel = axes[0, 0]
        for ring, (first, count, start) in enumerate(RINGS):
            outer, width = 3.0 - ring, 1.0
            for place in range(count):
                low = start + place * 360 / count
                number = first + place
                panel.add_patch(
                    Wedge(
                        (0, 0),
                        outer,
                        low,
                        low + 360 / count,
                        width=width,
                        facecolor=colours[number],
                        edgecolor="white",
                        alpha=0.55,
                    )
                )
                angle = np.radians(low + 180 / count)
                panel.text(
                    (outer - 0.5) * np.cos(angle),
                    (outer - 0.5) * np.sin(angle),
                    str(number),
                    ha="center",
                    va="center",
                    fontsize=9,
                )
        for name, degrees in WALLS.items():
            angle = np.radians(degrees)
            panel.text(
                3.35 * np.cos(angle),
                3.35 * np.sin(angle),
                name,
                ha="center",
                va="center",
                color=INK,
                rotation=90 if name in ("septum", "lateral") else 0,
            )
        for name, colour in ARTERIES.values():
            panel.scatter([], [], color=colour, alpha=0.55, s=60, label=name)
        panel.set(xlim=(-3.7, 3.7), ylim=(-3.7, 3.7), aspect="equal")
        panel.set_axis_off()
        panel.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(ARTERIES))
    return figure
