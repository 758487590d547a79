"""Any table of people brought to a cohort's standard: numbers as z-scores, answers one-hot, and what is missing said.

The 90 fields, 60 numbers and 30 answers of 135 codes in all, are those of `eccl/reference/tabular.csv`, each with its
number in UK Biobank. None is measured on the heart's images or on its ECG: see `eccl.data.standard.leaks`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from eccl.data.scaling import Scaler
from eccl.data.standard.leaks import refuse_measures_of_the_heart
from eccl.errors import DataError

FEATURES = 255  # 60 z-scores, 135 codes, and of each number whether it is missing
LARGEST = 5.0  # z-scores beyond are cut: one outlying laboratory value does not outweigh all else
LESS_THAN_ONE = -10  # as UK Biobank codes a count; its other negative codes are no answer
_HEADING = re.compile(r"(?:f\.|(?:[a-z_]{1,40}\.)?p)?(?P<field>\d{1,6})(?:[-_.].*)?")  # 48-2.0, p48_i2, f.48.2.0, 48


@cache
def fields() -> pd.DataFrame:
    """The fields by name: field (its number in UK Biobank), kind, unit, codes, and how the simulator draws it.

    `kind` is "numeric" or "categorical"; `codes` are the answers, as UK Biobank codes them. What is empty is NaN.
    """
    with (resources.files("eccl") / "reference" / "tabular.csv").open() as file:
        table = pd.read_csv(file, dtype={"codes": str, "shares": str, "unit": str}, index_col="name")
    table["codes"] = [tuple(map(int, codes.split("|"))) if isinstance(codes, str) else () for codes in table["codes"]]
    return table


def numbers() -> list[str]:
    """Names of the numeric fields."""
    return list(fields().index[fields()["kind"] == "numeric"])


def answers() -> dict[str, tuple[int, ...]]:
    """Names of the categorical fields, and the codes of each."""
    return dict(fields().loc[fields()["kind"] == "categorical", "codes"])


def standard_table(table: pd.DataFrame, source: Path | None = None) -> pd.DataFrame:
    """The fields of a table, under their names, in their order; one that the table does not have is NaN.

    Parameters
    ----------
    table : DataFrame
        One row a person; headings are names of fields, or their numbers as UK Biobank writes them: 48-2.0, p48_i2.
    source : Path, optional
        For messages.

    Raises
    ------
    DataError
        If a column is a measure of the heart, no field or there twice, or a value is no number or no code.
    """
    refuse_measures_of_the_heart({heading: _number(heading) for heading in table}, source)
    by_number = dict(zip(fields()["field"], fields().index))
    named = {heading: by_number.get(_number(heading), heading) for heading in table}
    for heading, name in named.items():
        if name not in fields().index:
            raise DataError(
                f"the column {heading} is none of the 90 fields", source=source, remedy="take it out of the table"
            )
        if list(named.values()).count(name) > 1:
            raise DataError(f"the field {name} is there twice", source=source, remedy="keep one column, of one visit")
    values = {named[heading]: _values(table[heading], named[heading], source) for heading in table}
    return pd.DataFrame(values, index=table.index, dtype=float).reindex(columns=list(fields().index))


def _number(heading: str) -> int | None:
    """The number of the field that a heading of UK Biobank states."""
    match = _HEADING.fullmatch(heading)
    return int(match["field"]) if match else None


def _values(column: pd.Series, name: str, source: Path | None) -> np.ndarray:
    values = pd.to_numeric(column, errors="coerce")
    codes = fields().at[name, "codes"]
    wrong = values.isna() & column.notna() | np.isinf(values)
    if codes:
        wrong |= (values >= 0) & ~values.isin(codes)
    if wrong.any():
        wanted = f"one of the codes {', '.join(map(str, codes))}" if codes else "a number"
        raise DataError(
            f"{name} is {column[wrong].iloc[0]!r}; it is {wanted}",
            source=source,
            remedy="correct it, or leave it empty",
        )
    if not codes:
        values = values.mask(values == LESS_THAN_ONE, 0.0)
    return values.mask(values < 0).to_numpy(dtype=float)


def columns(table: pd.DataFrame) -> pd.DataFrame:
    """The 195 columns of a standard table: its 60 numbers, and 0 or 1 of each of the 135 codes; NaN where missing."""
    codes = {
        f"{name}={code}": (table[name] == code).where(table[name].notna()).astype(float)
        for name, several in answers().items()
        for code in several
    }
    return pd.concat([table[numbers()], pd.DataFrame(codes, index=table.index)], axis=1)


def encode(table: pd.DataFrame, train: np.ndarray) -> np.ndarray:
    """What a model is given of a standard table, float32 (N, 255).

    First the 60 numbers as z-scores, by mean and standard deviation of the training rows alone; a missing one is 0, the
    training mean. Then the 135 codes, 0 or 1, all 0 of an answer that is missing. Last, of each number, whether it is
    missing: 0 or 1. A number that no training row has says nothing: 0 for everybody.

    Parameters
    ----------
    table : DataFrame
        Of `standard_table`.
    train : ndarray of int
        Training rows.
    """
    values = columns(table).to_numpy(dtype=float)
    number, codes = np.split(values, [len(numbers())], axis=1)
    missing = np.isnan(number)
    number = np.where(missing[train].all(axis=0), 0.0, number)
    z = np.clip(Scaler.fit(number, train).transform(number), -LARGEST, LARGEST)
    return np.concatenate([z, np.nan_to_num(codes), missing], axis=1).astype(np.float32)
