"""The content of a file that nobody vouches for: bounded in size, XML without entities, numbers that are numbers."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.text import encoding_of
from eccl.records import DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST = 32  # MB of a file that is read whole; ten seconds of twelve leads need less than one
LONGEST = 8_000_000  # characters of the numbers of one lead: an hour; as text, each number takes 50 bytes of memory
MOST_ELEMENTS = 300_000  # of an XML, and as many attributes; one that annotates each beat has some thousands

_WIDE = re.compile(rb"""<\?xml[^<>]{1,200}?encoding\s*=\s*["'](?:utf-?16|ucs-?2|unicode)""", re.IGNORECASE)


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
    """The root element; what a document declares of its own, or refers to outside, is refused before it is followed.

    A document type without declarations of its own, as `<!DOCTYPE RestingECG SYSTEM "restecg.dtd">`, declares nothing:
    it is passed over, and the file that it names is never looked for.

    Raises
    ------
    DataError
        If it is no XML, damaged, in an unknown encoding, has more than `MOST_ELEMENTS`, or holds what is refused.
    """
    from xml.etree.ElementTree import TreeBuilder

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    many = DataError(
        f"an XML of more than {MOST_ELEMENTS} elements or attributes",
        source=path,
        remedy="export the resting ECG alone; its XML has some thousands",
    )

    class Bounded(TreeBuilder):
        count = 0

        def start(self, tag: str, attributes: dict[str, str]) -> Element:
            self.count += 1
            if self.count > MOST_ELEMENTS:
                raise many
            return super().start(tag, attributes)

    if content.count(b"=") > MOST_ELEMENTS:  # one for each attribute, before a parser holds them all
        raise many
    encoding = _encoding(content)
    parser = DefusedXMLParser(target=Bounded(), encoding=encoding, forbid_dtd=True)
    try:
        parser.feed(_without_document_type(content, encoding))
        return parser.close()
    except DataError:
        raise
    except DefusedXmlException as error:
        raise DataError(
            f"the XML declares a document type or an entity of its own ({error})",
            source=path,
            remedy="export it again; no ECG needs one, and it can be an attack",
        ) from error
    except (ParseError, ValueError, LookupError) as error:  # the last two: encodings
        raise DataError(f"damaged, or no XML ({error})", source=path, remedy="copy or export it again") from error


def _encoding(content: bytes) -> str | None:
    """What an XML is encoded in, if its bytes contradict what it declares, as after a program changed only them."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if content.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if _WIDE.match(content):
        return "utf-8" if encoding_of(content) == "utf-8" else "iso-8859-1"
    return None


def _without_document_type(content: bytes, encoding: str | None) -> bytes:
    """The content less a document type that declares nothing, so that no reference to an entity can lean on it."""
    from xml.parsers import expat

    class Seen(Exception):
        """Enough is known."""

    parser, place, subset = expat.ParserCreate(encoding), [], []

    def token(text: str) -> None:  # each one of a document type comes alone, and a comment comes as one
        if text == "<!DOCTYPE":
            place.append(parser.CurrentByteIndex)
        elif subset and text.strip() not in ("", "]", ">"):
            raise Seen
        elif place and text == "[":
            subset.append(text)  # some writers leave it empty
        elif place and text == ">":
            place.append(parser.CurrentByteIndex)
            raise Seen

    def element(name: str, attributes: dict[str, str]) -> None:
        raise Seen

    parser.DefaultHandler, parser.StartElementHandler = token, element
    with suppress(Seen, expat.ExpatError, ValueError, LookupError):  # of what is damaged, the parser proper tells
        parser.Parse(content, True)
    if len(place) < 2:
        return content
    start, end = place
    return content[:start] + content[end + (2 if b"\0" in content[end : end + 2] else 1) :]  # 2: UTF-16


def whole_numbers(text: str | None, separator: str | None, what: str, path: Path) -> np.ndarray:
    """Whole numbers of a text, shape (n,), float; white space about them and one last separator do not count.

    Raises
    ------
    DataError
        If one of them is no whole number, there is none, or there are more than `LONGEST` characters.
    """
    if not (text or "").strip():
        raise DataError(f"{what} is empty", source=path, remedy="export the recording again, with its waveform")
    if len(text) > LONGEST:
        raise DataError(
            f"{what} has {len(text)} characters, more than the {LONGEST} that are read of a lead",
            source=path,
            remedy="export the resting ECG alone, without the full disclosure",
        )
    parts = text.split(separator)
    if separator and len(parts) > 1 and not parts[-1].strip():  # a list may end in its separator
        parts.pop()
    try:
        return np.fromiter(map(int, parts), dtype=float, count=len(parts))
    except (ValueError, OverflowError) as error:
        wrong = next((part.strip() for part in parts if not re.fullmatch(r"\s*[+-]?\d{1,18}\s*", part)), "")
        raise DataError(
            f"{what} holds {wrong[:40]!r}, which is no whole number",
            source=path,
            remedy="export the recording again; a missing sample cannot be guessed",
        ) from error


def binary(text: str | None, what: str, path: Path) -> bytes:
    """The bytes of a text in Base64, in lines or not.

    Raises
    ------
    DataError
        If it is absent, or no Base64.
    """
    import binascii

    plain = "".join((text or "").split())
    if not plain:
        raise DataError(f"{what} is empty", source=path, remedy="export the recording again, with its waveform")
    try:
        return binascii.a2b_base64(plain, strict_mode=True)
    except ValueError as error:  # binascii.Error among them, and what is beyond ASCII
        raise DataError(
            f"{what} is damaged, or no Base64 ({error})", source=path, remedy="copy or export it again, whole"
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
