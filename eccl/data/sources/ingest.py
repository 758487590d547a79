"""From a download to a Cohort: in parallel, resumable, with everyone who was refused in a table that says why.

The cohort's folder also gets ingest/quarantine.csv (participant, file, reason, remedy), ingest/summary.csv (how many,
why) and ingest/said.txt (sentences of the adapter). A second ingest into the same folder reads only what is new or
changed, and takes out who is no longer listed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.cache import digest
from eccl.data.cohort import DESCRIPTION, TABLE, Cohort
from eccl.data.cohort_files import read_people
from eccl.data.modalities import MODALITIES
from eccl.data.sources.base import REFUSAL, Index, Source, refusal
from eccl.data.sources.beside import are_current, own_tables, take_away, write_tables
from eccl.data.sources.block import NOTES, REFUSED, read_block
from eccl.data.sources.stamps import stamps
from eccl.data.table import REQUIRED, parted
from eccl.files import PARTIAL, locked, make_folder, replacing, write_json
from eccl.parallel import in_blocks
from eccl.records import DataError

VERSION = 2  # raise it when the same download becomes other files, so that earlier blocks are read again
BLOCK = 16  # participants in memory at once, per worker, on average; a killed run loses no more
PLACE = "ingest"
QUARANTINE, SUMMARY, PLAN, MESSAGES = "quarantine.csv", "summary.csv", "plan.json", "said.txt"

log = logging.getLogger(__name__)


def ingest(
    source: Source, folder: Path | str, workers: int = -1, progress: bool = True, retry_refused: bool = False
) -> Path:
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
    retry_refused : bool
        Whether to read once more who was refused before, though their files have not changed.

    Raises
    ------
    DataError
        If the download cannot be listed, nobody in it can be used, the folder holds something else, cannot be written,
        lies in the download or is worked on by another ingest. A participant who cannot be used is no error but a row
        of ingest/quarantine.csv.

    Examples
    --------
    >>> source = eccl.open_source("wfdb_folder", "records")  # doctest: +SKIP
    >>> eccl.Cohort.load(ingest(source, "cohort"))  # doctest: +SKIP
    Cohort(45,152 people with ecg, in cohort)
    """
    folder, described = Path(folder).expanduser().resolve(), source.description
    if source.download.is_dir() and folder.is_relative_to(source.download):
        raise DataError("the cohort would lie in its download", source=folder, remedy="give a folder outside of it")
    with _claimed(folder, type(source).__name__) as kept:
        index = _refuse_doubles(source.index(kept))
        tables, said = own_tables(folder, kept, index.tables)
        _write_messages(kept / MESSAGES, [*index.messages, *said])
        marks = stamps(source, index.entries, VERSION)
        key = digest(sorted(marks), [tuple(map(str, row.values())) for row in index.refused], described)
        if not retry_refused and _is_whole(folder, key) and are_current(folder, kept, tables):
            return folder
        (folder / DESCRIPTION).unlink(missing_ok=True)  # until it is whole, there is no cohort to mistake for one
        take_away(folder, kept)
        for modality in described["modalities"]:
            make_folder(folder / MODALITIES[modality].folder)
        blocks, parts = _blocks(index.entries, marks, kept), make_folder(kept / "parts")
        _forget(folder, parts, blocks, described["modalities"], retry_refused)
        read = partial(read_block, source, folder, described["diagnoses"])
        paths = in_blocks(read, blocks, parts, workers, progress, "reading")
        _join(folder, kept, paths, index, described)
        write_tables(folder, kept, tables, read_people(folder)[0]["participant_id"])
        origin = {"adapter": type(source).__name__, "version": VERSION, "key": key}
        write_json(folder / DESCRIPTION, {"simulated": False, **described, "ingest": origin})
        try:
            Cohort.load(folder)
        except DataError:
            (folder / DESCRIPTION).unlink()
            raise
    return folder


