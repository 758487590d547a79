"""Who stands in a row of a table, and by which protocol it was judged: columns method, protocol and seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Row(NamedTuple):
    """One row of a table, or one curve of a figure.

    Attributes
    ----------
    method : str
        A name in `eccl.methods.METHODS`; or what is no method: "mean" (of the training labels: a mean or a
        prevalence), "chance", "ceiling", "rate" (heart rate alone), "all" (treat everybody).
    protocol : str
        A name in `eccl.evaluation.protocols.PROTOCOLS`: "probe" (a linear probe of the frozen encoder),
        "probe_demographics" (beside sex, age, height and weight), "boosted", "boosted_demographics" (boosted trees of a
        table), "finetune" (all weights are free; of the random encoder this is training from scratch); or "retrieval",
        "probe_each" (`eccl.evaluation.one_each`), or "none" (no model).
    seed : int, optional
        Of training; None where there is one alone, or nothing is trained.

    Examples
    --------
    >>> Row("eccl")
    Row(method='eccl', protocol='probe', seed=None)
    """

    method: str
    protocol: str = "probe"
    seed: int | None = None

    def __str__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"{self.method} ({self.protocol}{seed})"


def check_rows(rows: Collection[Any], reference: Row | None = None) -> None:
    """Raise unless there are rows, each of them a Row, and the reference is one of them.

    Raises
    ------
    TypeError
        If something else stands for a row, such as a text.
    ValueError
        If there are none, or the reference is not among them.
    """
    for row in rows:
        if not isinstance(row, Row):
            raise TypeError(f"a row is a Row(method, protocol, seed), got {row!r}")
    if not rows:
        raise ValueError("a table needs at least one row")
    if reference is not None and reference not in rows:
        raise ValueError(f"no row {reference!s} to take differences to; there are {', '.join(map(str, rows))}")


def table_of(entries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table of entries that each begin with the columns of a Row; the seed stays a whole number or missing."""
    import pandas as pd

    return pd.DataFrame(entries).astype({"seed": "Int64"})


def rows_of(table: pd.DataFrame) -> list[Row]:
    """The Row of each line of a table, in order.

    Raises
    ------
    ValueError
        If the table lacks one of the three columns.
    """
    import pandas as pd

    missing = [name for name in Row._fields if name not in table]
    if missing:
        raise ValueError(f"the table has no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    return [
        Row(method, protocol, None if pd.isna(seed) else int(seed))
        for method, protocol, seed in zip(*(table[name] for name in Row._fields))
    ]
