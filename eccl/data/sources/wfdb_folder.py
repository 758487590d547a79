"""A folder of WFDB records, such as the sets of the PhysioNet/CinC Challenge 2021, whose headers say the diagnoses.

Nothing in these headers says who is the same person: records are taken for people, one each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from eccl.data.ecg import read_ecg
from eccl.data.sources.base import Listing, Open, Recording, chosen, files_under, nothing_found, safe_id
from eccl.data.sources.statements import KNOWN, read_comments, snomed_diagnoses
from eccl.records import DataError

LABELS = ("snomed", "none")


@dataclass(frozen=True)
class WFDBFolder(Open):
    """Every record below a folder.

    Parameters
    ----------
    download : Path
        Holds .hea files at any depth, with their .dat or .mat.
    labels : str
        "snomed": the diagnoses I21 and I48 from the `# Dx:` line of each header (SNOMED CT, as in the Challenge), a
        record without one is refused. "none": no diagnoses.
    unit : str
        mV or uV, of headers that state none; a stated unit is never overridden.
    name, licence : str
        For the description of the cohort.
    """

    download: Path
    labels: str = "snomed"
    unit: str = ""
    name: str = "WFDB records"
    licence: str = "as given by their owner"

    decisive: ClassVar[tuple[str, ...]] = ("labels", "unit")

    @property
    def description(self) -> dict[str, Any]:
        """Name, licence, modality, and which diagnoses the headers can tell."""
        known = list(KNOWN) if chosen(self.labels, LABELS) == "snomed" else []
        return {"name": self.name, "licence": self.licence, "modalities": ["ecg"], "diagnoses": known}

    def listing(self, keep: Path) -> Listing:
        """Every .hea file; a participant is named by the file, and by its folders where two files have one name."""
        paths = list(files_under(self.download, [".hea"]))
        if not paths:
            raise nothing_found(self.download, "WFDB record (.hea)")
        stems = pd.Series([safe_id(path.stem) for path in paths])
        long = [safe_id("-".join(path.relative_to(self.download).with_suffix("").parts)) for path in paths]
        names = stems.where(~stems.duplicated(keep=False), long)
        signals = [next((end for end in (".dat", ".mat") if path.with_suffix(end).exists()), ".dat") for path in paths]
        files = [[str(path), str(path.with_suffix(end))] for path, end in zip(paths, signals)]
        return Listing(pd.DataFrame({"participant_id": names, "_files": files}))

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The ECG, and sex, age and diagnoses of the header's comments."""
        header = Path(entry["_files"][0])
        ecg = read_ecg(header, unit=self.unit or None)
        said = read_comments(header)
        row = {name: said[name] for name in ("sex", "age") if name in said}
        if self.labels == "none":
            return Recording(ecg, row=row)
        if "codes" not in said:
            remedy = 'add "# Dx: " with SNOMED CT codes, or ingest without diagnoses: labels="none"'
            raise DataError("the header has no line # Dx with diagnoses", source=header, remedy=remedy)
        statements = {"statements": ";".join(said["codes"])}
        return Recording(ecg, row=row | snomed_diagnoses(said["codes"]) | statements)
