"""Whom a record of a folder is of: told by a comment, a folder or a name; refused where a layout repeats people.

Whoever has two recordings must not be trained on with one and tested with the other. MIMIC-IV-ECG keeps a patient's
records below files/p1000/p10000032/, PTB in patient001/, INCART writes "# patient 1", others begin names with P11136_.
No message here holds the name of a patient.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from eccl.data.sources.base import safe_id
from eccl.data.sources.comments import read_comments
from eccl.records import DataError

RECORD, COMMENT, NAME = "record", "comment", "name"
_WORDS = "patient|participant|subject|person|proband|volunteer|case|paciente|paziente|sujet|subj"
_SHORTER = "patients|pat|sub|pt|pid|mrn|id|p"  # with a number alone
_LIKE = (  # how people are called: a word with a number or a letter, or a long number
    rf"(?:{_WORDS})(?:[ _-]?(?:id|no|nr|number))?[ _=#.-]*(?:[a-z]{{0,3}}\d+[a-z]?|[a-rt-z])|"
    rf"(?:{_SHORTER})[ _=-]?\d+[a-z]?|sub-[a-z0-9]+|\d{{6,}}"
)
_PERSON = re.compile(_LIKE, re.IGNORECASE | re.ASCII)
_BEGINNING = re.compile(rf"({_LIKE})[ ._-].+", re.IGNORECASE | re.ASCII | re.DOTALL)
_WORD = re.compile(rf"((?:{_WORDS}|{_SHORTER})?)(.*)", re.IGNORECASE | re.DOTALL)
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(([0-2]\d|3[01])\d*)?")  # a folder of a day or month is nobody's
_PARTS = re.compile(r"(?P<person>.+?)[ ._-](?P<rest>.+)|(?P<number>.*\d)(?P<letter>[a-z])", re.IGNORECASE | re.DOTALL)
_SHORT = re.compile(r"p\d{1,4}", re.IGNORECASE)  # as the name of a download it is no person
_PTBXL = re.compile(r"\d{5}_[hl]r")
_OWN = "or patient=record, if each record is of another person"


class Seeming(NamedTuple):
    """The person that a record's place or name speaks of, and the option that takes it so."""

    name: str
    option: str


def whose(paths: Sequence[Path], download: Path, patient: str) -> tuple[list[str | DataError], str]:
    """For each record a name that all records of one person share, "" for a person of its own; and a sentence.

    Parameters
    ----------
    paths : sequence of Path
        Headers of WFDB records, below `download`.
    patient : str
        "record": each is of another person. "comment": as the header says. "name": the file's name up to the first
        space, point, _ or -, or without a letter behind a number. A number: the name of that folder above, 1 being the
        one that holds the record. "": the header, where all say it; else each record is of another person, unless
        something speaks against it.

    Returns
    -------
    names : list of str or DataError
        The error of a record whose header names nobody, or several people, where comments decide.
    sentence : str
        How people were told apart, for whoever runs the ingest.

    Raises
    ------
    ValueError
        If `patient` is none of these.
    DataError
        If it is "" and folders or names look as if they held several records of a person, or some headers name one; if
        it tells apart what looks like one person; or if folders are counted and records lie at different depths.
    """
    count, unnamed = f"Each of {len(paths):,} records is taken for a person", [""] * len(paths)
    if patient == RECORD:
        return unnamed, f"{count}, as patient=record states"
    if patient in ("", COMMENT):
        named = [_commented(path) for path in paths]
        some = sum(isinstance(name, str) for name in named)
        if patient == COMMENT or some == len(paths):
            if not patient and _apart(paths, named, download):
                problem = "comments of headers tell records apart which a folder or a name gives to one person"
                remedy = f"say whom to follow: patient=comment, patient={NAME}, or patient=1 for the folder; {_OWN}"
                raise DataError(problem, source=download, remedy=remedy)
            return named, f"{_people(named)}, told by the comments of the headers"
        if some:
            problem = f"{some} of {len(paths)} headers name one patient in a comment, and the others do not"
            raise DataError(problem, source=download, remedy=f"say patient=comment, and the others are refused; {_OWN}")
        _refuse_repeated(paths, download)
        return unnamed, f"{count}: neither headers nor folders say whose a record is"
    names = [_stated(path, patient) for path in paths]
    if patient != NAME and len({len(path.parts) for path in paths}) > 1:
        problem = f"records lie at different depths, so that patient={patient} means different kinds of folders"
        raise DataError(problem, source=download, remedy=f"put each as deep below the folder of its person; {_OWN}")
    if _apart(paths, names, download):
        problem = f"patient={patient} tells records apart which a folder or a name gives to one person"
        raise DataError(
            problem, source=download, remedy=f"count from the record: 1 is the folder that holds it; {_OWN}"
        )
    return list(names), f"{_people(names)}, told by patient={patient}"


