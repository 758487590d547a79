"""One block of an ingest: read, checked row by row, written; whoever cannot be used becomes a row that says why."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.data.cmr import write_cine
from eccl.data.ecg import write_ecg
from eccl.data.sources.base import REFUSAL, Recording, Source, refusal
from eccl.data.table import REQUIRED, problems
from eccl.records import Cine, DataError

REFUSED = [f"_{name}" for name in REFUSAL[1:]]  # columns of a part that say why somebody is not taken; "" if taken
NOTES = "_notes"  # column of a part: what was done to whoever is taken, a line a note

log = logging.getLogger(__name__)


def read_block(source: Source, folder: Path, known: Collection[str], block: pd.DataFrame) -> pd.DataFrame:
    """Rows of cohort.csv of the entries of a block, whose recordings are then written; and `REFUSED` of the others."""
    entries = block.to_dict("records")
    recordings = [_read(source, entry) for entry in entries]
    table = pd.DataFrame([_row(entry, recording) for entry, recording in zip(entries, recordings)])
    table = table.reindex(columns=list(dict.fromkeys([*REQUIRED, *table.columns])))
    for problem in problems(table, known):
        if isinstance(recordings[problem.row], Recording):
            error = DataError(problem.text, remedy=problem.remedy)
            recordings[problem.row] = _refused(source, entries[problem.row], error)
    for entry, recording in zip(entries, recordings):
        if isinstance(recording, Recording):
            _write_recording(folder, entry["participant_id"], recording)
    kept = [dict.fromkeys(REFUSED, "") if isinstance(recording, Recording) else recording for recording in recordings]
    notes = ["\n".join(recording.notes) if isinstance(recording, Recording) else "" for recording in recordings]
    return table.assign(**{name: [row[name] for row in kept] for name in REFUSED}, **{NOTES: notes}).map(_short)


def _read(source: Source, entry: Mapping[str, Any]) -> Recording | dict[str, str]:
    try:
        recording = source.read(entry)
        cine = recording.cine
        return recording if cine is None else dataclasses.replace(recording, cine=_whole_numbers(cine))
    except DataError as error:
        return _refused(source, entry, error)
    except MemoryError:
        raise
    except Exception as error:  # one unforeseen file among thousands is a row of the quarantine, not the end of the run
        log.warning("%s: unforeseen %s", entry["participant_id"], type(error).__name__)
        unforeseen = DataError(
            f"unforeseen {type(error).__name__} ({error})",
            remedy="report this row as a fault of eccl; the file is refused",
        )
        return _refused(source, entry, unforeseen)


def _refused(source: Source, entry: Mapping[str, Any], error: DataError) -> dict[str, str]:
    row = refusal(entry["participant_id"], next(iter(entry["_files"]), ""), error)
    return {f"_{name}": source.redact(entry, row[name]) for name in REFUSAL[1:]}


def _row(entry: Mapping[str, Any], recording: Recording | dict[str, str]) -> dict[str, Any]:
    """Columns of the table: those of cohort.csv, and what the adapter adds; of the refused only who they are."""
    if not isinstance(recording, Recording):
        return {"participant_id": entry["participant_id"]}
    return {**{name: value for name, value in entry.items() if not name.startswith("_")}, **recording.row}


def _short(value: Any) -> Any:
    """Six significant digits, and whole numbers without a point, so that a table reads the same in every block."""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.6g}"
    return "" if value is None else value


def _write_recording(folder: Path, name: str, recording: Recording) -> None:
    if recording.ecg is not None:
        write_ecg(folder / "ecg" / name, recording.ecg)
    if recording.cine is not None:
        write_cine(folder / "cmr" / f"{name}.nii.gz", recording.cine)


def _whole_numbers(cine: Cine) -> Cine:
    """The cine with intensities that a file of whole numbers can hold; as it is, where it can."""
    low, high = float(cine.frames.min()), float(cine.frames.max())
    if low >= 0 and 1 < high <= 32767 and np.array_equal(cine.frames, np.rint(cine.frames)):
        return cine
    frames = (cine.frames - low) * np.float32(4095 / max(high - low, 1e-12))
    return dataclasses.replace(cine, frames=frames)
