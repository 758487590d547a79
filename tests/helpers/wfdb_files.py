"""WFDB records with comments of one's own, below any folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eccl.data.ecg import write_ecg
from helpers.making import make_ecg


def write_record(path: Path, comments: str = "", seed: int = 0) -> Path:
    """The header of a record of ten seconds, its folder made, with these comments behind the leads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = write_ecg(path, make_ecg(np.random.default_rng(seed)))
    header.write_text(header.read_text() + comments)
    return header
