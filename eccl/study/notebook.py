"""What a notebook does with its parameters and its tables."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from eccl.config import Config, preset, with_settings
from eccl.errors import did_you_mean
from eccl.evaluation.rows import rows_of
from eccl.metrics import Estimate
from eccl.study.data import Data, prepare

SETTINGS = {  # parameter of a notebook: the setting that it changes
    "seed": "seed",
    "embedding": "embedding",
    "label_share": "label_share",
    "epochs": "stage_eccl.epochs",
    "batch_size": "stage_eccl.batch_size",
    "learning_rate": "stage_eccl.learning_rate",
    "loss": "loss.name",
    "temperature": "loss.temperature",
    "alpha": "loss.alpha",
    "trait_weight": "loss.trait_weight",
}


def begin(namespace: dict[str, Any], modalities: Sequence[str] = ("ecg", "cine")) -> Data:
    """The data of a notebook's parameters: the preset and cohort that they name, with the settings that are not None.

    Parameters
    ----------
    namespace : dict
        The notebook's globals(), after its parameters cell.
    modalities : sequence of str
        As in `eccl.study.data.prepare`.

    Raises
    ------
    ValueError
        If a parameter was set that the notebook does not have.
    """
    return prepare(config_of(namespace), namespace.get("cohort"), modalities)


def config_of(namespace: dict[str, Any]) -> Config:
    """The config of a notebook's parameters, as in `begin`."""
    refuse_unknown(namespace)
    given = {name: namespace.get(name) for name in SETTINGS}
    changed = {SETTINGS[name]: value for name, value in given.items() if value is not None}
    return with_settings(preset(namespace.get("preset")), changed)


def refuse_unknown(namespace: dict[str, Any]) -> None:
    """Check that every variable assigned in a notebook so far was declared, with its type, in its parameters cell.

    papermill sets a parameter that a notebook does not have, and goes on; this stops.

    Parameters
    ----------
    namespace : dict
        The notebook's globals(), where IPython keeps the source of every cell.

    Raises
    ------
    ValueError
        With the name that is no parameter, and the nearest one that is.
    """
    known = namespace.get("__annotations__", {})
    # Only what ran before the first call: in JupyterLab this cell may run again, after others have assigned names.
    callers = (begin.__name__ + "(", config_of.__name__ + "(", refuse_unknown.__name__ + "(")
    before = itertools.takewhile(lambda cell: not any(name in cell for name in callers), namespace["In"])
    earlier = [node for cell in before for node in ast.parse(cell).body]
    for node in earlier:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Name) and target.id not in known:
                hint = did_you_mean(target.id, known, f"it has {', '.join(known)}")
                raise ValueError(f"this notebook has no parameter {target.id!r}; {hint}")


def estimate_of(table: pd.DataFrame, column: str = "value", **where: Any) -> Estimate:
    """The Estimate in the one row of a table where columns have the given values.

    Parameters
    ----------
    column : str
        "value", or a quantity with columns `<column>`, `<column>_low` and `<column>_high`, such as "difference".
    """
    rows = table[np.logical_and.reduce([table[name] == wanted for name, wanted in where.items()])]
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} rows have {where}, expected one")
    return Estimate.from_row(rows.iloc[0], column)


def as_text(table: pd.DataFrame, index: str, columns: str | Sequence[str], digits: int = 2) -> pd.DataFrame:
    """The Estimates of a table as text, such as "0.85 (0.82 to 0.88)", in rows and columns in the table's order.

    What is exact, such as chance, has no interval.

    Parameters
    ----------
    table : DataFrame
        With columns value, low, high and n.
    index, columns : str, or of columns a sequence of str
        Columns of the table: what the rows and the columns are. Together they name each line once.
    digits : int
        After the point.
    """
    found = [Estimate.from_row(row) for _, row in table.iterrows()]
    shown = [one.value if one.low == one.high else one for one in found]
    texts = ["" if np.isnan(one.value) else f"{text:.{digits}f}" for one, text in zip(found, shown)]
    wide = table.assign(text=texts).pivot(index=index, columns=columns, values="text")
    names = [columns] if isinstance(columns, str) else list(columns)
    places = pd.MultiIndex.from_frame(table[names]) if len(names) > 1 else pd.Index(table[names[0]])
    return wide.loc[table[index].unique(), places.unique()]  # a pivot sorts them


def gains(table: pd.DataFrame) -> dict[str, Estimate]:
    """What the reference of a table is ahead of each of its rows by, paired, under "method_protocol".

    Parameters
    ----------
    table : DataFrame
        One line a row of methods, with columns method, protocol and difference (row less reference).
    """
    return {
        f"{row.method}_{row.protocol}": -estimate_of(table, "difference", method=row.method, protocol=row.protocol)
        for row in rows_of(table)
    }
