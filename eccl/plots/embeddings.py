"""Figures of the shared space and of the training that made it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eccl.evaluation.rows import Row
from eccl.plots.style import (
    BLUE,
    DENSE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    PINK,
    VERMILION,
    legend_above,
    legend_beside,
    looks,
    new_figure,
    style,
)

CLASS_COLOURS = (PALE, VERMILION, BLUE, GREEN, PINK, ORANGE)


def embedding_map(z_ecg: np.ndarray, z_cmr: np.ndarray, colour_by: np.ndarray, label: str) -> Figure:
    """ECG and CMR embeddings on the two main axes that they share, coloured by one quantity.

    Each modality is centred on its own mean (contrastive embeddings keep a gap between modalities, which would take
    the first axis), and the axes are those of the singular value decomposition of both together.

    Parameters
    ----------
    z_ecg, z_cmr : ndarray, shape (n, D)
    colour_by : ndarray, shape (n,)
        Numbers (a colour bar) or few distinct values such as text or bool (a legend).
    label : str
        What the colour is, with its unit.
    """
    centred = [z - z.mean(axis=0) for z in (np.asarray(z_ecg, float), np.asarray(z_cmr, float))]
    _, values, directions = np.linalg.svd(np.vstack(centred), full_matrices=False)
    share = values**2 / (values**2).sum()
    colour_by = np.asarray(colour_by)
    continuous = np.issubdtype(colour_by.dtype, np.number) and len(np.unique(colour_by)) > len(CLASS_COLOURS)
    with style():
        figure, axes = new_figure(3.4, 1, 2, sharex=True, sharey=True)
        for panel, z, name in zip(axes[0], centred, ("ECG", "CMR")):
            points = z @ directions[:2].T
            dots = {"s": 9, "linewidth": 0, "rasterized": len(points) > DENSE}
            if continuous:
                low, high = np.nanpercentile(colour_by, (2, 98))
                drawn = panel.scatter(*points.T, c=colour_by, cmap="viridis", vmin=low, vmax=high, **dots)
            else:
                said = {True: "yes", False: "no"} if colour_by.dtype == bool else {}
                for value, colour in zip(np.unique(colour_by), CLASS_COLOURS):
                    chosen = colour_by == value
                    panel.scatter(*points[chosen].T, color=colour, label=said.get(value, str(value)), **dots)
            panel.set(title=name, xlabel=f"axis 1 ({share[0]:.0%} of variance)")
        axes[0, 0].set_ylabel(f"axis 2 ({share[1]:.0%} of variance)")
        if continuous:
            figure.colorbar(drawn, ax=axes[0].tolist(), label=label, shrink=0.9, extend="both")
        else:
            legend_beside(axes[0, 1], title=label, markerscale=1.6)
    return figure


def space_maps(
    spaces: Mapping[str, tuple[np.ndarray, np.ndarray]],
    colour_by: np.ndarray,
    label: str,
    lines: int = 12,
    seed: int = 0,
) -> Figure:
    """ECG and CMR embeddings of the same people in one plane, by PCA and by t-SNE, one column for each space.

    PCA keeps distances as far as two axes can, and the share of variance that they hold stands beside it; t-SNE keeps
    who is near whom, and its axes mean nothing.

    Parameters
    ----------
    spaces : mapping of name to (z_ecg, z_cmr), each ndarray (n, D)
    colour_by : ndarray, shape (n,)
    label : str
        What the colour is, with its unit.
    lines : int
        The first people, whose two points a line joins.
    seed : int
        Of t-SNE.

    References
    ----------
    van der Maaten and Hinton, JMLR 2008 (t-SNE).
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    colour_by, (low, high) = np.asarray(colour_by, float), np.nanpercentile(colour_by, (2, 98))
    with style():
        figure, axes = new_figure(6.4, 2, len(spaces))
        for (upper, lower), (name, views) in zip(axes.T, spaces.items()):
            both, pca = np.vstack(views).astype(float), PCA(2)
            perplexity = min(30, (len(both) - 1) / 3)
            tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=1)
            for panel, points in ((upper, pca.fit_transform(both)), (lower, tsne.fit_transform(both))):
                ecg, cmr = np.split(points, 2)
                x, y = np.moveaxis([ecg[:lines], cmr[:lines]], -1, 0)  # each (2, lines)
                panel.plot(x, y, color=INK, alpha=0.35, linewidth=0.7)
                for place, marker, view in ((ecg, "o", "ECG"), (cmr, "^", "CMR")):
                    drawn = panel.scatter(
                        *place.T, c=colour_by, s=11, marker=marker, cmap="viridis", vmin=low, vmax=high, linewidth=0
                    )
                    drawn.set_label(view)
                panel.set(xticks=[], yticks=[])
            held = pca.explained_variance_ratio_
            upper.set(title=name, xlabel=f"PCA: {held.sum():.0%} of variance")
            lower.set_xlabel("t-SNE")
        figure.colorbar(drawn, ax=axes.ravel().tolist(), label=label, shrink=0.7, extend="both")
        legend_above(figure, axes[0, 0])
    return figure


