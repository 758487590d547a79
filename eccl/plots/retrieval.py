"""Figures of retrieval: an ECG, and the scans that lie nearest to it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eccl.plots.style import BLUE, INK, MUTED, VERMILION, new_figure, style
from eccl.records import LEADS, SAMPLING_RATE

SHOWN = ("I", "aVF", "V2", "V5")  # leads of a query: left, down, and across the chest
SECONDS = 2.5
CLEAR = 0.2  # mV between one lead and the next, so that an R of V5 stays clear of an S of V2


def nearest_cines(
    signals: np.ndarray, images: np.ndarray, similarity: np.ndarray, own: np.ndarray, count: int = 5
) -> Figure:
    """One row for each query: its ECG with a bar of 1 mV, the scans nearest to it, and its own scan with its rank.

    The own scan is framed. Where it is among the nearest, it stands there alone.

    Parameters
    ----------
    signals : ndarray, shape (q, 12, T)
        Queries, mV.
    images : ndarray, shape (n, H, W)
        One frame of each scan of the gallery, 0 to 1.
    similarity : ndarray, shape (q, n)
        Of each query with each scan, the higher the nearer.
    own : ndarray of int, shape (q,)
        Row of the query's own scan.
    count : int
        How many of the nearest.

    Raises
    ------
    ValueError
        If they are not of as many queries and scans.
    """
    if similarity.shape != (len(signals), len(images)) or len(own) != len(signals):
        raise ValueError(
            f"{len(signals)} ECGs, {len(images)} scans, {len(own)} partners and similarities of {similarity.shape}"
        )
    with style():
        ratios = [1.9, *[1] * (count + 1)]
        figure, axes = new_figure(
            1.25 * len(signals) + 0.2, len(signals), count + 2, pictures=True, width_ratios=ratios
        )
        for row, (panels, signal, similar, partner) in enumerate(zip(axes, signals, similarity, own)):
            _strip(panels[0], signal)
            order = np.argsort(-similar, kind="stable")
            rank = int(np.flatnonzero(order == partner)[0]) + 1
            for place, (panel, scan) in enumerate(zip(panels[1:], order[:count]), start=1):
                _scan(panel, images[scan], f"{place}", framed=scan == partner)
            panels[-1].set_axis_off()
            if rank > count:
                _scan(panels[-1], images[partner], f"own: {rank} of {len(images)}", framed=True, side="right")
            if row == 0:
                panels[0].set_title("ECG", fontsize=8.5)
    return figure


def _strip(panel: Axes, signal: np.ndarray) -> None:
    samples = round(SECONDS * SAMPLING_RATE)
    seconds = np.arange(samples) / SAMPLING_RATE
    leads = signal[[LEADS.index(name) for name in SHOWN], :samples]
    traces = leads - np.median(leads, axis=1, keepdims=True)
    gaps = [max(below.max() - above.min() + CLEAR, 1.0) for above, below in pairwise(traces)]
    offsets = -np.concatenate([[0.0], np.cumsum(gaps)])
    for trace, offset, name in zip(traces, offsets, SHOWN):
        panel.plot(seconds, trace + offset, color=INK, linewidth=0.6)
        panel.text(-0.05, offset, name, fontsize=8, ha="right", va="center", color=MUTED)
    bottom = offsets[-1] + traces[-1].min() - CLEAR
    panel.plot([1.05 * SECONDS] * 2, [bottom, bottom + 1.0], color=INK, linewidth=2, solid_capstyle="butt")  # 1 mV
    panel.set(xlim=(-0.02, 1.07 * SECONDS), ylim=(bottom, traces[0].max() + CLEAR))
    panel.set_axis_off()


def _scan(panel: Axes, image: np.ndarray, label: str, framed: bool, side: str = "left") -> None:
    panel.set_axis_on()
    panel.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
    panel.set(xticks=[], yticks=[])
    colour = VERMILION if framed else BLUE
    panel.set_title(label, loc=side, fontsize=8.5, color=colour if framed else INK)  # to where there is room
    for spine in panel.spines.values():
        spine.set(visible=framed, color=colour, linewidth=2.5)
