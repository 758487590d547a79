"""Entries of a cell that holds an array: hospital codes in ICD-10, or their dates, by position.

A code that hides in the text of another is a diagnosis lost in silence. So an entry is one code, with a label behind it
or without; a cell of several is split where it is a list beyond doubt, and anything else is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from eccl.traits import DIAGNOSES

SEPARATOR = "|"  # between the entries of an array, in the columns icd10 and icd10_dates
MISSING = {"", ".", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NaT", "None", "NULL", "null"}

_CODE = r"[A-Z]\d[0-9A-Z](?:\.?[0-9X]{1,3})?[A-Z]?[.*+†-]{0,2}"  # I48, I480, I48.0, I48X, and with the signs of ICD-10
_ENTRY = re.compile(rf"(?P<code>{_CODE})(?:(?:\s+|\s*[:–-]\s+)(?P<label>\S.*))?", re.DOTALL)
_ONE = re.compile(_CODE)
# In a label: another code behind a separator or at its start; one of the four diagnoses anywhere.
_HIDDEN = re.compile(rf"(?:^|[,;/|&+\n\t]\s*){_CODE}(?![A-Za-z0-9])|(?<![A-Za-z0-9])(?:{'|'.join(DIAGNOSES)})")
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_LIST = re.compile(rf"\[(?:\s*(?:{_QUOTED}|None|null|nan|NaN),?)*\s*\]", re.DOTALL)  # as Python or JSON writes one
_ELEMENT = re.compile(rf"{_QUOTED}|None|null|nan|NaN", re.DOTALL)
_BETWEEN = re.compile(r"[ \r]*[,;/\n\t][ \r]*|[^\S\n\t]+")
_BETWEEN_DATES = re.compile(r"[ \r]*[,;\n\t][ \r]*")


def code_entries(text: str) -> list[str]:
    """ICD-10 codes of a cell, by position, in capitals, without point or label; "" where there is none.

    Raises
    ------
    ValueError
        With what is wrong with the cell, in words that do not show it.
    """
    return [code for part in _parts(text) for code in _codes(part)]


def date_entries(text: str, read: Callable[[str], str]) -> list[str]:
    """Dates of a cell, by position, each as `read` gives it; "" where there is none."""
    pieces = (piece for part in _parts(text) for piece in _BETWEEN_DATES.split(part))
    return ["" if piece in MISSING else read(piece) for piece in pieces]


@lru_cache(maxsize=2**16)  # a table repeats some thousand codes in millions of cells
def _codes(part: str) -> tuple[str, ...]:
    match, pieces = _ENTRY.fullmatch(part.upper()), _BETWEEN.split(part)
    if part in MISSING:
        return ("",)
    if match and not (match["label"] and _HIDDEN.search(match["label"])):
        return (_plain(match["code"]),)
    if all(piece in MISSING or _ONE.fullmatch(piece.upper()) for piece in pieces):
        return tuple("" if piece in MISSING else _plain(piece.upper()) for piece in pieces)
    raise ValueError("an entry that holds more than one code" if match else "an entry that is no code of ICD-10")


def _parts(text: str) -> list[str]:
    """What a list, as Python or JSON writes it, or text with | between holds; what has other separators is one part."""
    if not text.startswith("["):
        return [part.strip() for part in text.split(SEPARATOR)]
    if _LIST.fullmatch(text):
        return [_unquoted(element).strip() for element in _ELEMENT.findall(text)]
    if text.endswith("]") and not re.search(r"""['"\[]""", text[1:]):
        return [part.strip() for part in text[1:-1].split(SEPARATOR)]
    raise ValueError("an unfinished list")


def _unquoted(element: str) -> str:
    return re.sub(r"\\(.)", r"\1", element[1:-1]) if element[0] in "'\"" else ""


def _plain(code: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", code)
