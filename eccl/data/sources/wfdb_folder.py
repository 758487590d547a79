"""A folder of WFDB records, such as the sets of the PhysioNet/CinC Challenge 2021, whose headers say the diagnoses.

A participant of the cohort is a recording; `patient_id` keeps a person's recordings in one part of a split, where the
headers, or the user, say whose they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from eccl.data.ecg import read_ecg
from eccl.data.sources.base import (
    Index,
    OpenData,
    Recording,
    chosen,
    files_under,
    identity,
    nothing_found,
    refusal,
    safe_id,
)
from eccl.data.sources.comments import Comments, read_comments
from eccl.data.sources.patients import whose
from eccl.data.sources.statements import KNOWN, snomed_codes, snomed_diagnoses
from eccl.data.table import PATIENT
from eccl.records import DataError

LABELS = ("snomed", "none")


@dataclass(frozen=True)
class WFDBFolder(OpenData):
    """Every record below a folder.

    Parameters
    ----------
    download : Path
        Holds .hea files at any depth, with their .dat or .mat.
    labels : str
        "snomed": the diagnoses I21 and I48 from the `# Dx:` line of each header (SNOMED CT, as in the Challenge), a
        record without one is refused. "none": no diagnoses.
    patient : str
        Whom a record is of, as in `eccl.data.sources.patients.whose`: "record", "comment", "name", or a number of
        folders up. By default the headers' comments say it; where they do not, each record is taken for a person, and
        folders or names that look as if they held several of a person are refused until this is stated.
    unit : str
        mV or uV, of headers that state none; a stated unit is never overridden.
    name, licence : str
        For the description of the cohort.
    """

    download: Path
    labels: str = "snomed"
    patient: str = ""
    unit: str = ""
    name: str = "WFDB records"
    licence: str = "as given by their owner"

    cache_keys: ClassVar[tuple[str, ...]] = ("labels", "unit")

    @property
    def description(self) -> dict[str, Any]:
        """Name, licence, modality, which diagnoses the headers can tell, and what was stated of patients."""
        known = list(KNOWN) if chosen(self.labels, LABELS) == "snomed" else []
        choices = {"patient": self.patient or "as the headers say"}
        described = {"name": self.name, "licence": self.licence, "modalities": ["ecg"], "diagnoses": known}
        return {**described, "choices": choices}

    def index(self, keep: Path) -> Index:
        """Every .hea file; a participant is named by the file, and by its folders where two files have one name."""
        found = {identity(path): path for path in sorted(files_under(self.download, [".hea"]), reverse=True)}
        paths = sorted(found.values())  # a record and a link to it are one
        if not paths:
            raise nothing_found(self.download, "WFDB record (.hea)")
        stems = pd.Series([safe_id(path.stem) for path in paths])
        long = [safe_id("-".join(path.relative_to(self.download).with_suffix("").parts)) for path in paths]
        names = stems.where(~stems.duplicated(keep=False), long)
        signals = [next((end for end in (".dat", ".mat") if path.with_suffix(end).exists()), ".dat") for path in paths]
        files = [[str(path), str(path.with_suffix(end))] for path, end in zip(paths, signals)]
        entries = pd.DataFrame({"participant_id": names, "_files": files})
        people, message = whose(paths, self.download, self.patient)
        if any(people):
            entries[PATIENT] = people
        unnamed = [row for row, person in enumerate(people) if isinstance(person, DataError)]
        refused = [refusal(names[row], paths[row], people[row]) for row in unnamed]
        return Index(entries.drop(index=unnamed).reset_index(drop=True), refused, messages=[message])

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The ECG, and sex, age and diagnoses of the header's comments."""
        header = Path(entry["_files"][0])
        ecg = read_ecg(header, unit=self.unit or None)
        comments = read_comments(header)
        row = {"sex": comments.sex, "age": comments.age}
        if self.labels != "none":
            row |= self._diagnoses(comments, header)
        return Recording(ecg, row=row, notes=comments.notes)

    def _diagnoses(self, comments: Comments, header: Path) -> dict[str, Any]:
        if len(comments.dx) != 1:
            problem = "several lines # Dx that differ" if comments.dx else "no line # Dx with diagnoses"
            remedy = 'add "# Dx: " with SNOMED CT codes once, or ingest without diagnoses: labels="none"'
            raise DataError(f"the header has {problem}", source=header, remedy=remedy)
        codes = snomed_codes(comments.dx[0], header)
        return snomed_diagnoses(codes) | {"statements": ";".join(codes)}
