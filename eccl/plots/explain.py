"""Figures of explanations: what each moment of an ECG adds to a score, and what each place of a heart does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eccl.plots.style import GRID, INK, SKY, new_figure, style
from eccl.records import LEADS, SAMPLING_RATE

WAVE_ROWS = ("P", "QRS", "T")  # of the strip that names them


def saliency(
    signal: np.ndarray,
    attributions: np.ndarray,
    masks: np.ndarray,
    names: Sequence[str],
    parts: Sequence[str],
    lead: str = "II",
    seconds: float = 2.0,
) -> Figure:
    """One lead of an ECG once for each score, on a ground that is the redder the more of the attribution is there.

    The ground is the share of the absolute attribution of all leads together, over its largest in what is shown. The
    waves that the simulator knows stand below each trace, those of `WAVE_ROWS`.

    Parameters
    ----------
    signal : ndarray, shape (12, T)
        In mV.
    attributions : ndarray, shape (K, 12, T')
        Of the same seconds, at any rate.
    masks : ndarray of bool, shape (P, T)
        The samples of each part.
    names : sequence of str
        Of the K scores, as readers see them.
    parts : sequence of str
        Of the P parts.
    lead : str
        Which is drawn.
    seconds : float
        Shown from the start.

    Raises
    ------
    ValueError
        If the names are not as many as what they name.
    """
    if len(names) != len(attributions) or len(parts) != len(masks):
        raise ValueError(f"{len(attributions)} attributions, {len(masks)} parts; named {list(names)}, {list(parts)}")
    shown = round(seconds * SAMPLING_RATE)
    trace, time = signal[LEADS.index(lead), :shown], np.arange(shown) / SAMPLING_RATE
    trace = trace - np.median(trace)
    low, high = trace.min() - 0.15, trace.max() + 0.1
    strip = 0.16 * (high - low)
    with style():
        figure, axes = new_figure(0.5 + 1.35 * len(names), len(names), 1, sharex=True)
        for panel, name, attribution in zip(axes[:, 0], names, attributions):
            size = np.abs(attribution).sum(axis=0)
            size = size[: round(seconds * SAMPLING_RATE * len(size) / signal.shape[1])]
            extent = (0, seconds, low, high)
            panel.imshow(
                size[None], extent=extent, aspect="auto", cmap="Reds", vmin=0, vmax=1.3 * size.max(), origin="lower"
            )
            panel.plot(time, trace, color=INK, linewidth=0.8)
            panel.axhspan(low - strip, low, color=GRID, linewidth=0)
            for part in WAVE_ROWS:
                _name_waves(panel, time, masks[list(parts).index(part), :shown], part, low - strip, low)
            panel.set(ylim=(low - strip, high), xlim=(0, seconds), ylabel=f"{lead} (mV)")
            panel.set_title(name)
        axes[-1, 0].set_xlabel("time (s)")
    return figure


def _name_waves(panel: Axes, time: np.ndarray, mask: np.ndarray, name: str, low: float, high: float) -> None:
    """Each stretch of a mask as a box with the wave's name in it."""
    edges = np.flatnonzero(np.diff(np.r_[0, mask.astype(int), 0]))
    for first, last in zip(edges[::2], edges[1::2] - 1):
        panel.fill_between(time[[first, last]], low, high, color="white", edgecolor=INK, linewidth=0.5)
        if last - first > 20:
            middle = (time[first] + time[last]) / 2
            panel.text(middle, (low + high) / 2, name, fontsize=8, ha="center", va="center_baseline")


def heart_maps(
    images: np.ndarray, maps: np.ndarray, regions: Sequence[np.ndarray], names: Sequence[str], people: Sequence[str]
) -> Figure:
    """One row for each person: the image, and the image under the map of each score, with outlines on all.

    A map is the redder the more of it is there, over its own largest.

    Parameters
    ----------
    images : ndarray, shape (n, H, W)
        0 to 1.
    maps : ndarray, shape (n, K, H, W)
        Not negative.
    regions : sequence of ndarray of bool, shape (n, H, W)
        What is outlined.
    names : sequence of str
        Of the K scores, as readers see them.
    people : sequence of str
        Of the n rows.

    Raises
    ------
    ValueError
        If the names are not as many as what they name.
    """
    if (len(people), len(names)) != maps.shape[:2] or len(images) != len(maps):
        raise ValueError(f"{len(images)} images, maps of {maps.shape}; named {list(people)} and {list(names)}")
    with style():
        figure, axes = new_figure(0.35 + 1.75 * len(people), len(people), 1 + len(names), pictures=True)
        for row, (panels, image, person) in enumerate(zip(axes, images, people)):
            for panel, drawn in zip(panels, (None, *maps[row])):
                panel.imshow(image, cmap="gray", vmin=0, vmax=1)
                if drawn is not None:
                    size = drawn / max(drawn.max(), np.finfo(float).tiny)
                    panel.imshow(np.ma.masked_less(size, 0.02), cmap="Reds", vmin=0, vmax=1, alpha=0.75 * size)
                for region in regions:
                    panel.contour(region[row], [0.5], colors=SKY, linewidths=0.8)
                panel.set(xticks=[], yticks=[])
                panel.spines[:].set_visible(False)
            panels[0].set_ylabel(person)
        for panel, name in zip(axes[0], ("end-diastole", *names)):
            panel.set_title(name)
    return figure
