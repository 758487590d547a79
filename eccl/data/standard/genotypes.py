"""Any table of genotypes brought to a cohort's standard: in 49 groups, of a trait each, of up to 40 variants one-hot.

A column is named by its group and its variant, g07_rs123: 49 groups of 120 numbers, three for each variant.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from eccl.errors import DataError

GROUPS = 49  # of variants that go with one trait
VARIANTS = 40  # of a group, at most
ALLELES = 3  # none, one or two
_COLUMN = re.compile(r"g(?P<group>\d{1,2})_\S+")


def encode_genotypes(table: pd.DataFrame, source: Path | None = None) -> np.ndarray:
    """What a model is given of genotypes, uint8 (N, 49, 120): of each variant 1 at its count of alleles.

    Parameters
    ----------
    table : DataFrame
        One row a person, one column a variant: 0, 1 or 2 alleles; NaN is missing, and all three are 0.
    source : Path, optional
        For messages.

    Raises
    ------
    DataError
        If a column has no group, a group is too large, or a value is no count of alleles.
    """
    encoded = np.zeros((len(table), GROUPS, VARIANTS, ALLELES), dtype=np.uint8)
    taken = np.zeros(GROUPS, dtype=int)
    for name in table:
        group = _group(name, source)
        if taken[group] == VARIANTS:
            raise DataError(
                f"group {group + 1} has more than {VARIANTS} variants", source=source, remedy="leave some out"
            )
        count = pd.to_numeric(table[name], errors="coerce")
        wrong = table[name].notna() & ~count.isin(range(ALLELES))
        if wrong.any():
            raise DataError(
                f"{name} is {table.loc[wrong, name].iloc[0]!r}; it is 0, 1 or 2 alleles",
                source=source,
                remedy="round imputed dosages, and leave what is missing empty",
            )
        for alleles in range(ALLELES):
            encoded[:, group, taken[group], alleles] = count == alleles
        taken[group] += 1
    return encoded.reshape(len(table), GROUPS, VARIANTS * ALLELES)


def _group(name: str, source: Path | None) -> int:
    """Position of the group that a column names."""
    match = _COLUMN.fullmatch(name)
    if match is None or not 1 <= int(match["group"]) <= GROUPS:
        raise DataError(
            f"the column {name} names no group",
            source=source,
            remedy=f"call it by group and variant, from g01_rs1 to g{GROUPS}_rs1",
        )
    return int(match["group"]) - 1
