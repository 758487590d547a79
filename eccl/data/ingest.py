"""From a download to a Cohort: in parallel, resumable, with everyone who was refused in a table that says why.

The cohort's folder also gets ingest/quarantine.csv (participant, file, reason, remedy) and ingest/summary.csv (how
many, why). A second ingest into the same folder reads only what is new or changed, and takes out who is no longer
listed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.config import digest
from eccl.data.blocks import in_blocks
from eccl.data.cmr import write_cine
from eccl.data.cohort import DESCRIPTION, FILES, TABLE, Cohort
from eccl.data.ecg import write_ecg
from eccl.data.files import PARTIAL, make_folder, replacing
from eccl.data.sources.base import REFUSAL, Listing, Recording, Source, refusal
from eccl.data.table import REQUIRED, problems
from eccl.records import Cine, DataError

VERSION = 1  # raise it when the same download becomes other files, so that earlier blocks are read again
BLOCK = 16  # participants in memory at once, per worker, on average; a killed run loses no more
PLACE = "ingest"
QUARANTINE, SUMMARY, PLAN = "quarantine.csv", "summary.csv", "plan.json"
_REFUSED = [f"_{name}" for name in REFUSAL[1:]]

log = logging.getLogger(__name__)


def ingest(source: Source, folder: Path | str, workers: int = -1, progress: bool = True) -> Path:
    """The folder of a Cohort with everyone in a download who can be used, made now, resumed or brought up to date.

    Parameters
    ----------
    source : Source
        Of `eccl.data.sources.open_source`.
    folder : path
        Of the cohort; nothing is written elsewhere.
    workers : int
        Processes, as in joblib; -1 takes every core. Within `joblib.parallel_config("dask")` the workers of the cluster
        do the work; they must see the same paths.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    DataError
        If the download cannot be listed, nobody in it can be used, or the folder holds something else or cannot be
        written. A participant who cannot be used is no error but a row of ingest/quarantine.csv.
    """
    folder = Path(folder).expanduser().resolve()
    described = source.description
    kept = _claim(folder, source)
    listing = _without_doubles(source.listing(kept))
    stamps = _stamps(source, listing.entries)
    key = digest(sorted(stamps), [tuple(map(str, row.values())) for row in listing.refused])
    if (folder / DESCRIPTION).exists() and json.loads((folder / DESCRIPTION).read_text())["ingest"]["key"] == key:
        return folder
    (folder / DESCRIPTION).unlink(missing_ok=True)  # until this ingest is whole, there is no cohort to mistake for one
    for modality in described["modalities"]:
        make_folder(folder / modality)
    blocks = _blocks(listing.entries, stamps)
    paths = in_blocks(partial(_read_block, source, folder), blocks, kept / "parts", workers, progress, "reading")
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in paths]
    everyone = pd.concat([pd.DataFrame(columns=[*REQUIRED, *_REFUSED]), *tables]).fillna("")
    accepted = everyone[everyone["_reason"] == ""].sort_values("participant_id")
    refused = everyone[everyone["_reason"] != ""]
    quarantine = refused[["participant_id", *_REFUSED]].set_axis(REFUSAL, axis=1).to_dict("records")
    quarantine = pd.DataFrame([*listing.refused, *quarantine], columns=REFUSAL).sort_values(["participant_id", "file"])
    _write(quarantine, kept / QUARANTINE)
    _write(_summary(len(accepted), quarantine, listing.notes), kept / SUMMARY)
    if not len(accepted):
        raise DataError(
            f"none of {len(quarantine)} participants can be used, most often because: "
            f"{quarantine['reason'].mode().iat[0] if len(quarantine) else 'nobody is there'}",
            source=kept / QUARANTINE,
            remedy="look at the reasons in this table",
        )
    columns = [*REQUIRED, *(name for name in accepted if name not in REQUIRED and not name.startswith("_"))]
    _write(accepted[columns], folder / TABLE)
    _take_out(folder, set(accepted["participant_id"]), described["modalities"])
    for left in set(os.listdir(kept / "parts")) - {path.name for path in paths}:
        (kept / "parts" / left).unlink()
    made = {"adapter": type(source).__name__, "version": VERSION, "key": key}
    with replacing(folder / DESCRIPTION) as beside:
        beside.write_text(json.dumps({"simulated": False, **described, "ingest": made}, indent=2) + "\n")
    Cohort.load(folder)
    return folder


def ingest_tables(folder: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary (outcome, reason, participants) and quarantine (participant_id, file, reason, remedy) of a cohort.

    Raises
    ------
    DataError
        If no ingest has got so far in this folder.
    """
    tables = []
    for name in (SUMMARY, QUARANTINE):
        path = Path(folder) / PLACE / name
        if not path.exists():
            raise DataError("no ingest has been here", source=path, remedy="make the cohort with eccl.ingest() first")
        tables.append(pd.read_csv(path, keep_default_na=False))
    return tables[0], tables[1]


def _claim(folder: Path, source: Source) -> Path:
    """The cohort's folder for what belongs to the ingest, after a look that nothing else is there."""
    kept, plan = folder / PLACE, {"adapter": type(source).__name__}
    if (kept / PLAN).exists():
        found = json.loads((kept / PLAN).read_text())
        if found["adapter"] != plan["adapter"]:
            raise DataError(
                f"the folder holds a cohort of the adapter {found['adapter']}, not {plan['adapter']}",
                source=folder,
                remedy="give another folder for this one",
            )
    elif folder.exists() and any(folder.iterdir()):
        raise DataError("the folder holds something else", source=folder, remedy="give a folder that is new or empty")
    make_folder(kept)
    with replacing(kept / PLAN) as beside:
        beside.write_text(json.dumps(plan, indent=2) + "\n")
    return kept


