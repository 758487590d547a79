"""Lists of people who have withdrawn from UK Biobank: found in a download by name or by content, and read.

A list goes by many names: w12345_20240119.csv, withdraw12345_398_20240119.txt, or what its owner called it. Whoever is
on a list that nobody noticed stays in the cohort, so whatever holds participants' numbers and nothing else is taken for
one. No message here holds the number of a participant, also not as part of a path.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple, TextIO

from eccl.data.sources.base import files_under
from eccl.data.sources.ukbiobank.text import DIGITS, NOBODY, participant
from eccl.records import DataError

TEXTS = ("", ".csv", ".txt", ".tsv", ".tab", ".list", ".lst")  # suffixes of lists by name, also with .gz behind
SHEETS = (".xlsx", ".xls", ".ods", ".zip")  # of what is a list by its name, and cannot be read
SCRIPTS = (".py", ".r", ".rmd", ".sh", ".sql", ".do", ".ipynb")  # of what may speak of lists, and is none
OTHERS = (  # of recordings, tables and pictures, which are not looked into; a list may have any other
    *(*SHEETS, *SCRIPTS, ".xml", ".nii", ".dcm", ".ima", ".bin", ".parquet", ".npy", ".npz", ".h5"),
    *(".png", ".jpg", ".pdf", ".docx", ".html"),
)
LONGEST_LINE = 2**16  # characters, of a list
HEAD = 50  # lines that tell whether a file is a list
HEADINGS = 5  # lines at most that stand above the numbers
LEAST_DIGITS = 5  # of a participant's number, in what is named a list
MOST_NUMBERS = 2_000_000  # of one list; UK Biobank has 502,000 participants
LARGEST_SHARE = 0.5  # of the people of a download, whom a list that its content alone tells may take out
_ALWAYS = re.compile(r".*withdr.*|w\d+_\d{6,8}\D.*", re.IGNORECASE | re.DOTALL)
_README = re.compile(r"read[ _-]?me", re.IGNORECASE)
_W_NUMBER = re.compile(r"w[\s_-]*\d.*", re.IGNORECASE | re.DOTALL)
_BULK = re.compile(r"\d+_\d+_\d+_\d+\..*", re.DOTALL)  # a recording: <eid>_<field>_<visit>_<array>
_HEADING = re.compile(r"(# ?)?[^\d\W](?!.*\d{6}).{0,200}")  # of whatever kind
_EID = re.compile(r"([a-z_]+[._])?eid|participant[ _]?id|(fid )?iid", re.IGNORECASE)
_RUNNING = re.compile(r"(unnamed.*|index|row)?", re.IGNORECASE)  # heading of the numbers of rows
_BETWEEN = re.compile(r"[\s,;|'\"()\[\]{}\ufeff\u200b]+")
_SEVEN_DIGITS = re.compile(r"(?<!\d)\d{7}(?!\d)")
_REMEDY = "give the list as UK Biobank sent it, as text, one number a line; or, if it is none, name it in other_lists"


class Withdrawals(NamedTuple):
    """A list: where it lies, and whether its name, or the user, says that it is one; else its content does."""

    path: Path
    named: bool


def find_lists(download: Path, given: str = "", others: str = "", tables: Path | None = None) -> list[Withdrawals]:
    """Every list of withdrawals: those given, and those in a download or in the folder of its tables, at any depth.

    A file is one if "withdr" is in its name, or in that of its folder, or if the name begins with w and a number; or if
    of its first lines, below headings or not, most hold participants' numbers and nothing else.

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
    names, unseen, table = set(several(others)), set(several(others)), tables and tables.resolve()
    for place in [download] if tables is None or tables.is_relative_to(download) else [download, tables]:
        for path in files_under(place, [""]) if place.is_dir() else ():
            unseen.discard(path.name)
            if path.name in names or path.resolve() == table or _BULK.fullmatch(path.name):
                continue
            named = _is_named(path.relative_to(place))
            if named or (_kind(path) not in OTHERS and _holds_numbers(path)):
                found.append(Withdrawals(path, named))
    if unseen:
        problem = f"{len(unseen)} of the files that other_lists names are not there"
        raise DataError(problem, source=download, remedy="give the names of files, without a folder, with ; between")
    return list({item.path.resolve(): item for item in reversed(found)}.values())[::-1]


