"""CSV with a header of lead names, and NPY: bare numbers, whose unit and rate the caller states."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from eccl.data.ecg_formats.content import check_file, read_content
from eccl.data.leads import Channels
from eccl.records import LEADS, DataError

_TITLE = re.compile(r"(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]\s]{1,8})[)\]]")  # I (mV), time [s]
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def read_csv(path: Path) -> Channels:
    """The columns of a table separated by comma, semicolon or tab; units and rate as far as its header states them.

    A lead's unit stands behind its name, as in "I (mV)". A column "time (s)" (or ms, us) gives the rate.

    Raises
    ------
    DataError
        If it is no table of numbers, its rows differ in length, or time does not run evenly.
    """
    try:
        lines = [line for line in read_content(path).decode("utf-8-sig").splitlines() if line.strip()]
        separator = max(",;\t", key=lines[0].count) if lines else ","
        titles = [title.strip() for title in next(csv.reader(lines[:1], delimiter=separator), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"no table of text ({error})", source=path, remedy="save it as CSV, in UTF-8") from error
    if len(lines) < 2:
        raise DataError(
            f"{len(lines)} rows, without samples", source=path, remedy="give a header and one row for each sample"
        )
    try:
        table = np.loadtxt(lines[1:], delimiter=separator, comments=None, quotechar='"', ndmin=2)
    except ValueError as error:
        raise DataError(
            f"no table of numbers ({error}, counted without the header)",
            source=path,
            remedy="give one number in every cell, with a point for decimals, and rows of one length",
        ) from error
    if table.shape[1] != len(titles):
        raise DataError(
            f"{len(titles)} titles over {table.shape[1]} columns", source=path, remedy="give each column its title"
        )
    matches = [_TITLE.fullmatch(title) for title in titles]
    names = tuple(match["name"] if match else title for match, title in zip(matches, titles))
    units = tuple(match["unit"] if match else None for match in matches)
    return Channels(names, table.T, units, _rate(names, units, table, path), str(path))


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
        array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError, TypeError, OverflowError, SyntaxError, TokenError) as error:
        raise DataError(
            f"damaged, or no NPY array of numbers ({error})",
            source=path,
            remedy="save it with numpy.save(), as an array of floats",
        ) from error
    if array.dtype.kind not in "fiu":
        raise DataError(f"an array of {array.dtype}", source=path, remedy="save an array of real numbers")
    if array.ndim != 2 or array.shape.count(len(LEADS)) != 1:
        raise DataError(
            f"an array of shape {array.shape}, not (12, samples) or (samples, 12)",
            source=path,
            remedy=f"save one row for each of {', '.join(LEADS)}, in this order",
        )
    leads = array if array.shape[0] == len(LEADS) else array.T
    return Channels(LEADS, leads, (None,) * len(LEADS), None, str(path))


def _rate(names: tuple[str, ...], units: tuple[str | None, ...], table: np.ndarray, path: Path) -> float | None:
    """Hz, of a column of time if there is one with its unit."""
    columns = [place for place, name in enumerate(names) if name.lower() == "time" and units[place] in _SECONDS]
    if not columns or len(table) < 2:
        return None
    time = table[:, columns[0]] * _SECONDS[units[columns[0]]]
    step = (time[-1] - time[0]) / (len(time) - 1)
    # A quarter of a step: time may be rounded to ms, but one lost sample moves it by half a step at least.
    if not (step > 0 and np.abs(time - time[0] - step * np.arange(len(time))).max() < step / 4):
        raise DataError(
            f"time does not run evenly (on average {step:g} s a sample)",
            source=path,
            remedy="give evenly spaced samples, or leave the column of time out and state read_ecg(..., rate=500)",
        )
    return float(f"{1 / step:.6g}")  # 500, whatever the last bit of the times says