def _without_doubles(listing: Listing) -> Listing:
    double = listing.entries["participant_id"].duplicated(keep=False).to_numpy(bool)
    error = DataError(
        "the participant is there more than once", remedy="keep one recording of each participant, or name them apart"
    )
    refused = [
        refusal(name, next(iter(files), ""), error)
        for name, files in zip(listing.entries["participant_id"][double], listing.entries["_files"][double])
    ]
    entries = listing.entries[~double].reset_index(drop=True)
    return Listing(entries, [*listing.refused, *refused], listing.notes)


def _stamps(source: Source, entries: pd.DataFrame) -> list[str]:
    """A digest of each entry: the adapter's settings, what the tables say, and size and time of every file."""
    settings = dataclasses.asdict(source)
    del settings["download"]  # a download that is moved is the same
    said = pd.util.hash_pandas_object(entries.drop(columns="_files").astype(str), index=False)
    states = [[(Path(path).name, _state(path)) for path in files] for files in entries["_files"]]
    return [digest(VERSION, settings, int(content), state) for content, state in zip(said, states)]


def _state(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None  # that it cannot be read is for read() to say, about this participant alone
    return stat.st_size, stat.st_mtime_ns


def _blocks(entries: pd.DataFrame, stamps: list[str]) -> dict[str, pd.DataFrame]:
    """Entries by block. A participant's block follows from the name, so that who joins or leaves changes one block."""
    count = 2 ** max(0, int(np.ceil(np.log2(max(1, len(entries)) / BLOCK))))
    number = np.array(
        [int(hashlib.sha256(name.encode()).hexdigest(), 16) % count for name in entries["participant_id"]]
    )
    marks = pd.Series(stamps, dtype=object)
    return {
        f"{block:06d}-{digest(marks[number == block].tolist())}": entries[number == block]
        for block in np.unique(number)
    }


def _read_block(source: Source, folder: Path, block: pd.DataFrame) -> pd.DataFrame:
    """Rows of cohort.csv of a block, whose recordings are then written; with `_reason` and so on for the refused."""
    entries = block.to_dict("records")
    recordings = [_read(source, entry) for entry in entries]
    table = pd.DataFrame([_row(entry, recording) for entry, recording in zip(entries, recordings)])
    table = table.reindex(columns=list(dict.fromkeys([*REQUIRED, *table.columns])))
    for problem in problems(table, source.description["diagnoses"]):
        if isinstance(recordings[problem.row], Recording):
            error = DataError(problem.text, remedy=problem.remedy)
            recordings[problem.row] = _refused(source, entries[problem.row], error)
    for entry, recording in zip(entries, recordings):
        if isinstance(recording, Recording):
            _write_recording(folder, entry["participant_id"], recording)
    kept = [dict.fromkeys(_REFUSED, "") if isinstance(recording, Recording) else recording for recording in recordings]
    return table.assign(**{name: [row[name] for row in kept] for name in _REFUSED}).map(_short)


def _read(source: Source, entry: Mapping[str, Any]) -> Recording | dict[str, str]:
    try:
        return source.read(entry)
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
    return {f"_{name}": source.conceal(entry, row[name]) for name in REFUSAL[1:]}


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
        write_cine(folder / "cmr" / f"{name}.nii.gz", _whole_numbers(recording.cine))


def _whole_numbers(cine: Cine) -> Cine:
    """The cine with intensities that a file of whole numbers can hold; as it is, where it can."""
    low, high = float(cine.frames.min()), float(cine.frames.max())
    if low >= 0 and 1 < high <= 32767 and np.array_equal(cine.frames, np.rint(cine.frames)):
        return cine
    frames = (cine.frames - low) * np.float32(4095 / max(high - low, 1e-12))
    return dataclasses.replace(cine, frames=frames)


def _summary(accepted: int, quarantine: pd.DataFrame, notes: Mapping[str, int]) -> pd.DataFrame:
    """How many are in the cohort, how many are out for each reason (whatever the numbers in it), and what was noted."""
    reasons = quarantine["reason"].map(lambda reason: re.sub(r"\d+(\.\d+)*", "#", reason)).value_counts()
    rows = [("in the cohort", "", accepted)]
    rows += [("refused", reason, count) for reason, count in reasons.items()]
    rows += [("noted", note, count) for note, count in notes.items()]
    return pd.DataFrame(rows, columns=["outcome", "reason", "participants"])


def _take_out(folder: Path, accepted: set[str], modalities: list[str]) -> None:
    """Remove recordings of people who are not in the table: withdrawn since, refused now, or left half-written."""
    for modality in modalities:
        keep = {f"{name}{suffix}" for name in accepted for suffix in FILES[modality]}
        for name in set(os.listdir(folder / modality)) - keep:
            log.info("taking out %s", name if not name.startswith(PARTIAL) else "what a killed run left")
            (folder / modality / name).unlink()


def _write(table: pd.DataFrame, path: Path) -> None:
    with replacing(path) as beside:
        table.to_csv(beside, index=False)
