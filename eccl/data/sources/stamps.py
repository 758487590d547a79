"""What tells that an entry of a download is the one that was read before: nothing is read twice without need."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pandas as pd

from eccl.cache import digest
from eccl.data.sources.base import Source, files_under

MOST_FILES = 20_000  # of one folder, such as a scan in DICOM, whose sizes and times are looked at


def stamps(source: Source, entries: pd.DataFrame, version: int) -> list[str]:
    """A digest of each entry: the settings that decide, what the tables say, and size and time of every file.

    Where the download lies does not count: one that is moved is the same.
    """
    settings = {name: getattr(source, name) for name in source.cache_keys}
    contents = pd.util.hash_pandas_object(entries.drop(columns="_files"), index=False)
    states = [[(Path(path).name, _state(path)) for path in files] for files in entries["_files"]]
    return [digest(version, settings, int(content), state) for content, state in zip(contents, states)]


def _state(path: str) -> list | None:
    """Size and time of a file, or of each file of a folder, at any depth."""
    try:
        if os.path.isdir(path):
            inside = islice(files_under(Path(path), [""]), MOST_FILES)
            return [(item.relative_to(path).as_posix(), *_size_and_time(item.stat())) for item in inside]
        return _size_and_time(os.stat(path))
    except OSError:
        return None  # that it cannot be read is for read() to say, about this participant alone


def _size_and_time(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns]
