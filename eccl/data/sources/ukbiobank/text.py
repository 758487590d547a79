"""Rows of UK Biobank's tables in text: with commas or tabs, packed or not, quotation marks as people type them.

ukbconv writes free text as it was typed: in Latin-1, with a quotation mark anywhere, and without quoting where tabs
separate. Neither matters in a column that nobody needs. Where quotation marks allow two readings that differ, the row
is refused rather than read in one of them.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from eccl.records import DataError

Read = Callable[[list[int]], Iterator[tuple[int, list[str]]]]  # places of columns to row numbers and cells

FIRST_ROW = 2  # of people, as a spreadsheet counts: row 1 is the header
LONGEST_LINE = 2**24  # characters; a line of a whole release has about 2**18, and more is no table
LONGEST_CELL = 50  # lines of one quoted cell
DIGITS = 7  # of a participant's number, as UK Biobank gives them
NOBODY = re.compile(r"-\d{1,6}(\.0*)?", re.ASCII)  # stands in a refreshed table for who has withdrawn
_NUMBER = re.compile(r"([1-9]\d{0,11})(?:\.0*)?|([1-9])(?:\.(\d{6})0*)?e\+?0?6", re.ASCII | re.IGNORECASE)
REMEDY = "download the table again and check that it is whole: text with commas or tabs in UTF-8, or parquet"


@contextmanager
def open_text(path: Path) -> Iterator[tuple[list[str], Read]]:
    """The header of a table, and a function that reads some columns of it, the participants' first, row by row.

    Bytes that are no UTF-8 become surrogates, which `is_text` tells.

    Raises
    ------
    DataError
        If there is no header; and as it is read, if a row has another number of cells than the header, a line never
        ends, or quotation marks can be read in two ways.
    """
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = _Lines(file, path)
        line = next(lines, "")
        if not line.strip() or "\0" in line:
            raise DataError("the table has no header in UTF-8", source=path, remedy=REMEDY)
        separator = "\t" if "\t" in line else ","
        cells = _quoted(line, lines, separator)[0] or _plain(line, separator)
        header = [heading.strip() for heading in cells]
        unquoted = separator == "\t" and '"' not in line

        def read(places: list[int]) -> Iterator[tuple[int, list[str]]]:
            before, behind = _more_than_named(lines, separator, len(header), places[0])
            places, width = [before + place for place in places], before + len(header) + behind
            for number, line in enumerate(lines, start=FIRST_ROW):
                if not line.strip("\r\n"):
                    continue
                row = _cells(line, lines, separator, (width, places[0]), unquoted)
                if row is None:
                    problem = f"row {number} has quotation marks that can be read in two ways"
                    raise DataError(problem, source=path, remedy="close or take out the quotation mark in this row")
                if len(row) != width or (behind and row[-1].strip()):
                    wanted = f"{width}" if len(row) != width else f"{len(header)} and an empty one"
                    raise DataError(f"row {number} has {len(row)} cells, not {wanted}", source=path, remedy=REMEDY)
                yield number, [row[place] for place in places]

        yield header, read


def participant(text: str) -> str:
    """The number of a participant as programs write it: 1234567, 1234567.0, 1.234567e+06, 4e+06; "" of anything else.

    With fewer decimals a power of ten is a number that was rounded, and nobody's.
    """
    match = _NUMBER.fullmatch(text)
    return match[1] or match[2] + (match[3] or "000000") if match else ""


def is_text(cells: Iterable[str]) -> bool:
    """Whether all of some cells are text in UTF-8."""
    joined = "".join(cells)
    return joined.isascii() or not any("\ud800" <= character <= "\udfff" for character in joined)


class _Lines:
    """Lines of a file with their ends, of bounded length; some may be given back."""

    def __init__(self, file: TextIO, path: Path):
        self._file, self._path, self._back = file, path, deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE:
            raise DataError(f"a line of more than {LONGEST_LINE} characters", source=self._path, remedy=REMEDY)
        return line

    def give_back(self, lines: Iterable[str]) -> None:
        self._back.extendleft(reversed(list(lines)))


def _more_than_named(lines: _Lines, separator: str, width: int, place: int) -> tuple[int, int]:
    """How many cells of a row stand before and behind those that the header names.

    R writes the names of rows without a heading above them; others end each row, but not the header, with a separator.
    """
    line = next(lines, "")
    lines.give_back([line] if line else [])
    cells = [cell.strip() for cell in _quoted_line(line, separator)]
    if len(cells) != width + 1:
        return 0, 0
    shifted, straight = (len(participant(cells[at])) == DIGITS for at in (place + 1, place))
    return int(shifted and not (straight and not cells[-1])), int(straight and not cells[-1] and not shifted)


def _cells(line: str, lines: _Lines, separator: str, form: tuple[int, int], unquoted: bool) -> list[str] | None:
    """The cells of a row that begins with a line; None if it can be read in two ways.

    `form` is how many cells a row has, and which of them is the participant's number.
    """
    count, _ = form
    if '"' not in line:
        return _plain(line, separator)
    quoted, more = _quoted(line, lines, separator)
    # A line behind that could be a row is a sign that a stray mark has opened a cell and another one closed it.
    if len(quoted) == count and not any(_is_row(other, separator, form) for other in more):
        return quoted
    if len(quoted) == count and not unquoted:
        return None
    lines.give_back(more)
    return [_bare(cell) for cell in _plain(line, separator)]


def _is_row(line: str, separator: str, form: tuple[int, int]) -> bool:
    """Whether a line has as many cells as a row, or a participant's number where a row has it."""
    count, place = form
    plain = _plain(line, separator)
    number = participant(_bare(plain[place].strip())) if place < len(plain) else ""
    return len(number) == DIGITS or count in (len(plain), len(_quoted_line(line, separator)))


def _plain(line: str, separator: str) -> list[str]:
    return line.rstrip("\r\n").split(separator)


def _bare(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _quoted_line(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a cell longer than csv reads
        return []


def _quoted(line: str, lines: _Lines, separator: str) -> tuple[list[str], list[str]]:
    """The cells of a row by the rules of CSV, and the lines that it takes behind the first; none if it breaks them."""
    more: list[str] = []

    def behind() -> Iterator[str]:
        yield line
        for other in lines:
            more.append(other)
            yield other
            if len(more) == LONGEST_CELL:
                return

    try:
        return next(csv.reader(behind(), delimiter=separator, strict=True)), more
    except (csv.Error, StopIteration):
        lines.give_back(more)
        return [], []
