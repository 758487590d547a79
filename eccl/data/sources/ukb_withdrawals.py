"""Lists of people who have withdrawn from UK Biobank: found in a download by name or by content, and read.

A list goes by many names: w12345_20240119.csv, withdraw12345_398_20240119.txt, or what its owner called it. Whoever is
on a list that nobody noticed stays in the cohort, so whatever holds participants' numbers and nothing else is taken for
one. No message here holds the number of a participant, also not as part of a path.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from eccl.data.sources.base import files_under
from eccl.records import DataError

TEXTS = ("", ".csv", ".txt", ".tsv", ".tab", ".list", ".lst")  # suffixes of what may be a list, also with .gz behind
SHEETS = (".xlsx", ".xls", ".ods", ".zip")  # of what is a list by its name, and cannot be read
LONGEST_LINE = 1000  # characters, of a list
HEAD = 50  # lines that tell whether a file is a list
MOST_NUMBERS = 2_000_000  # of one list; UK Biobank has 502,000 participants
LARGEST_SHARE = 0.5  # of the people of a download, whom a list that its content alone tells may take out
_ALWAYS = re.compile(r".*withdr.*|w\d+_\d{6,8}\D.*", re.IGNORECASE | re.DOTALL)
_BY_SUFFIX = re.compile(r"w[\s_-]*\d.*", re.IGNORECASE | re.DOTALL)
_BULK = re.compile(r"\d+_\d+_\d+_\d+\..*", re.DOTALL)  # a recording: <eid>_<field>_<visit>_<array>
_NUMBER = re.compile(r"([1-9]\d{0,11})(\.0)?", re.ASCII)
_PARTICIPANT = re.compile(r"[1-9]\d{6}(\.0)?", re.ASCII)
_NOBODY = re.compile(r"-\d{1,11}(\.0)?", re.ASCII)  # stands in refreshed tables for somebody who has withdrawn
_HEADING = re.compile(r"[^\d\W](?!.*\d{5}).{0,200}")  # of whatever kind
_EID = re.compile(r"([a-z_]+[._])?eid|participant[ _]?id|(fid )?iid", re.IGNORECASE)
_AROUND = " \t\r\n,;'\"\ufeff"
_SEVEN_DIGITS = re.compile(r"(?<!\d)\d{7}(?!\d)")
_REMEDY = "give the list as UK Biobank sent it, as text, one number a line; or, if it is none, name it in other_lists"


class Withdrawals(NamedTuple):
    """A list: where it lies, and whether its name, or the user, says that it is one; else its content does."""

    path: Path
    named: bool


def find_lists(download: Path, given: str = "", others: str = "", tables: Path | None = None) -> list[Withdrawals]:
    """Every list of withdrawals: those given, and those in a download or in the folder of its tables, at any depth.

    A file is one if "withdr" is in its name, or if the name begins with w and a number; or if each of its first lines
    holds participants' numbers and nothing else, below a heading or not.

    Parameters
    ----------
    download : Path
    given : str
        Lists, or folders of lists; several with ; between.
    others : str
        Names of files, with ; between, that are lists of participants for another purpose.
    tables : Path, optional
        Folder of the tables, which may lie elsewhere; or a table, which is no list.

    Raises
    ------
    DataError
        If what is given, or said to be no list, is not there.
    """
    stated = [Path(text).expanduser() for text in several(given)]
    if absent := [path for path in stated if not path.exists()]:
        raise DataError("the list is not there (No such file or directory)", source=shown(absent[0]), remedy=_REMEDY)
    found = [
        Withdrawals(file, True) for path in stated for file in (files_under(path, [""]) if path.is_dir() else [path])
    ]
    names, unseen = set(several(others)), set(several(others))
    for place in [download] if tables is None or tables.is_relative_to(download) else [download, tables]:
        for path in files_under(place, [""]) if place.is_dir() else ():
            unseen.discard(path.name)
            if path.name in names or path == tables or _BULK.fullmatch(path.name):
                continue
            if _is_named(path) or (_kind(path) in TEXTS and _holds_numbers(path)):
                found.append(Withdrawals(path, _is_named(path)))
    if unseen:
        said = f"{len(unseen)} of the files that other_lists names are not there"
        raise DataError(said, source=download, remedy="give the names of files, without a folder, with ; between")
    return list({item.path.resolve(): item for item in reversed(found)}.values())[::-1]


def withdrawn(path: Path | str) -> set[str]:
    """The numbers of those who have withdrawn, as text, from a list: one a line, or several.

    Passed over are blank lines, a heading, quotation marks and separators, and negative numbers (which stand for people
    who are in no table). A list without anybody is one too.

    Raises
    ------
    DataError
        If a line is anything else, with the number of the line and never what it says.
    """
    numbers: set[str] = set()
    odd = 0  # number of a first line that is a heading if numbers follow
    try:
        with _opened(Path(path), "strict") as file:
            for row, (place, cells) in enumerate(_rows(file)):
                found = [_NUMBER.fullmatch(cell) for cell in _people(cells, row)]
                if row == 0 and _HEADING.fullmatch(" ".join(cells)):
                    odd = 0 if _EID.fullmatch(" ".join(cells)) else place
                elif not all(found) or len(numbers) > MOST_NUMBERS:
                    odd = place
                    break
                else:
                    numbers |= {match[1] for match in found}
                    odd = 0 if numbers else odd
    except UnicodeError as error:
        raise DataError("the list is no text in UTF-8", source=shown(path), remedy=_REMEDY) from error
    except (OSError, EOFError, zlib.error) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"the list cannot be read ({cause})", source=shown(path), remedy=_REMEDY) from error
    if odd:
        raise DataError(f"line {odd} is no participant's number", source=shown(path), remedy=_REMEDY)
    return numbers


def taken_out(lists: Sequence[Withdrawals], people: Collection[str]) -> tuple[set[str], list[str]]:
    """Who of some people is on a list, and for each list a sentence: which file, and how many it takes out.

    Raises
    ------
    DataError
        As `withdrawn`; and if a list that its content alone tells would take out more than half of the people.
    """
    people, gone, said = set(people), set(), []
    for path, named in lists:
        here = withdrawn(path) & people
        if not named and len(here) > LARGEST_SHARE * len(people):
            raise DataError(
                f"it holds participants' numbers alone, so it is taken for a list of withdrawals, and {len(here)} of "
                f"{len(people)} people are on it",
                source=shown(path),
                remedy=f"say that it is none: other_lists={_masked(path.name)}; or, if it is, name it withdrawals.txt",
            )
        gone |= here
        how = "" if named else ": told by its content alone; if it is none, say so with other_lists=its name"
        count = f"takes out {len(here)} of {len(people)} people"
        said.append(f"List of withdrawals {_masked(path.name)} {count}{how}")
    return gone, said


def shown(path: Path | str) -> str:
    """A path for a message: without what may be the number of a participant."""
    return _masked(str(path))


def _masked(text: str) -> str:
    return _SEVEN_DIGITS.sub("#######", text)


def several(text: str) -> list[str]:
    """The parts of an option with ; between."""
    return [part.strip() for part in text.split(";") if part.strip()]


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


def _is_named(path: Path) -> bool:
    sent = _BY_SUFFIX.fullmatch(path.name) and _kind(path) in (*TEXTS, *SHEETS)
    return bool(sent or _ALWAYS.fullmatch(path.name))


def _holds_numbers(path: Path) -> bool:
    """Whether the first lines hold participants' numbers alone."""
    try:
        with _opened(path, "surrogateescape") as file:
            rows = [cells for _, cells in islice(_rows(file), HEAD)]
            if rows and _HEADING.fullmatch(" ".join(rows[0])):
                del rows[0]
    except (OSError, EOFError, zlib.error, UnicodeError):
        return False
    cells = [cell for row, cells in enumerate(rows) for cell in _people(cells, row)]
    return bool(cells) and all(map(_PARTICIPANT.fullmatch, cells))


def _people(cells: list[str], row: int) -> list[str]:
    """The cells that stand for people: without a running number before them, and without who is in no table."""
    running = len(cells) > 1 and cells[0] in (str(row - 1), str(row), str(row + 1))
    return [cell for cell in cells[running:] if not _NOBODY.fullmatch(cell)]


@contextmanager
def _opened(path: Path, errors: str) -> Iterator[TextIO]:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    with opened(path, "rt", encoding="utf-16" if wide else "utf-8-sig", errors=errors) as file:
        yield file


def _rows(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The number of each line that says something, and its cells."""
    for place, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), start=1):
        text = line.strip(_AROUND)
        if text:
            yield place, re.split(r"[\s,;'\"]+", text) if len(line) < LONGEST_LINE else [text]
