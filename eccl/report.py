"""What the notebooks hand to the book: recorded numbers, provenance, and our figures beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.files import replacing
from eccl.metrics import Estimate
from eccl.records import DataError

RESULTS = Path(__file__).resolve().parents[1] / "book" / "results"
_MADE = "made_"  # begins the columns of a kept table that say what made it
OURS = ["quantity", "target", "model", "value", "low", "high", "n"]  # columns of our rows beside the paper's


def record(**values: Any) -> None:
    """Hand numbers to the prose of the book, each under its name (`{glue:text}` reads them).

    An Estimate becomes name, name_low, name_high and name_n. Everything is handed over as a plain float, int or
    str: glue cannot format a numpy scalar.

    Raises
    ------
    TypeError
        If a value is neither a number, a text nor an Estimate.
    """
    from myst_nb import glue

    for name, value in _plain(values).items():
        glue(name, value, display=False)


def _plain(values: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    plain = {}
    for name, value in values.items():
        if isinstance(value, Estimate):
            parts = (value.value, value.low, value.high)
            plain |= dict(zip((name, f"{name}_low", f"{name}_high"), map(float, parts))) | {f"{name}_n": int(value.n)}
            continue
        value = value.item() if isinstance(value, np.generic | np.ndarray) and np.ndim(value) == 0 else value
        if not isinstance(value, bool | int | float | str):
            raise TypeError(f"{name} is a {type(value).__name__}; record takes a number, a text or an Estimate")
        plain[name] = value
    return plain


def provenance_table(provenance: Mapping[str, Any], simulated: bool) -> pd.DataFrame:
    """The foot of a page: what made its numbers, as a table of one column.

    Parameters
    ----------
    provenance : mapping
        Of `eccl.training.provenance.provenance()`; a nested mapping (the versions) is written on one line.
    simulated : bool
        Whether the participants are simulated; said first.
    """
    rows = {"data": "simulated participants" if simulated else "real participants"}
    for key, value in provenance.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
        rows[key.replace("_", " ")] = text
    return pd.DataFrame({"": rows})


def read_paper(path: Path | None = None) -> pd.DataFrame:
    """The figures of the paper and its public code, typed once.

    Columns quantity, model, target, value, low_end, high_end, source and kind. A figure that is only known as a
    range has its ends and no value.
    """
    path = path or RESULTS / "paper.csv"
    if not path.exists():
        raise DataError("the table of the paper's figures is missing", source=path, remedy="restore it from git")
    return pd.read_csv(path)


def keep_or_read(
    name: str, table: pd.DataFrame | None = None, provenance: Mapping[str, Any] | None = None, keep: bool = False
) -> pd.DataFrame:
    """A table of results: the one given (and kept in book/results/, if so asked), or the one that was kept.

    Parameters
    ----------
    name : str
        Of the file, without .csv.
    table : DataFrame, optional
        Results of this run; None reads those that were kept.
    provenance : mapping, optional
        Of `eccl.training.provenance.provenance()`: what made them, one column each beside every row.
    keep : bool
        Whether to write them.

    Raises
    ------
    DataError
        If nothing was kept.
    """
    path = RESULTS / f"{name}.csv"
    if table is None:
        if not path.exists():
            raise DataError("no results were kept", source=path, remedy="run the notebook on the data, with keep=True")
        columns = pd.read_csv(path, nrows=0).columns
        # As text: a digest such as 12e4567890 would be read as a number.
        return pd.read_csv(path, dtype={name: str for name in columns if name.startswith(_MADE)})
    if keep:
        with replacing(path) as beside:
            made = {f"{_MADE}{key}": value for key, value in (provenance or {}).items()}
            table.assign(**made).to_csv(beside, index=False, float_format="%.6g")
    return table.reset_index(drop=True)


def kept_provenance(name: str) -> dict[str, str]:
    """What made the results that were kept under a name, as text."""
    row = keep_or_read(name).iloc[0]
    return {key.removeprefix(_MADE): value for key, value in row.items() if key.startswith(_MADE)}


def verdict(gain: Estimate) -> str:
    """What a paired gain says: "better", "worse", or "not distinguishable" where its interval holds 0."""
    if not gain.excludes(0):
        return "not distinguishable"
    return "better" if gain.value > 0 else "worse"


def trait_rows(probed: pd.DataFrame, tuned: pd.DataFrame) -> pd.DataFrame:
    """Our mean r over all traits as `paper_beside_ours` takes it.

    The public code fine-tunes, so its figures stand beside our fine-tuned models; our probes stand alone.

    Parameters
    ----------
    probed, tuned : DataFrame
        Of `evaluation.trait_table`, frozen features and fine-tuned models.
    """
    rows = pd.concat([_probes(probed), _fine_tuned(tuned)]).query("group == 'all traits'")
    return rows.assign(quantity="mean Pearson r", target="82 traits")[OURS].reset_index(drop=True)


def diagnosis_rows(probed: pd.DataFrame, tuned: pd.DataFrame) -> pd.DataFrame:
    """Our AUROC of each diagnosis as `paper_beside_ours` takes it; see `trait_rows`.

    Parameters
    ----------
    probed, tuned : DataFrame
        Of `evaluation.diagnosis_table`.
    """
    rows = pd.concat([_probes(probed), _fine_tuned(tuned)]).query("metric == 'AUROC' and diagnosis != 'mean'")
    return rows.assign(quantity="AUROC", target=rows["diagnosis"])[OURS].reset_index(drop=True)


def _probes(table: pd.DataFrame) -> pd.DataFrame:
    learnt = table[table["model"].isin(["ECCL", "MAE", "random", "CMR"])]
    return learnt.assign(model=learnt["model"] + ", probe")


def _fine_tuned(table: pd.DataFrame) -> pd.DataFrame:
    own = table[~table["model"].str.endswith(", probe")]
    return own.assign(model=own["model"].str.removesuffix(", fine-tuned"))


def paper_beside_ours(ours: pd.DataFrame, paper: pd.DataFrame | None = None) -> pd.DataFrame:
    """The paper's figure and ours, one row for each that either has, as text for the page.

    Parameters
    ----------
    ours : DataFrame
        quantity, model, target (as in `read_paper`), value, low, high, n.
    paper : DataFrame, optional
        Of `read_paper`; its rows of the quantities in `ours` are shown.

    Returns
    -------
    DataFrame
        quantity, target, model, paper, ours, n, kind of the paper's figure; an empty text where there is none.
    """
    keys = ["quantity", "target", "model"]
    paper = read_paper() if paper is None else paper
    paper = paper[paper["quantity"].isin(ours["quantity"])].reset_index(names="order")
    merged = paper.merge(ours, on=keys, how="outer", suffixes=("_paper", ""))
    merged = merged.sort_values([*keys[:2], "order"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            **{key: merged[key] for key in keys},
            "paper": [_typed(*row) for row in zip(merged["value_paper"], merged["low_end"], merged["high_end"])],
            "ours": [_own(*row) for row in zip(merged["value"], merged["low"], merged["high"], merged["n"])],
            "n": ["" if np.isnan(n) else f"{n:.0f}" for n in merged["n"]],
            "kind of the paper's figure": merged["kind"].fillna(""),
        }
    )


def _own(value: float, low: float, high: float, n: float) -> str:
    return "" if np.isnan(value) else str(Estimate(value, low, high, int(n)))


def _typed(value: float, low: float, high: float) -> str:
    if not np.isnan(value):
        return f"{value:.2f}"
    return "" if np.isnan(low) else f"{low:.2f} to {high:.2f}"