def _apart(paths: Sequence[Path], names: Sequence[str | DataError], download: Path) -> bool:
    """Whether records of one folder or name that is called as people are have several names."""
    groups: dict[str, set] = {}
    for seeming, name in zip((_seeming(path, download) for path in paths), names):
        if seeming:
            groups.setdefault(seeming.name, set()).add(name)
    return any(len(group) > 1 for group in groups.values())


def _people(names: Sequence[str | DataError]) -> str:
    told = [name for name in names if isinstance(name, str)]
    return f"{len(told):,} records are of {len(set(told)):,} people"


def _commented(path: Path) -> str | DataError:
    remedy = "write # Patient: and a name into the header, or take the record out"
    try:
        names = read_comments(path).patients
    except DataError as error:
        return error
    if len(names) != 1:
        return DataError(f"the comments of the header name {len(names) or 'no'} patients", source=path, remedy=remedy)
    return safe_id(names[0]).lower()


def _stated(path: Path, patient: str) -> str:
    if patient == NAME:
        beginning = _BEGINNING.fullmatch(path.stem)
        return safe_id(beginning[1] if beginning else _divided(path.stem)[0]).lower()
    if not patient.isascii() or not patient.isdigit() or not 0 < int(patient) < 10:
        raise ValueError(f"patient is {RECORD}, {COMMENT}, {NAME}, or how many folders up; got {patient!r}")
    above = list(path.parents)[int(patient) - 1 : int(patient)]
    return safe_id(above[0].name).lower() if above else "unnamed"


def _refuse_repeated(paths: Sequence[Path], download: Path) -> None:
    if any(_PTBXL.fullmatch(path.stem) for path in paths):
        problem = "records are named as in PTB-XL, which has several of a patient, and each at two rates"
        raise DataError(
            problem, source=download, remedy=f"give it to the source ptbxl, whose table says who is who; {_OWN}"
        )
    seen = Counter(seeming for path in paths if (seeming := _seeming(path, download)))
    repeated = [seeming for seeming, count in seen.items() if count > 1]
    if repeated:
        word, behind = _WORD.fullmatch(repeated[0].name).groups()
        shape, option = word + re.sub(r"\w", "N", behind), repeated[0].option
        raise DataError(
            f"{len(repeated)} folders or names such as {shape} hold several records each, as of one person",
            source=download,
            remedy=f"say whom a record is of: {option}, if these are people; {_OWN}",
        )
    for what, option, groups in (
        ("folders", "patient=1", [(path.parent, path.stem) for path in paths]),
        ("folders", "patient=2", [(path.parent.parent, f"{path.parent.name}/{path.stem}") for path in paths]),
        ("beginnings of names", f"patient={NAME}", [_divided(path.stem) for path in paths]),
    ):
        if count := _alike(groups):
            problem = (
                f"{count} {what} hold several records each, called alike in all of them, as the visits of people are"
            )
            remedy = f"say whom a record is of: {option}, if these are people; {_OWN}"
            raise DataError(problem, source=download, remedy=remedy)


def _divided(stem: str) -> tuple[str, str]:
    """A name such as 001_pre, A12-V2 or 100b as the part that may say who it is, and the rest."""
    parts = _PARTS.fullmatch(stem)
    return (parts["person"] or parts["number"], parts["rest"] or parts["letter"]) if parts else (stem, "")


def _alike(records: Iterable[tuple[Path | str, str]]) -> int:
    """How many groups of records hold several, of which two or more are called as those of another group."""
    groups: dict[Path | str, set[str]] = {}
    for group, name in records:
        groups.setdefault(group, set()).add(name.lower())
    often = Counter(name for names in groups.values() for name in names)
    return sum(sum(often[name] > 1 for name in names) > 1 for names in groups.values())


def _seeming(path: Path, download: Path) -> Seeming | None:
    """The last folder on the way to a record, or the beginning of its name, that is called as people are."""
    way = [*path.relative_to(download).parts[:-1]]
    root = [] if _SHORT.fullmatch(download.name) else [download.name]
    beginning = _BEGINNING.fullmatch(path.stem)
    named = beginning[1].lower() if beginning and not _DATE.fullmatch(beginning[1]) else ""
    for up, name in enumerate(reversed([*root, *way]), start=1):
        # A folder p11 of the files p11136_E01 and p11137_E01 holds people whose names begin alike.
        group = len(named) > len(name) and named.startswith(name.lower())
        if _PERSON.fullmatch(name) and not _DATE.fullmatch(name) and not group:
            return Seeming(name.lower(), f"patient={up}")
    return Seeming(named, f"patient={NAME}") if named else None
