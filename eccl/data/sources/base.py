"""What every adapter is: a small, picklable description of a download, that lists its participants and reads one."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pandas as pd

from eccl.files import PARTIAL
from eccl.records import ECG, Cine, DataError

REFUSAL = ("participant_id", "file", "reason", "remedy")  # columns of a quarantine table


@dataclass(frozen=True, eq=False)
class Recording:
    """What is read of one participant: the recordings, and columns of cohort.csv that the files themselves give.

    `notes` says what was done to a participant who stays, such as a value left empty, each in the same words for
    everybody: the summary counts them.
    """

    ecg: ECG | None = None
    cine: Cine | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Index:
    """Who is in a download, before any recording is opened.

    Attributes
    ----------
    entries : DataFrame
        One row a participant: participant_id, `_files` (list of the paths that will be read), columns of cohort.csv as
        far as tables give them, and any column that begins with `_`, which only the adapter sees.
    refused : list of dict
        Who cannot be read at all, with the keys of `REFUSAL`.
    notes : dict of str to int
        What was done to how many participants who stay, such as a value left empty; it is part of the summary.
    messages : list of str
        Sentences for whoever runs the ingest, such as who has withdrawn by which list.
    tables : dict of str to DataFrame
        By name, such as tabular: what is to stand in tabular.csv beside cohort.csv, with participant_id as the index.
    """

    entries: pd.DataFrame
    refused: list[dict[str, str]] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


class Source(Protocol):
    """An adapter; a frozen dataclass whose fields are its options, the first of them the path of the download.

    `cache_keys` names the options that decide how a file is read: if one changes, everyone is read again.
    """

    download: Path
    cache_keys: ClassVar[tuple[str, ...]]

    @property
    def description(self) -> dict[str, Any]:
        """What dataset_description.json says: name, licence, modalities, diagnoses, and stated choices."""

    def index(self, keep: Path) -> Index:
        """Who is there. `keep` is a folder for what must be the same in every ingest of a cohort, such as a key."""

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The recordings of one entry of the index; a DataError puts the participant into quarantine."""

    def redact(self, entry: Mapping[str, Any], text: str) -> str:
        """A message about an entry, fit for a log: without an identifier that may not be shown."""


class OpenData:
    """Mixed into the adapters of open data, whose names of participants are no secret."""

    def redact(self, entry: Mapping[str, Any], text: str) -> str:
        """The text as it is."""
        return text


def refusal(participant_id: str, file: Path | str, error: DataError) -> dict[str, str]:
    """One row of the quarantine table."""
    return dict(zip(REFUSAL, (participant_id, str(error.source or file), error.problem, error.remedy)))


def safe_id(text: str) -> str:
    """A participant_id made of any text: runs of other characters than letters, digits, _ and - become one -."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_") or "unnamed"


def files_under(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    """Every file below a folder whose name ends so, sorted within each folder; each folder once, links to it behind."""
    seen, above = set(), {os.path.realpath(each) for each in (folder, *Path(os.path.abspath(folder)).parents)}
    starts = deque([os.fspath(folder)])
    while starts:
        for place, folders, names in os.walk(starts.popleft()):
            folders.sort()
            found = os.stat(place)
            if (found.st_dev, found.st_ino) in seen:
                folders.clear()
                continue
            seen.add((found.st_dev, found.st_ino))
            # A link up would bring in what lies beside the folder.
            links = [path for path in (os.path.join(place, name) for name in folders) if os.path.islink(path)]
            starts.extend(path for path in links if os.path.realpath(path) not in above)
            for name in sorted(names):
                if name.lower().endswith(tuple(suffixes)) and not name.startswith((".", PARTIAL)):
                    yield Path(place) / name


def identity(path: Path) -> object:
    """What the paths of one file have in common, whatever they are called."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def nothing_found(download: Path, wanted: str) -> DataError:
    """The error of a download in which nobody is."""
    return DataError(f"no {wanted} is here", source=download, remedy="give the folder of the download, unpacked")


def chosen(value: str, allowed: Sequence[str]) -> str:
    """The value, if it is one of those allowed; else ValueError."""
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value
