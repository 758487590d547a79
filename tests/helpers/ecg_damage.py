"""Damage to a valid ECG file: each function gives a change of its bytes."""

from __future__ import annotations

import functools
import io
import tempfile
from pathlib import Path

import numpy as np

from helpers.ecg_files import WRITERS
from helpers.making import make_ecg

ECG_ = make_ecg(np.random.default_rng(0))
CARDIOSOFT, AECG, DICOM, EDF, CSV, NPY, WFDB = "a.xml", "b.xml", "a.dcm", "a.edf", "a.csv", "a.npy", "a.hea"
STATED = {name: stated for name, _, stated in WRITERS.values()}
WRITE = {name: write for name, write, _ in WRITERS.values()}


@functools.cache
def valid(name: str) -> bytes:
    """The bytes of a valid file."""
    with tempfile.TemporaryDirectory() as folder:
        WRITE[name](Path(folder) / name, ECG_)
        return (Path(folder) / name).read_bytes()


# --- What a case does to a valid file: each takes and gives bytes -----------------------------------------------------


def swap(*pairs: tuple[str, str], times: int = -1):
    """Replace texts, of which each must be there."""

    def change(raw: bytes) -> bytes:
        for old, new in pairs:
            assert old.encode() in raw, old
            raw = raw.replace(old.encode(), new.encode(), times)
        return raw

    return change


def first(old: str, new: str):
    """Replace the first occurrence of a text."""
    return swap((old, new), times=1)


def whole(raw: bytes):
    """Another content altogether."""
    return lambda _: raw


def cut(part: float):
    """Keep the beginning of a file."""
    return lambda raw: raw[: int(len(raw) * part)]


def without_lead(start: str, end: str, lead: str):
    """Cut out a stretch of text about a lead, its start the last before the lead's name."""

    def change(raw: bytes) -> bytes:
        text = raw.decode("latin-1")
        begin = text.rindex(start, 0, text.index(lead) + len(lead))
        return (text[:begin] + text[text.index(end, text.index(lead)) + len(end) :]).encode("latin-1")

    return change


def twice_lead(start: str, end: str, lead: str):
    """The stretch of text about a lead again."""

    def change(raw: bytes) -> bytes:
        text = raw.decode("latin-1")
        begin, stop = text.rindex(start, 0, text.index(lead) + len(lead)), text.index(end, text.index(lead)) + len(end)
        return (text[:stop] + text[begin:stop] + text[stop:]).encode("latin-1")

    return change


def both(*changes):
    """One change after another."""

    def change(raw: bytes) -> bytes:
        for step in changes:
            raw = step(raw)
        return raw

    return change


def rows(edit):
    """Edit the rows of a CSV as lists of cells."""

    def change(raw: bytes) -> bytes:
        table = edit([line.split(",") for line in raw.decode().splitlines()])
        return ("\n".join(",".join(row) for row in table) + "\n").encode()

    return change


def cell(row: int, column: int, value: str):
    def edit(table):
        table[row][column] = value
        return table

    return rows(edit)


def header(offset: int, width: int, value: str, first_signal: bool = False):
    """Overwrite a field of the header of EDF; of the first of 12 signals, `offset` counts within one signal alone."""

    def change(raw: bytes) -> bytes:
        at = 256 + 12 * offset if first_signal else offset
        return raw[:at] + value.encode().ljust(width) + raw[at + width :]

    return change


def saved(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()
