"""The figure of an ablation: how far each level of one setting is from the default."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eccl.plots.style import BLUE, INK, MUTED, new_figure, of_rows, style

APART = 0.14  # of a row's height, between its seeds
SETTINGS = {
    "loss.trait_weight": "weight of the traits",
    "loss.alpha": "weight of ECG to CMR",
    "loss.temperature": "temperature",
    "loss.learn_temperature": "temperature learned",
    "embedding": "dimensions of the shared space",
    "stage_eccl.batch_size": "pairs in a step",
    "stage_eccl.augment": "augmentation",
    "ecg.leads": "leads",
    "ecg.amplitude": "amplitude",
    "ecg.width": "width of the ECG encoder",
    "ecg.sampling_rate": "sampling rate, Hz",
    "ecg.patch_samples": "patch of a transformer, samples",
    "ecg_start": "start",
    "ecg_augmentation.time_flip": "time reversed, probability",
    "ecg_augmentation.sign_flip": "sign turned, probability",
    "cmr_target": "what teaches the image encoder",
    "cmr.frames": "frames of the cine",
    "cmr.depth": "layers of the image encoder",
}
LEVELS = {"True": "yes", "False": "no"}


def setting_words(setting: str) -> str:
    """A setting in words; its dotted name if it has none."""
    return SETTINGS.get(setting, setting)


def level_words(level: str) -> str:
    """A level as a reader has it: "5" of "5.0", "masked autoencoder" of "masked_autoencoder"."""
    return LEVELS.get(level, level.removesuffix(".0").replace("_", " "))


def ablation(table: pd.DataFrame) -> Figure:
    """Each level less the default, paired, a panel a score: a mark a seed with its interval, and the line of no effect.

    The default has its row, on the line. The first seed is filled.

    Parameters
    ----------
    table : DataFrame
        Of `eccl.report.ablation`.

    Raises
    ------
    ValueError
        If no differences were taken, as where the participants vary.
    """
    if "difference" not in table:
        raise ValueError("the table has no differences; draw its values, as label_share does")
    levels, scores = list(dict.fromkeys(table["level"])), list(dict.fromkeys(table["score"]))
    usual = set(table.loc[table["default"], "level"])
    names = [f"{level_words(level)} (default)" if level in usual else level_words(level) for level in levels]
    with style():
        figure, axes = new_figure(1.1 + 0.36 * len(levels), 1, len(scores))
        for panel, score in zip(axes[0], scores):
            panel.axvline(0, color=MUTED, linewidth=1, linestyle="--")
            for y, level in enumerate(levels):
                _seeds(panel, y, table[(table["score"] == score) & (table["level"] == level)])
            panel.set(xlabel=f"{score}, less the default", ylim=(len(levels) - 0.5, -0.5))
            panel.locator_params(axis="x", nbins=4)  # a narrow panel has no room for more of three decimals
            panel.set_yticks(range(len(levels)), names if panel is axes[0, 0] else [""] * len(levels))
            of_rows(panel)
        axes[0, 0].set_title(setting_words(table["setting"].iloc[0]), loc="left")
    return figure


def _seeds(panel: Axes, middle: float, rows: pd.DataFrame) -> None:
    """The seeds of one level, one below the other."""
    for place, (_, row) in enumerate(rows.sort_values("seed").iterrows()):
        y = middle + APART * (place - (len(rows) - 1) / 2)
        panel.plot([row["difference_low"], row["difference_high"]], [y, y], color=BLUE, linewidth=1.2)
        face = BLUE if place == 0 else "white"
        panel.plot(row["difference"], y, "o", color=INK, markerfacecolor=face, markersize=4, markeredgewidth=0.7)
