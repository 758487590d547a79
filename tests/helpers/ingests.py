"""What becomes of a download once it is ingested."""

from __future__ import annotations

from pathlib import Path

from eccl.data.cohort import Cohort
from eccl.data.sources.base import Source
from eccl.data.sources.ingest import ingest, ingest_tables


def taken(source: Source, folder: Path) -> tuple[Cohort, dict[str, str]]:
    """The ingested cohort of a source, and why others are not in it, by participant."""
    cohort = Cohort.load(ingest(source, folder, workers=1, progress=False))
    summary, quarantine = ingest_tables(folder)
    assert summary.query("outcome == 'in the cohort'")["participants"].item() == len(cohort)
    return cohort, dict(zip(quarantine["participant_id"], quarantine["reason"]))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a cohort, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
