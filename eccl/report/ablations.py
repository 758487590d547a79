"""Kept ablations: one setting varied, each level less the default of the same seed, paired."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from eccl.evaluation.summary import OVERALL, SCORES, summary
from eccl.plots.ablations import level_words, setting_words
from eccl.report.comparison import difference_said, sides_said
from eccl.report.results import keep_or_read, kept_names

FOLDER = "ablations"
# Columns of a kept grid that no setting has.
_KNOWN = {"method", "protocol", "seed", "target", "group", "diagnosis", "metric", "direction"}


def ablation(name: str, folder: Path | str | None = None) -> pd.DataFrame:
    """The levels of one kept ablation by their two scores: mean r of the traits and mean AUROC of the diagnoses.

    Parameters
    ----------
    name : str
        Of a grid in grids/ablations/.
    folder : path, optional
        Of the kept results, as in `eccl.report.keep_or_read`.

    Returns
    -------
    DataFrame
        One line a level, score and seed: columns setting, level (text), method, protocol, seed, score, value, low,
        high, n, and where differences were taken, difference, difference_low, difference_high; `default` says whose
        differences are 0 in each seed.

    Raises
    ------
    DataError
        If it was not kept.
    """
    kept = keep_or_read(f"{FOLDER}/{name}", folder=folder)
    rows = pd.concat([kept.query(f"target == '{target}' and {which}") for target, which in OVERALL.items()])
    setting = varied(kept)
    rows = rows.assign(setting=setting, level=rows[setting].astype(str), score=rows["target"].map(SCORES))
    still = pd.Series(False, index=rows.index)
    if "difference" in rows:
        still = (rows["difference"] == 0).groupby([rows["level"], rows["method"]]).transform("all")
    numbers = [name for name in rows if name in ("value", "low", "high", "n") or name.startswith("difference")]
    columns = ["setting", "level", "method", "protocol", "seed", "score", *numbers]
    return rows[columns].assign(default=still).reset_index(drop=True)


def varied(kept: pd.DataFrame) -> str:
    """The one setting that a kept grid varies: a dotted name, or one without a dot, which stands behind all others."""
    after = list(kept.columns)[: next(k for k, name in enumerate(kept.columns) if name.startswith("made_"))]
    dotted = [name for name in after if "." in name]
    return dotted[0] if dotted else after[-1]


def ablation_table(names: list[str], folder: Path | str | None = None) -> pd.DataFrame:
    """One line a level that is not the default, as text: how far from it, paired, in the mean of the seeds and in each.

    Parameters
    ----------
    names : list of str
        Of kept ablations whose differences are to the default.
    """
    lines = []
    for name in names:
        rows = ablation(name, folder)
        usual = ", ".join(map(level_words, rows.loc[rows["default"], "level"].unique()))
        for level, own in rows[~rows["default"]].groupby("level", sort=False):
            line = {"": f"{setting_words(own['setting'].iloc[0])}: {level_words(level)} (default {usual})"}
            for score, seeds in own.sort_values("seed").groupby("score", sort=False):
                line[score] = difference_said(summary(seeds).iloc[0].to_dict(), 3)
                line[f"seeds, {score}"] = sides_said(seeds)
            lines.append(line)
    return pd.DataFrame(lines).set_index("")


def missing_ablations(grids: Path | str, folder: Path | str | None = None) -> list[str]:
    """The names of the grids of a folder whose rows were not kept, in order."""
    kept = kept_names(FOLDER, folder)
    return [path.stem for path in sorted(Path(grids).glob("*.json")) if path.stem not in kept]
