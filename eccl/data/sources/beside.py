"""Tables that an adapter gives for the people of a cohort, each a file beside cohort.csv, whole or not at all.

Which files an ingest has written, and of what, stands in ingest/tables.json: what somebody else has put there stays.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from eccl.cache import digest
from eccl.files import replacing, write_json

WRITTEN = "tables.json"

log = logging.getLogger(__name__)

Tables = Mapping[str, pd.DataFrame]


def own_tables(folder: Path, kept: Path, tables: Tables) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables that an ingest may write, and of each other, whose file somebody has put there, a sentence."""
    others = [name for name in tables if _path(folder, name).exists() and name not in _written(kept)]
    said = [f"{name}.csv, which no ingest has written, stays as it is" for name in others]
    for sentence in said:
        log.warning("%s; move it away to have it made of the download", sentence)
    return {name: table for name, table in tables.items() if name not in others}, said


def are_current(folder: Path, kept: Path, tables: Tables) -> bool:
    """Whether the files of these tables, and no others of an ingest, are there as they would be written now."""
    return _written(kept) == _marks(tables) and all(_path(folder, name).exists() for name in tables)


def take_away(folder: Path, kept: Path) -> None:
    """Remove what an ingest has written, before anything of it is out of date."""
    for name in _written(kept):
        _path(folder, name).unlink(missing_ok=True)
    (kept / WRITTEN).unlink(missing_ok=True)


def write_tables(folder: Path, kept: Path, tables: Tables, participant_ids: pd.Series) -> None:
    """Write the tables, of those alone who are in the cohort, in its order.

    Numbers have six digits that count, as in cohort.csv.
    """
    if tables:
        write_json(kept / WRITTEN, _marks(tables))  # before the files, so that a killed run leaves none unclaimed
    for name, table in tables.items():
        rows = table.loc[participant_ids[participant_ids.isin(table.index)]].rename_axis("participant_id")
        with replacing(_path(folder, name)) as beside:
            rows.to_csv(beside, float_format="%.6g")


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.csv"


def _written(kept: Path) -> dict[str, str]:
    path = kept / WRITTEN
    return json.loads(path.read_text()) if path.exists() else {}


def _marks(tables: Tables) -> dict[str, str]:
    """A digest of each table."""
    return {
        name: digest(list(table.columns), np.asarray(pd.util.hash_pandas_object(table)).tolist())
        for name, table in tables.items()
    }
