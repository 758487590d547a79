"""What lies in the folder of a cohort: its description, its table and its recordings, read and found to be there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from eccl.data.modalities import FORMER_NAMES, MODALITIES, Modality
from eccl.data.table import PATIENT, REQUIRED, read_table
from eccl.records import DataError
from eccl.traits import DIAGNOSES

TABLE = "cohort.csv"
DESCRIPTION = "dataset_description.json"
TABULAR, SNP = "tabular", "snp"  # tables beside it, tabular.csv and snp.csv, for the methods that read them


def read_description(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The description of a cohort, and its bytes.

    Raises
    ------
    DataError
        If it is missing, no JSON, or says something that no cohort has.
    """
    path = folder / DESCRIPTION
    remedy = 'write one with at least {"name": "...", "simulated": true or false}'
    try:
        text = path.read_bytes()
        description = json.loads(text)
    except OSError as error:
        raise DataError(f"the description cannot be read ({error.strerror})", source=path, remedy=remedy) from error
    except ValueError as error:
        raise DataError(f"the description is no JSON ({error})", source=path, remedy=remedy) from error
    if not isinstance(description, dict) or not isinstance(description.get("simulated"), bool):
        raise DataError("it does not say whether the people are simulated", source=path, remedy=remedy)
    if isinstance(description.get("modalities"), list):
        description["modalities"] = [FORMER_NAMES.get(str(name), name) for name in description["modalities"]]
    for key, allowed in (("modalities", tuple(MODALITIES)), ("diagnoses", DIAGNOSES)):
        given = description.get(key, list(allowed))
        if (
            not isinstance(given, list)
            or not set(map(str, given)) <= set(allowed)
            or (key == "modalities" and not given)
        ):
            raise DataError(
                f"{key} is {given!r}",
                source=path,
                remedy=f"list some of {', '.join(allowed)}, or leave {key} out for all",
            )
    return description, text


def read_people(folder: Path) -> tuple[pd.DataFrame, bytes]:
    """The table of a cohort, one row a participant, and its bytes; values are not checked.

    Raises
    ------
    DataError
        If it is missing or no CSV, or lacks a column or any row.
    """
    path = folder / TABLE
    remedy = "give a folder that holds cohort.csv, in UTF-8"
    table = read_table(path, remedy, converters={"participant_id": str.strip, PATIENT: str.strip})
    missing = [name for name in REQUIRED if name not in table]
    if missing:
        raise DataError(
            f"{len(missing)} columns are missing: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}",
            source=path,
            remedy="write them; a trait that was not measured is an empty cell, not an absent column",
        )
    if not len(table):
        raise DataError("the table has no rows", source=path, remedy="write one row a participant")
    return table, path.read_bytes()


def check_files(participant_ids: pd.Series, cohort: Path, files: Modality) -> None:
    """Raise DataError if a participant has no file of a modality, with the first that is missing."""
    folder = cohort / files.folder
    try:
        existing = set(os.listdir(folder))
    except OSError as error:
        raise DataError(
            f"the folder cannot be read ({error.strerror})", source=folder, remedy="put the recordings there"
        ) from error
    wanted = [name for participant_id in participant_ids for name in files.names(participant_id)]
    missing = [name for name in wanted if name not in existing]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} recordings are missing, the first of them {missing[0]}",
            source=folder,
            remedy="put them there, or take those participants out of cohort.csv",
        )