def withdrawn(path: Path | str) -> set[str]:
    """The numbers of those who have withdrawn, as text, from a list: one a line, or several.

    Passed over are blank lines, headings, quotation marks and separators, and negative numbers (which stand for people
    who are in no table). A list without anybody is one too.

    Raises
    ------
    DataError
        If a line is anything else, with the number of the line and never what it says.
    """
    numbers: set[str] = set()
    odd = 0  # number of the first line that is a heading if numbers follow
    try:
        with _opened(Path(path), "strict") as file:
            for row, (place, _, cells) in enumerate(_rows(file)):
                found = [participant(cell) for cell in _people(cells)]
                if row < HEADINGS and not numbers and _HEADING.fullmatch(" ".join(cells)):
                    odd = 0 if _EID.fullmatch(" ".join(cells)) else odd or place
                elif not all(len(number) >= LEAST_DIGITS for number in found) or len(numbers) > MOST_NUMBERS:
                    odd = place
                    break
                else:
                    numbers.update(found)
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
    people, listed, messages = set(people), set(), []
    for path, named in lists:
        here = withdrawn(path) & people
        if not named and len(here) > LARGEST_SHARE * len(people):
            raise DataError(
                f"it holds participants' numbers alone, so it is taken for a list of withdrawals, and {len(here)} of "
                f"{len(people)} people are on it",
                source=shown(path),
                remedy=f"say that it is none: other_lists={_masked(path.name)}; or, if it is, name it withdrawals.txt",
            )
        listed |= here
        how = "" if named else ": told by its content alone; if it is none, say so with other_lists=its name"
        count = f"takes out {len(here)} of {len(people)} people"
        messages.append(f"List of withdrawals {_masked(path.name)} {count}{how}")
    return listed, messages


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
    """Whether a path within the download says that it is a list, by the file's name or a folder's."""
    sent = _W_NUMBER.fullmatch(path.name) or (_ALWAYS.fullmatch(str(path.parent)) and not _README.match(path.name))
    if sent and _kind(path) in (*TEXTS, *SHEETS):
        return True
    return bool(_ALWAYS.fullmatch(path.name)) and _kind(path) not in SCRIPTS


def _holds_numbers(path: Path) -> bool:
    """Whether most of the first lines, below headings or not, hold participants' numbers alone."""
    try:
        with _opened(path, "surrogateescape") as file:
            lines = list(islice(_rows(file), HEAD))
    except (OSError, EOFError, zlib.error, UnicodeError):
        return False
    rows = [cells for _, _, cells in lines]
    headings = takewhile(lambda cells: _HEADING.fullmatch(" ".join(cells)), rows[:HEADINGS])
    people = filter(None, map(_people, rows[len(list(headings)) :]))
    alone = [all(len(participant(cell)) == DIGITS for cell in cells) for cells in people]
    if rows and any(map(_EID.fullmatch, rows[0])) and (columns := _columns(lines[0][1])) > 1:
        # The table of fields that hardly anybody has looks like a list: most of its rows are a number alone.
        return bool(alone) and all(alone) and columns <= _most(rows[1:])
    return sum(alone) > len(alone) / 2


def _columns(heading: str) -> int:
    """How many columns a heading names, but for that of the numbers of rows."""
    names = re.split(r"[,;|\t]", heading)
    return sum(_RUNNING.fullmatch(" ".join(_BETWEEN.split(name)).strip()) is None for name in names)


def _most(rows: list[list[str]]) -> int:
    """The most cells that stand for people in one of some rows."""
    return max((len(_people(cells)) for cells in rows), default=0)


def _people(cells: list[str]) -> list[str]:
    """The cells that stand for people: without a running number before them, and without who is in no table."""
    people = [cell for cell in cells if not NOBODY.fullmatch(cell)]
    first, *others = [len(participant(cell)) for cell in people] or [0]
    return people[1:] if others and first < min(others) and people[0].isdigit() else people


@contextmanager
def _opened(path: Path, errors: str) -> Iterator[TextIO]:
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "no file")  # a pipe would be waited for
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        start = file.read(2)
    # A list without a mark of its encoding begins with a figure or a letter: in UTF-16 a zero stands behind it.
    marked = start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if marked else "utf-16-le" if start[1:] == b"\0" else "utf-8-sig"
    with opened(path, "rt", encoding=encoding, errors=errors) as file:
        yield file


def _rows(file: TextIO) -> Iterator[tuple[int, str, list[str]]]:
    """The number of each line that says something, the line, and its cells."""
    for place, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), start=1):
        cells = [cell for cell in _BETWEEN.split(line) if cell] if len(line) < LONGEST_LINE else [line]
        if cells:
            yield place, line, cells
