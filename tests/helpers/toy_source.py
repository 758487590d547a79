"""A source of empty files whose names say what happens when they are read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eccl.data.sources.base import Index, OpenData, Recording, refusal
from eccl.records import DataError
from helpers.making import cohort_table, make_cine, make_ecg


@dataclass(frozen=True)
class Toy(OpenData):
    """A download of empty files, one a participant, whose names say what happens when they are read."""

    download: Path
    greeting: str = "hello"
    title: str = "toy"
    cache_keys = ("greeting",)

    @property
    def description(self):
        return {"name": self.title, "licence": "CC0-1.0", "modalities": ["ecg", "cine"], "diagnoses": ["I21", "I48"]}

    def index(self, keep):
        paths = sorted(self.download.glob("*.toy"))
        names = [path.stem.split(".")[0] for path in paths]
        everyone = cohort_table(np.random.default_rng(3), 50).drop(columns=["I42", "I50"])
        table = everyone.iloc[[int(name[-3:]) for name in names]].reset_index(drop=True)
        table["participant_id"] = names
        table["_files"] = [[str(path)] for path in paths]
        table["_secret"] = "7654321"
        gone = [refusal("gone", "table.csv", DataError("the participant has withdrawn", remedy="nothing to do"))]
        return Index(table, gone, {"an age left empty": 2})

    def read(self, entry):
        (path,) = entry["_files"]
        kind = Path(path).read_text().strip()
        if kind == "refuse":
            raise DataError(f"{len(path)} frames, not 50", source=path, remedy="export it again")
        if kind == "surprise":
            raise ZeroDivisionError("by zero")
        if kind == "slow":
            time.sleep(0.06)
        rng = np.random.default_rng(sum((entry["participant_id"] + self.greeting).encode()))
        row = {"lv_edv": 5.0} if kind == "implausible" else {"note": "fine"}
        return Recording(make_ecg(rng), make_cine(rng), row)


def toy_download(folder: Path, count: int = 40) -> Path:
    """A folder of so many of them, all good."""
    folder.mkdir()
    for number in range(count):
        (folder / f"toy{number:03d}.toy").write_text("good")
    return folder
