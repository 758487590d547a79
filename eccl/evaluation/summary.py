"""What several seeds of a method say together: their mean, its interval over participants, and their spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# What tells the rows of a kept grid apart, beside the seed and what the grid varies.
KEYS = ("method", "protocol", "target", "label_share", "diagnosis_share", "group", "diagnosis", "direction", "metric")

# The rows of a table that hold the one score by which a target is said, as a query; and what the score is called.
OVERALL = {"traits": "group == 'all traits'", "diagnoses": "diagnosis == 'mean' and metric == 'AUROC'"}
SCORES = {"traits": "mean r", "diagnoses": "mean AUROC"}

# Of all seeds alike, and means over them.
ALIKE = ("n", "labels", "labels_cmr", "passes_most", "note")
MEANS = ("low", "high", "difference", "difference_low", "difference_high")
MEANS += ("learning_rate", "passes", "seconds", "seconds_ecg")
COLUMNS = (
    *("value", "lowest", "highest", "low", "high", "difference", "difference_lowest", "difference_highest"),
    *("difference_low", "difference_high", "n", "seeds", "labels", "labels_cmr", "passes_most", "passes"),
    *("learning_rate", "seconds", "seconds_ecg", "note"),
)


def summary(table: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """One row for all seeds of a method: mean, lowest and highest seed, and the interval of the participants.

    The spread of seeds is that of training alone; the interval is that of the participants, whom all seeds share. They
    are two things, and neither holds the other. The ends of the interval are the means of the seeds' ends: as wide as
    the interval of the seeds' mean would be if all seeds erred alike, and else wider.

    Parameters
    ----------
    table : DataFrame
        Of a grid (`eccl.study.grid.collect`), or any with columns method, protocol, seed, value, low, high, n.
    by : sequence of str
        Columns of settings that vary, which tell rows apart too.

    Returns
    -------
    DataFrame
        The columns of `KEYS` that the table has, and `by`; seed, which is no single one (NA); value, low, high (means
        over seeds), lowest, highest (over seeds), n, seeds; and as far as the table has them the paired difference in
        the same way, labels, labels_cmr, passes_most, passes, learning_rate, seconds, seconds_ecg (means over seeds)
        and note.

    Raises
    ------
    ValueError
        If one seed has several rows that nothing tells apart, as where a setting varies that is not in `by`.
    """
    import pandas as pd

    keys = [name for name in (*KEYS, *by) if name in table]
    twice = table.duplicated([*keys, "seed"])
    if twice.any():
        row = table[twice].iloc[0]
        one = f"{row['method']} ({row['protocol']}, seed {row['seed']})"
        raise ValueError(f"{one} has several rows; name in `by` what varies")
    groups = table.sort_values("seed", kind="stable").groupby(keys, sort=False, dropna=False)
    spread = groups["value"].agg(value="mean", lowest="min", highest="max", seeds="size")
    if "difference" in table:
        apart = groups["difference"].agg(difference_lowest="min", difference_highest="max")
        spread = pd.concat([spread, apart], axis=1)
    means = groups[[name for name in MEANS if name in table]].mean()
    alike = groups[[name for name in ALIKE if name in table]].agg(lambda column: column.iloc[0])
    found = pd.concat([spread, alike, means], axis=1).reset_index().assign(seed=pd.NA)
    return found.loc[:, [*keys, "seed", *(name for name in COLUMNS if name in found)]]