def rank_histogram(ranks: Mapping[str, np.ndarray] | np.ndarray, n: int) -> Figure:
    """Distribution of the partner's rank in a gallery of n, as cumulative share; the diagonal is chance.

    Parameters
    ----------
    ranks : ndarray, or mapping of name to ndarray, shape (queries,)
    n : int
        Size of the gallery.
    """
    named = ranks if isinstance(ranks, Mapping) else {"": ranks}
    bins = np.linspace(0.5, n + 0.5, min(n, 20) + 1)
    with style():
        figure, axes = new_figure(2.8, 1, len(named), sharey=True)
        for panel, (name, rank) in zip(axes[0], named.items()):
            panel.hist(rank, bins, weights=np.full(len(rank), 100 / len(rank)), color=BLUE)
            panel.axhline(100 / (len(bins) - 1), color=INK, linestyle="--", linewidth=1, label="chance")
            panel.set(xlabel=f"rank of the own partner among {n}", title=name, xlim=(0.5, n + 0.5))
        axes[0, 0].set_ylabel("participants (%)")
        legend_above(figure, axes[0, 0])
    return figure


def training_history(
    histories: pd.DataFrame | Mapping[str | Row, pd.DataFrame], score: str = "validation score", apart: bool = False
) -> Figure:
    """Loss, and the score where there is one, by epoch: training thin and dashed, validation bold.

    Parameters
    ----------
    histories : DataFrame, or mapping of method (its name, or a Row) to DataFrame
        Of `Run.history`: epoch, train_loss, validation_loss and, in supervised stages, validation_score.
    score : str
        What the score is.
    apart : bool
        Whether each method has a row of its own, as where their losses are not the same quantity.
    """
    with style():
        drawn = _named(histories)
        scored = any("validation_score" in history for _, _, history in drawn)
        rows = len(drawn) if apart else 1
        figure, axes = new_figure(2.8 if rows == 1 else 0.5 + 1.9 * rows, rows, 1 + scored)
        for place, (name, colour, history) in enumerate(drawn):
            panels = axes[place % rows]
            epoch = history["epoch"] + 1  # as prose counts them
            thin, bold = {"color": colour, "linewidth": 1, "linestyle": "--"}, {"color": colour, "linewidth": 2}
            called, title = ("", name) if apart else (f"{name} ".lstrip(), "")
            panels[0].plot(epoch, history["train_loss"], **thin, label=f"{called}training")
            panels[0].plot(epoch, history["validation_loss"], **bold, label=f"{called}validation")
            panels[0].set_title(title)
            if "validation_score" in history:
                panels[1].plot(epoch, history["validation_score"], **bold)
            elif scored and apart:
                panels[1].set_axis_off()
        for row in axes:
            for panel, label in zip(row, ("loss", score)):
                panel.set(xlabel="epoch", ylabel=label)
                panel.xaxis.get_major_locator().set_params(integer=True)
        legend_above(figure, axes[0, 0])
    return figure


def _named(histories: pd.DataFrame | Mapping[str | Row, pd.DataFrame]) -> list[tuple[str, str, pd.DataFrame]]:
    """Label, colour and history of each."""
    if isinstance(histories, pd.DataFrame):
        return [("", BLUE, histories)]
    rows = {Row(key, "none") if isinstance(key, str) else key: history for key, history in histories.items()}
    return [(*look, rows[row]) for row, look in looks(rows).items()]
