"""CSV with a header of lead names, and NPY: bare numbers, whose unit and rate the caller states."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eccl.data.formats.guard import check_file, read_content
from eccl.data.formats.leads import SECONDS, is_voltage, lead_name
from eccl.data.formats.text import encoding_of
from eccl.data.formats.twelve import bare, has_twelve
from eccl.records import LEADS, Channels, DataError

LONGEST_LINE = 1_000_000  # letters of a CSV; a sample of twelve leads takes some hundreds

_TITLE = re.compile(r"(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]\s]{1,12})[)\]]")  # I (mV), time [s]
_TIMES = ("time", "elapsed time")
_SECONDS = {**SECONDS, "sec": 1.0, "seconds": 1.0}
_MARKS = " '\t\r\n"  # about a title: WFDB's rdsamp quotes with apostrophes
_SEPARATORS = ",;\t|"
_SEPARATOR = re.compile(rf"sep=[{_SEPARATORS}]\s*")  # what spreadsheets put first
_MOST_COMMENTS = 1000  # lines above the titles


def read_csv(path: Path) -> Channels:
    """The leads of a table separated by comma, semicolon, tab or bar; units and rate as far as its header states them.

    A lead's unit stands behind its name, as in "I (mV)", or in a row of units below the titles. A column "time (s)" (or
    ms, us) gives the rate. Of all other columns nothing but the title is looked at. One line is one sample.

    Raises
    ------
    DataError
        If it is no table, a cell of a lead is no number, rows differ in length, or time does not run evenly.
    """
    content = read_content(path)
    try:
        if b"\0" in content and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise UnicodeError("it holds bytes of 0")
        lines = _lines(content, path)
        separator, titles = _header(lines)
        matches = [_TITLE.fullmatch(title) for title in titles]
        names = [match["name"] if match else title for match, title in zip(matches, titles)]
        units = [match["unit"] if match else None for match in matches]
        leads = [place for place, name in enumerate(names) if lead_name(name)]
        rows = (_cells(line, separator, len(titles)) for line in lines)
        if not any(units[place] for place in leads):
            units, rows = _units(rows, units, leads)
        times = [place for place, name in enumerate(names) if name.lower() in _TIMES and units[place] in _SECONDS][:1]
        numbers = _numbers(rows, titles, [*leads, *times], path)
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"no table of text ({error})", source=path, remedy="save it as CSV, in UTF-8") from error
    rate = _rate(numbers[-1] * _SECONDS[units[times[0]]], path) if times else None
    return Channels(
        tuple(names[place] for place in leads),
        numbers[: len(leads)],
        tuple(units[place] for place in leads),
        rate,
        str(path),
        others=tuple(name for name in names if not lead_name(name)),
    )


def read_npy(path: Path) -> Channels:
    """The 12 rows (or columns) of an array, taken to be in the order of `LEADS`, in no stated unit, at no stated rate.

    Raises
    ------
    DataError
        If it is no NPY file, holds objects (nothing is unpickled) or no real numbers, or is not (12, T) or (T, 12).
    """
    from tokenize import TokenError

    check_file(path, largest=None)
    try:
        # Mapped: a shape that the file cannot hold is refused, not allocated; only what is wanted is read.
        table = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError, TypeError, OverflowError, SyntaxError, TokenError) as error:
        raise DataError(
            f"damaged, or no NPY array of numbers ({error})",
            source=path,
            remedy="save it with numpy.save(), as an array of floats",
        ) from error
    if table.dtype.kind not in "fiu":
        raise DataError(f"an array of {table.dtype}", source=path, remedy="save an array of real numbers")
    if table.ndim != 2 or not has_twelve(table.shape):
        raise DataError(
            f"an array of shape {table.shape}, not (12, samples) or (samples, 12)",
            source=path,
            remedy=f"save one row for each of {', '.join(LEADS)}, in this order",
        )
    return bare(table, path)


def _lines(content: bytes, path: Path) -> Iterator[str]:
    """The lines that hold anything, one by one."""
    for line in io.TextIOWrapper(io.BytesIO(content), encoding_of(content)):
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"a line of {len(line)} letters, more than {LONGEST_LINE}",
                source=path,
                remedy="give a header of lead names and one row for each sample",
            )
        if line.strip():
            yield line


def _header(lines: Iterator[str]) -> tuple[str, list[str]]:
    """The separator, of which most leads come, and the titles, without empty ones at the end.

    Comments above the titles are passed over; the titles themselves may be written as one.
    """
    for _ in range(_MOST_COMMENTS):
        line = next(lines, "")
        split = {
            separator: [title.strip(_MARKS)[:80] for title in _cells(line.lstrip("#"), separator)]
            for separator in _SEPARATORS
        }
        useful = {separator: (sum(map(_is_title, titles)), len(titles)) for separator, titles in split.items()}
        separator = max(split, key=useful.get)
        if useful[separator][0] or not (line.startswith("#") or _SEPARATOR.fullmatch(line)):
            break
    titles = split[separator]
    while titles and not titles[-1]:
        titles.pop()
    return separator, titles


def _is_title(text: str) -> bool:
    return lead_name(text) is not None or _TITLE.fullmatch(text) is not None


def _units(
    rows: Iterator[list[str]], units: list[str | None], leads: list[int]
) -> tuple[list[str | None], Iterator[list[str]]]:
    """The units of the columns and the rows behind, if the first row holds a voltage for each lead."""
    first = next(rows, None)
    if first is None:
        return units, rows
    stated = [cell.strip(_MARKS + "()[]") for cell in first]
    if leads and all(place < len(stated) and is_voltage(stated[place]) for place in leads):
        stated += [""] * (len(units) - len(stated))
        return [unit or written or None for unit, written in zip(units, stated)], rows
    return units, itertools.chain([first], rows)


def _cells(line: str, separator: str, expected: int | None = None) -> list[str]:
    """The cells of a line; a quotation mark that is never closed, as text may hold, is a letter like any other."""
    line = line.rstrip("\n")
    if '"' not in line:
        return line.split(separator)
    cells = next(csv.reader([line], delimiter=separator))
    if expected is None or len(cells) >= expected:
        return cells
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _numbers(rows: Iterator[list[str]], titles: list[str], wanted: list[int], path: Path) -> np.ndarray:
    """The columns that are wanted, shape (columns, T)."""
    found, empty, number = array("d"), 0, 0
    for number, row in enumerate(rows, start=1):
        if not any(map(str.strip, row)):
            empty = empty or number  # a spreadsheet leaves such rows at its end; elsewhere, a sample is missing
            continue
        if empty:
            raise DataError(
                f"row {empty} below the header is empty", source=path, remedy="repair the gap or leave it out"
            )
        if len(row) != len(titles) and (len(row) < len(titles) or any(map(str.strip, row[len(titles) :]))):
            raise DataError(
                f"{len(titles)} titles over {len(row)} cells in row {number} below the header",
                source=path,
                remedy="give each column its title, rows of one length, and a point for decimals",
            )
        cells = [row[place] for place in wanted]
        if "_" in "".join(cells):  # Python reads 1_000 as 1000
            _refuse(cells, [titles[place] for place in wanted], number, path)
        try:
            found.extend(map(float, cells))
        except ValueError:
            _refuse(cells, [titles[place] for place in wanted], number, path)
    if number == 0:
        raise DataError(
            f"{min(1, len(titles))} rows, without samples",
            source=path,
            remedy="give a header and one row for each sample",
        )
    return np.frombuffer(found).reshape(-1, len(wanted)).T if wanted else np.empty((0, 0))


def _refuse(cells: list[str], titles: list[str], number: int, path: Path) -> None:
    """Name the first cell that is no number."""
    for cell, title in zip(cells, titles):
        try:
            float(cell.replace("_", "no number"))
        except ValueError as error:
            raise DataError(
                f"row {number} below the header holds {cell.strip()[:40]!r} for {title!r}, which is no number",
                source=path,
                remedy="give one number in every cell of a lead and of time, with a point for decimals",
            ) from error


def _rate(time: np.ndarray, path: Path) -> float | None:
    """Hz, of the times of the samples in seconds."""
    if len(time) < 2:
        return None
    length, steps = time[-1] - time[0], len(time) - 1
    step = length / steps
    # Half a step: time may be rounded to ms, but a lost or doubled sample changes a difference by a whole step.
    off = (np.diff(time) - step, time - time[0] - step * np.arange(len(time)))
    if not (step > 0 and all(np.abs(each).max() < step / 2 for each in off)):
        raise DataError(
            f"time does not run evenly (on average {step:g} s a sample)",
            source=path,
            remedy="give evenly spaced samples, or leave the column of time out and state read_ecg(..., rate=500)",
        )
    rate = 1 / max(step, 1e-9)  # beyond it, as of times that hardly move, any is refused
    whole = round(rate)  # 500, whatever the last digit of the times says
    return float(whole) if whole and abs(length - steps / whole) < step / 2 else float(f"{rate:.6g}")
