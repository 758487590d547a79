"""Adapters: what turns a download into a Cohort. `open_source` finds one by name, `ingest` does the work."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

from eccl.config import replace
from eccl.data.sources.base import Source
from eccl.errors import DataError, did_you_mean

SOURCES = {  # name: module, class
    "ukbiobank": ("ukbiobank.adapter", "UKBiobank"),
    "ptbxl": ("ptbxl", "PTBXL"),
    "wfdb_folder": ("wfdb_folder", "WFDBFolder"),
    "sunnybrook": ("nifti_folders", "Sunnybrook"),
    "acdc": ("nifti_folders", "ACDC"),
    "autofd": ("nifti_folders", "AutoFD"),
    "nifti_folders": ("nifti_folders", "NIfTIFolders"),
    "folder": ("folder", "Folder"),
}


def read_options(text: str | None) -> dict[str, Any]:
    """Settings written as "name=value, name=value"; numbers, True and False are taken as such, the rest as text.

    Raises
    ------
    ValueError
        If a part has no "=".
    """
    options: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not name:
            raise ValueError(f'options are written as "name=value, name=value"; got {part!r}')
        try:
            options[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            options[name] = value
    return options


def open_source(name: str, download: Path | str, /, **options: Any) -> Source:
    """The adapter of a source for one download.

    Parameters
    ----------
    name : str
        One of `SOURCES`.
    download : path
        Where the download lies.
    **options
        Settings of the adapter; its class says which there are.

    Raises
    ------
    ValueError
        If there is no such source or option, with the nearest that there is.
    DataError
        If the download is not there.

    Examples
    --------
    >>> folder = eccl.simulate_cohort(eccl.preset("smoke").simulation)
    >>> open_source("wfdb_folder", folder / "ecg").name
    'WFDB records'
    """
    if name not in SOURCES:
        hint = did_you_mean(name, SOURCES, f"there are {', '.join(SOURCES)}")
        raise ValueError(f"no source is named {name!r}; {hint}")
    download = Path(download).expanduser().resolve()
    if not download.exists():
        raise DataError("no such file or folder", source=download, remedy="give the folder of the download")
    module, kind = SOURCES[name]
    source = getattr(import_module(f"eccl.data.sources.{module}"), kind)(download)
    # Typed on a command line, a path or a rate of 500 is text as well as what it looks like.
    texts = {key for key in options if isinstance(getattr(source, key, None), str)}
    return replace(source, **{key: str(value) if key in texts else value for key, value in options.items()})
