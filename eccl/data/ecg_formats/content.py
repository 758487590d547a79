"""The content of a file that nobody vouches for: bounded in size, XML without entities, numbers that are numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.records import DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST = 32  # MB of a file that is read whole; ten seconds of twelve leads need less than one


def check_file(path: Path, largest: float | None = LARGEST) -> Path:
    """The path, if it is a file of no more than `largest` MB; a pipe, a device or a folder is none.

    Raises
    ------
    DataError
        If it is not there, is no file or is too large.
    """
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise DataError(f"cannot be read ({cause})", source=path, remedy="check the path") from error
    if not path.is_file():
        raise DataError("this is a folder, or no file", source=path, remedy="give the path of one recording")
    if largest is not None and size > largest * 1e6:
        raise DataError(
            f"{size / 1e6:.0f} MB, more than the {largest:g} MB that are read of one recording",
            source=path,
            remedy="export the resting ECG alone, without the full disclosure",
        )
    return path


def read_content(path: Path) -> bytes:
    """The bytes of a file, no more than `LARGEST` MB.

    Raises
    ------
    DataError
        As `check_file`; and if the system refuses to read it.
    """
    check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})", source=path, remedy="check that you may read it"
        ) from error


def parse_xml(content: bytes, path: Path) -> Element:
    """The root element; a document type, an entity or a reference to the outside is refused before it is followed.

    Raises
    ------
    DataError
        If it is no XML, damaged, in an unknown encoding, or holds what is refused.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        return fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(
            f"the XML declares a document type or an entity ({error})",
            source=path,
            remedy="export it again; no ECG needs one, and it can be an attack",
        ) from error
    except (ParseError, ValueError, LookupError) as error:  # the last two: encodings
        raise DataError(f"damaged, or no XML ({error})", source=path, remedy="copy or export it again") from error


def whole_numbers(text: str | None, separator: str | None, what: str, path: Path) -> np.ndarray:
    """Whole numbers of a text, shape (n,), float; white space about them does not count.

    Raises
    ------
    DataError
        If one of them is no whole number, or there is none.
    """
    if not (text or "").strip():
        raise DataError(f"{what} is empty", source=path, remedy="export the recording again, with its waveform")
    parts = text.split(separator)
    try:
        return np.fromiter(map(int, parts), dtype=float, count=len(parts))
    except (ValueError, OverflowError) as error:
        wrong = next((part.strip() for part in parts if not re.fullmatch(r"\s*[+-]?\d{1,18}\s*", part)), "")
        raise DataError(
            f"{what} holds {wrong[:40]!r}, which is no whole number",
            source=path,
            remedy="export the recording again; a missing sample cannot be guessed",
        ) from error


def positive(text: str | None, what: str, unit: str, path: Path) -> float:
    """A number above 0.

    Raises
    ------
    DataError
        If it is absent, no number, not finite, or not above 0.
    """
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise DataError(
            f"{what} is {(text or '').strip()[:40]!r} {unit}".rstrip(),
            source=path,
            remedy="export the recording again, with a number above 0",
        )
    return value


def same_length(rows: dict[str, np.ndarray], path: Path) -> np.ndarray:
    """The rows as one array, shape (L, T).

    Raises
    ------
    DataError
        If there are none, or they differ in length.
    """
    lengths = {name: len(row) for name, row in rows.items()}
    if len(set(lengths.values())) > 1:
        some = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(
            f"leads of different length in samples ({some})", source=path, remedy="export the recording again, whole"
        )
    return np.stack(list(rows.values())) if rows else np.empty((0, 0))
