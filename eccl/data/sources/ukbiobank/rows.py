"""Rows of a table of UK Biobank, text or parquet: of the people wanted, the cells of the columns wanted.

A table may have 500,000 rows of thousands of columns: it is read row by row, and of each row only what is needed is
kept. No message here holds the content of a cell or the number of a participant: rows are named by their place in the
file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any

import pandas as pd

from eccl.data.sources.ukbiobank.entries import MISSING, SEPARATOR
from eccl.data.sources.ukbiobank.fields import Column
from eccl.data.sources.ukbiobank.text import FIRST_ROW, NOBODY, REMEDY, Read, is_text, open_text, participant
from eccl.records import DataError

CHUNK = 5_000  # rows turned into numbers at a time


def read_table(
    path: Path,
    wanted: set[str] | None,
    choose: Callable[[Sequence[str]], tuple[int, list[Column]]],
    values: Callable[[list[int], list[list[str]], list[Column]], dict[str, Any]],
) -> pd.DataFrame:
    """One row a participant who is wanted, the index eid as text, with the columns that `values` makes.

    Parameters
    ----------
    path : Path
        CSV or tab-separated text, also .gz, or .parquet.
    wanted : set of str, optional
        Whom to keep; None is everyone.
    choose : callable (header) -> place, columns
        The place of the participants' numbers, and the columns to read.
    values : callable (rows, cells, columns) -> dict
        What some rows become: their numbers in the file, and of each the cells of the columns, "" where missing.

    Raises
    ------
    DataError
        If the file is no table or has no rows, a participant is there twice or has no number, or text is no UTF-8.
    """
    seen: dict[str, int] = {}  # participant: row
    chunks, rows = [], 0
    with _opened(path) as (header, read):
        place, columns = choose(header)
        content = read([place, *(column.place for column in columns)])
        while chunk := list(islice(content, CHUNK)):
            rows += len(chunk)
            if kept := list(_kept(chunk, wanted, seen, path)):
                chunks.append(_frame(kept, columns, values, path))
    if not rows:
        raise DataError("the table has no rows", source=path, remedy="give a table with one row a participant")
    return pd.concat(chunks) if chunks else _frame([], columns, values, path)


def read_header(path: Path) -> list[str]:
    """The headings of a table.

    Raises
    ------
    DataError
        If the file is no table.
    """
    with _opened(path) as (header, _):
        return header


def _kept(
    chunk: Sequence[tuple[int, list[str]]], wanted: set[str] | None, seen: dict[str, int], path: Path
) -> Iterator[tuple[int, str, list[str]]]:
    """Row number, participant, and the cells needed, of whoever is wanted."""
    for row, (number, *cells) in chunk:
        eid = participant_of(number.strip(), row, "eid", path)
        if eid and (wanted is None or eid in wanted):
            see_once(seen, eid, row, path)
            yield row, eid, cells


def participant_of(cell: str, row: int, heading: str, path: Path) -> str:
    """The number of the participant of a row; "" of one who stands for nobody.

    Raises
    ------
    DataError
        If the cell is neither.
    """
    eid = participant(cell)
    if not eid and not NOBODY.fullmatch(cell):
        problem = f"row {row} has no participant's number in the column {heading}"
        raise DataError(problem, source=path, remedy="write all of its digits there, and nothing else")
    return eid


def see_once(seen: dict[str, int], eid: str, row: int, path: Path) -> None:
    """Take down the row of a participant.

    Raises
    ------
    DataError
        If another row was theirs.
    """
    if seen.setdefault(eid, row) != row:
        raise DataError(
            f"the participant of row {seen[eid]} is there again in row {row}",
            source=path,
            remedy="keep one row a participant",
        )


def _frame(kept: list[tuple[int, str, list[str]]], columns: list[Column], values: Callable, path: Path) -> pd.DataFrame:
    for row, _, content in kept:
        if not is_text(content):
            headings = [column.heading for column, cell in zip(columns, content) if not is_text([cell])]
            raise DataError(
                f"the column {headings[0]} has text that is no UTF-8 in row {row}", source=path, remedy=REMEDY
            )
    cells = [["" if cell.strip() in MISSING else cell.strip() for cell in content] for _, _, content in kept]
    made = values([row for row, _, _ in kept], cells, columns)
    return pd.DataFrame(made, index=pd.Index([eid for _, eid, _ in kept], dtype=object, name="eid"))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[list[str], Read]]:
    """The header of a table, and a function that reads some columns of it row by row."""
    try:
        if path.suffix.lower() == ".parquet":
            yield _open_parquet(path)
        else:
            with open_text(path) as opened:
                yield opened
    except (OSError, EOFError, zlib.error) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"the table cannot be read ({cause})", source=path, remedy=REMEDY) from error


def _open_parquet(path: Path) -> tuple[list[str], Read]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            "reading parquet needs pyarrow", source=path, remedy="pip install pyarrow, or give the table as CSV"
        ) from error
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowException as error:
        raise DataError("the table is no parquet", source=path, remedy=REMEDY) from error
    header = file.schema_arrow.names

    def read(places: list[int]) -> Iterator[tuple[int, list[str]]]:
        names = [header[place] for place in places]
        number = count(FIRST_ROW)
        try:
            for batch in file.iter_batches(CHUNK, columns=names):
                columns = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in names]
                yield from ((next(number), [_text(value) for value in row]) for row in zip(*columns))
        except pyarrow.ArrowException as error:
            raise DataError("the table is damaged", source=path, remedy=REMEDY) from error

    return header, read


def _text(value: Any) -> str:
    if isinstance(value, list):
        return SEPARATOR.join(map(_text, value))
    return "" if value is None else str(value)
