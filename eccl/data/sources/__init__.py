"""Adapters: what turns a download into a Cohort. `open_source` finds one by name, `eccl.data.ingest` does the work."""

from __future__ import annotations

import dataclasses
import difflib
from importlib import import_module
from pathlib import Path
from typing import Any

from eccl.config import replace
from eccl.data.sources.base import Source
from eccl.records import DataError

SOURCES = {  # name: module, class
    "ukbiobank": ("ukbiobank", "UKBiobank"),
    "ptbxl": ("ptbxl", "PTBXL"),
    "wfdb_folder": ("wfdb_folder", "WFDBFolder"),
    "sunnybrook": ("nifti_folders", "Sunnybrook"),
    "acdc": ("nifti_folders", "ACDC"),
    "autofd": ("nifti_folders", "AutoFD"),
    "nifti_folders": ("nifti_folders", "NIfTIFolders"),
    "folder": ("folder", "Folder"),
}


def open_source(name: str, download: Path | str, **options: Any) -> Source:
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
    """
    if name not in SOURCES:
        near = difflib.get_close_matches(name, SOURCES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SOURCES)}"
        raise ValueError(f"no source is named {name!r}; {hint}")
    download = Path(download).expanduser().resolve()
    if not download.exists():
        raise DataError("no such file or folder", source=download, remedy="give the folder of the download")
    module, kind = SOURCES[name]
    source = getattr(import_module(f"eccl.data.sources.{module}"), kind)(download)
    known = {item.name for item in dataclasses.fields(source)}
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
    return replace(source, **plain) if known else source