def ingest_tables(folder: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary (outcome, reason, participants) and quarantine (participant_id, file, reason, remedy) of a cohort.

    Raises
    ------
    DataError
        If no ingest has got so far in this folder.
    """
    summary, quarantine = (pd.read_csv(_kept(folder, name), keep_default_na=False) for name in (SUMMARY, QUARANTINE))
    return summary, quarantine


def ingest_messages(folder: Path | str) -> list[str]:
    """Sentences of the last ingest for whoever ran it, such as which lists of withdrawals took out how many.

    Raises
    ------
    DataError
        If no ingest has got so far in this folder.
    """
    return _kept(folder, MESSAGES).read_text(encoding="utf-8").splitlines()


def _kept(folder: Path | str, name: str) -> Path:
    path = Path(folder) / PLACE / name
    if not path.exists():
        raise DataError("no ingest has been here", source=path, remedy="make the cohort with eccl.ingest() first")
    return path


@contextmanager
def _claimed(folder: Path, adapter: str) -> Iterator[Path]:
    """The folder for what belongs to the ingest, after a look that nothing and nobody else is there."""
    kept = folder / PLACE
    if (kept / PLAN).exists():
        found = json.loads((kept / PLAN).read_text())["adapter"]
        if found != adapter:
            raise DataError(
                f"the folder holds a cohort of the adapter {found}, not {adapter}",
                source=folder,
                remedy="give another folder for this one",
            )
    elif folder.exists() and set(os.listdir(folder)) - {PLACE}:
        raise DataError("the folder holds something else", source=folder, remedy="give a folder that is new or empty")
    with locked(kept, "another ingest is at work in this folder", "wait until it ends, then call again"):
        if not (kept / PLAN).exists():
            write_json(kept / PLAN, {"adapter": adapter})
        yield kept


def _write_messages(path: Path, messages: Sequence[str]) -> None:
    text = "".join(f"{sentence}\n" for sentence in messages)
    if not path.exists() or path.read_text(encoding="utf-8") != text:  # a cohort that is whole stays untouched
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")


def _refuse_doubles(index: Index) -> Index:
    """The index without who is there more than once, and without patients whose recordings lie in several parts."""
    names, refused = index.entries["participant_id"], list(index.refused)
    wrong = np.zeros(len(names), dtype=bool)
    for rows, problem, remedy in (
        (
            names.duplicated(keep=False).to_numpy(bool),
            "the participant is there more than once",
            "keep one recording of each participant, or name them apart",
        ),
        (
            parted(index.entries),
            "recordings of the same patient are in several parts of the split",
            "keep all recordings of a patient in one part",
        ),
    ):
        error = DataError(problem, remedy=remedy)
        chosen = index.entries[rows & ~wrong]
        refused += [
            refusal(name, next(iter(files), ""), error)
            for name, files in zip(chosen["participant_id"], chosen["_files"])
        ]
        wrong |= rows
    return replace(index, entries=index.entries[~wrong].reset_index(drop=True), refused=refused)


def _is_whole(folder: Path, key: str) -> bool:
    """Whether the cohort of this key is there, with all its recordings."""
    try:
        return Cohort.load(folder).description["ingest"]["key"] == key
    except DataError:
        return False


def _blocks(entries: pd.DataFrame, marks: list[str], kept: Path) -> dict[str, pd.DataFrame]:
    """Entries by block. A participant's block follows from the name, so that who joins or leaves changes one block.

    The number of blocks is kept with the plan, and changes only when a cohort has grown by far.
    """
    plan = json.loads((kept / PLAN).read_text())
    count = plan.get("blocks", 0)
    if not count or len(entries) > 4 * BLOCK * count:
        count = 2 ** max(0, int(np.ceil(np.log2(max(1, len(entries)) / BLOCK))))
        write_json(kept / PLAN, {**plan, "blocks": count})
    names, each = entries["participant_id"], np.array(marks, dtype=object)
    number = np.array([int(hashlib.sha256(name.encode()).hexdigest(), 16) % count for name in names], dtype=int)
    return {
        f"{block:06d}-{digest(list(each[number == block]))}": entries[number == block] for block in np.unique(number)
    }


def _forget(folder: Path, parts: Path, blocks: Collection[str], modalities: Sequence[str], retry_refused: bool) -> None:
    """Remove parts to be read again: of no block, with recordings that are not all there, or with somebody refused."""
    # Before anything is read: a part that is not current must not be taken for one when its settings come back.
    for outdated in set(os.listdir(parts)) - {f"{name}.csv" for name in blocks}:
        (parts / outdated).unlink()
    written = {name: set(os.listdir(folder / MODALITIES[name].folder)) for name in modalities}
    for path in sorted(parts.glob("*.csv")):
        rows = list(_rows(path))
        names = [row["participant_id"] for row in rows if not row["_reason"]]
        whole = all(files.issuperset(MODALITIES[part].names(name)) for part, files in written.items() for name in names)
        if not whole or (retry_refused and len(names) < len(rows)):
            path.unlink()


def _join(folder: Path, kept: Path, paths: list[Path], index: Index, described: Mapping[str, Any]) -> None:
    """Write the cohort's table, the quarantine and the summary, and remove recordings of who is not in the table."""
    headings = dict.fromkeys(REQUIRED)
    for path in paths:
        headings |= dict.fromkeys(pd.read_csv(path, nrows=0).columns)
    columns = [name for name in headings if not name.startswith("_")]
    notes, refused = Counter(index.notes), list(index.refused)
    accepted = {}  # a line of text a person: a tenth of what its cells would take
    for path in paths:
        for row in _rows(path):
            if row["_reason"]:
                refused.append(dict(zip(REFUSAL, (row[name] for name in ("participant_id", *REFUSED)))))
            else:
                accepted[row["participant_id"]] = _line(row.get(name, "") for name in columns)
                notes.update(row.get(NOTES, "").splitlines())
    quarantine = pd.DataFrame(refused, columns=REFUSAL).sort_values(["participant_id", "file"])
    _write(quarantine, kept / QUARANTINE)
    _write(_summary(len(accepted), quarantine, notes), kept / SUMMARY)
    _take_out(folder, set(accepted), described["modalities"])
    if not len(accepted):
        (folder / TABLE).unlink(missing_ok=True)
        why = quarantine["reason"].mode().iat[0] if len(quarantine) else "; ".join(index.notes) or "nobody is there"
        raise DataError(
            f"none of {len(quarantine)} participants can be used, most often because: {why}",
            source=kept / QUARANTINE,
            remedy="look at the reasons in this table",
        )
    with replacing(folder / TABLE) as beside, open(beside, "w", encoding="utf-8", newline="") as file:
        file.write(_line(columns))
        file.writelines(accepted[name] for name in sorted(accepted))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _summary(accepted: int, quarantine: pd.DataFrame, notes: Mapping[str, int]) -> pd.DataFrame:
    """How many are in the cohort, how many are out for each reason (whatever the numbers in it), and what was noted."""
    reasons = quarantine["reason"].map(lambda reason: re.sub(r"\d+(\.\d+)*", "#", reason)).value_counts()
    rows = [("in the cohort", "", accepted)]
    rows += [("refused", reason, count) for reason, count in reasons.items()]
    rows += [("noted", note, count) for note, count in notes.items()]
    return pd.DataFrame(rows, columns=["outcome", "reason", "participants"])


def _take_out(folder: Path, accepted: set[str], modalities: Sequence[str]) -> None:
    """Remove recordings of people who are not in the table: withdrawn since, refused now, or left half-written."""
    for modality, files in MODALITIES.items():
        place = folder / files.folder
        keep = {file for name in accepted for file in files.names(name)} if modality in modalities else set()
        for name in set(os.listdir(place)) - keep if place.is_dir() else ():
            log.info("taking out %s", name if not name.startswith(PARTIAL) else "what a killed run left")
            (place / name).unlink()


def _write(table: pd.DataFrame, path: Path) -> None:
    with replacing(path) as beside:
        table.to_csv(beside, index=False)
