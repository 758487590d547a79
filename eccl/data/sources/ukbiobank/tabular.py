"""The 90 fields of `eccl/reference/tabular.csv` read from UK Biobank's tables, for methods that read a table of people.

A field is taken at the imaging visit alone. Only a field of which no table has a column of that visit, such as the
biochemistry of blood, is taken at the first visit, years before: never a person's earlier value for one that is
missing at the scan. Of other fields nothing is read, so that no measure of the heart can come in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from eccl.data.sources.ukbiobank.fields import IMAGING, SEX, Column, needed_columns
from eccl.data.sources.ukbiobank.rows import read_header, read_table
from eccl.data.sources.ukbiobank.tables import arrays_of, join, read_numbers
from eccl.data.sources.ukbiobank.withdrawals import shown
from eccl.data.standard.tabular import fields, numbers, standard_table
from eccl.records import DataError

FIRST_VISIT = 0  # instance of the visit that everybody attended
_REMEDY = "export the table with codes, not with their labels; or take the cohort without this table: tabular=False"


class Tabular(NamedTuple):
    """The fields of people.

    Attributes
    ----------
    table : DataFrame
        Index eid. Those of the 90 fields that are there, by name, in the order of the list; NaN is missing.
    earlier : list of str
        Names of those that are of the first visit.
    """

    table: pd.DataFrame
    earlier: list[str]


def read_tabular(paths: Sequence[Path], participants: Collection[str], instance: int = IMAGING) -> Tabular:
    """The fields of some people, joined from all tables, their codes as `eccl.data.standard.tabular` takes them.

    Of a number that was read several times, such as a pressure, it is the mean; of an answer the first.

    Parameters
    ----------
    paths : sequence of Path
        As in `eccl.data.sources.ukbiobank.tables.read_tables`.
    participants : collection of str
        Whom to keep.
    instance : int
        Visit; 2 is the first imaging visit.

    Raises
    ------
    DataError
        As `read_tables`; and if no table has any of the fields, a value is no number or no code of its field, or none
        of the participants is there.
    """
    columns = {path: _columns(path, read_header(path), instance) for path in paths}
    at_visit = {name for both in columns.values() for name in both[instance]}
    earlier = {name for both in columns.values() for name in both[FIRST_VISIT]} - at_visit
    if not at_visit | earlier:
        raise DataError(
            "the tables have none of the 90 fields",
            source=", ".join(map(str, paths)) or None,
            remedy="download some of the fields of eccl/reference/tabular.csv; or tabular=False",
        )
    table = None
    for path, both in columns.items():
        chosen = [column for name, all_of_it in both[instance].items() for column in all_of_it]
        chosen += [column for name in both[FIRST_VISIT] if name in earlier for column in both[FIRST_VISIT][name]]
        if not chosen:
            continue
        new = read_table(path, set(participants), partial(_with_place, path, chosen), partial(_values, path))
        table = new if table is None else join(table, new, path)
    if not len(table):
        raise DataError(
            f"none of {len(participants)} participants is there",
            source=", ".join(map(str, paths)),
            remedy="give the tables of the application whose recordings these are",
        )
    found = [name for name in fields().index if arrays_of(table, name)]
    means = {name: table[arrays_of(table, name)].mean(axis=1) for name in found}
    without_visit = set(fields().index[fields()["field"] == SEX])
    return Tabular(pd.DataFrame(means).sort_index(), [name for name in found if name in earlier - without_visit])


def _columns(path: Path, header: Sequence[str], instance: int) -> dict[int, dict[str, list[Column]]]:
    """The columns of each field in a header, at the visit and at the first."""
    result: dict[int, dict[str, list[Column]]] = {}
    for visit in (instance, FIRST_VISIT):
        names = {(field, visit): name for name, field in fields()["field"].items()}
        _, columns = needed_columns(header, path, names)
        kept = [column for column in columns if column.name in numbers() or column.array == 0]
        result[visit] = {
            name: [column for column in kept if column.name == name] for name in {each.name for each in kept}
        }
    return result


def _with_place(path: Path, columns: list[Column], header: Sequence[str]) -> tuple[int, list[Column]]:
    place, _ = needed_columns(header, path, {})
    return place, columns


def _values(path: Path, rows: list[int], cells: list[list[str]], columns: list[Column]) -> dict[str, Any]:
    """The arrays of each field in the standard, such as "systolic 0" and "systolic 1"."""
    result: dict[str, Any] = {}
    for place, column in enumerate(columns):
        values = read_numbers([content[place] for content in cells], rows, column, path, _REMEDY)
        try:
            standard = standard_table(pd.DataFrame({column.heading: values}), path)
        except DataError as error:
            problem = f"{shown(error.problem)}, in the column {column.heading}"
            raise DataError(problem, source=path, remedy=f"{error.remedy}; or tabular=False") from None
        result[f"{column.name} {column.array}"] = standard[column.name].to_numpy()
    return result
