"""What a notebook does with its parameters and its tables."""

from __future__ import annotations

import ast
import difflib
import itertools
from typing import Any

import numpy as np
import pandas as pd

from eccl.metrics import Estimate


def given(**values: Any) -> dict[str, Any]:
    """Those keywords that are not None: a notebook's parameters that were set."""
    return {name: value for name, value in values.items() if value is not None}


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
    before = itertools.takewhile(lambda cell: refuse_unknown.__name__ not in cell, namespace["In"])
    earlier = [node for cell in before for node in ast.parse(cell).body]
    for node in earlier:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Name) and target.id not in known:
                near = difflib.get_close_matches(target.id, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
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
    prefix = "" if column == "value" else f"{column}_"
    row = rows.iloc[0]
    return Estimate(float(row[column]), float(row[f"{prefix}low"]), float(row[f"{prefix}high"]), int(row["n"]))
