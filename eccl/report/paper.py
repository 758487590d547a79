"""Our figures beside the paper's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from eccl.evaluation.rows import Row, rows_of
from eccl.metrics import Estimate
from eccl.report.results import read_reference

OURS = ["quantity", "target", *Row._fields, "value", "low", "high", "n"]  # columns of our rows beside the paper's
# The public code fine-tunes all weights: its figures stand beside our rows of that protocol. Our image encoder, the
# teacher, is judged by a probe alone.
PAPER_ROWS = {
    "ECCL": Row("eccl", "finetune"),
    "MAE": Row("masked_autoencoder", "finetune"),
    "CMR": Row("cmr_supervised"),
    "scratch": Row("random", "finetune"),
}


def trait_rows(*tables: pd.DataFrame) -> pd.DataFrame:
    """Our mean r over all traits as `paper_beside_ours` takes it: the rows with a counterpart in the paper.

    Parameters
    ----------
    *tables : DataFrame
        Of `evaluation.tables.trait_table`; a row that is in several is taken once.
    """
    rows = _models(tables).query("group == 'all traits'")
    return rows.assign(quantity="mean Pearson r", target="82 traits")[OURS].reset_index(drop=True)


def diagnosis_rows(*tables: pd.DataFrame) -> pd.DataFrame:
    """Our AUROC of each diagnosis as `paper_beside_ours` takes it; see `trait_rows`.

    Parameters
    ----------
    *tables : DataFrame
        Of `evaluation.tables.diagnosis_table`.
    """
    rows = _models(tables).query("metric == 'AUROC' and diagnosis != 'mean'")
    return rows.assign(quantity="AUROC", target=rows["diagnosis"])[OURS].reset_index(drop=True)


def _models(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    keys = [name for name in ("group", "diagnosis", "metric") if all(name in table for table in tables)]
    rows = pd.concat(tables).drop_duplicates([*Row._fields, *keys])
    counterparts = {one[:2] for one in PAPER_ROWS.values()}
    return rows[[row[:2] in counterparts for row in rows_of(rows)]]


def paper_beside_ours(ours: pd.DataFrame, paper: pd.DataFrame | None = None) -> pd.DataFrame:
    """The paper's figures and ours of one quantity, one row for each model that either has, as text for the page.

    Parameters
    ----------
    ours : DataFrame
        quantity, target (as in `read_reference("paper")`), method, protocol, seed, value, low, high, n.
    paper : DataFrame, optional
        By default `read_reference("paper")`; its rows of the quantity in `ours` are shown.

    Returns
    -------
    DataFrame
        By model; of each target the columns "paper" and "ours", which says its n; an empty text where there is none.
        Without a row of ours, the model has the paper's name.
    """
    from eccl.plots.style import looks

    keys = ["quantity", "target"]
    paper = read_reference("paper") if paper is None else paper
    paper = paper[paper["quantity"].isin(ours["quantity"])].reset_index(names="order")
    theirs = [PAPER_ROWS.get(model) for model in paper["model"]]
    paper = paper.assign(**{name: [row and getattr(row, name) for row in theirs] for name in ("method", "protocol")})
    labels = {row[:2]: look.label for row, look in looks(rows_of(ours)).items()} if len(ours) else {}
    merged = paper.merge(ours, on=[*keys, "method", "protocol"], how="outer", suffixes=("_paper", ""))
    merged = merged.sort_values([*keys, "order"], kind="stable", ignore_index=True)
    merged = merged.assign(
        model=[labels.get(tuple(one), name) for *one, name in merged[["method", "protocol", "model"]].to_numpy()],
        paper=[_typed(*row) for row in zip(merged["value_paper"], merged["low_end"], merged["high_end"])],
        ours=[_own(*row) for row in zip(merged["value"], merged["low"], merged["high"], merged["n"])],
    )
    parts = {}
    for target, rows in merged.groupby("target", sort=False):
        known = rows.set_index("model")
        sizes = sorted({int(known["n"].min()), int(known["n"].max())}) if known["n"].notna().any() else []
        named = f"ours (n = {' to '.join(map(str, sizes))})" if sizes else "ours"
        parts[target] = known[["paper", "ours"]].rename(columns={"ours": named})
    return pd.concat(parts, axis=1).loc[merged["model"].unique()].fillna("")


def _own(value: float, low: float, high: float, n: float) -> str:
    return "" if np.isnan(value) else str(Estimate(value, low, high, int(n)))


def _typed(value: float, low: float, high: float) -> str:
    if not np.isnan(value):
        return f"{value:.2f}"
    return "" if np.isnan(low) else f"{low:.2f} to {high:.2f}"
