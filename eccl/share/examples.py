"""Two real ECGs that come with the package, so that something real is seen before a file of one's own is at hand."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "reference" / "ptbxl"
FILES = {"normal, as its reader says": "00001_hr.hea", "old inferior infarct, perhaps": "00008_hr.hea"}


def example_ecgs() -> dict[str, Path]:
    """The files of two recordings of PTB-XL by what their statements say; read one by `eccl.read_ecg`.

    References
    ----------
    Wagner et al., Sci Data 2020 (PTB-XL, CC BY 4.0; `eccl/reference/ptbxl/ATTRIBUTION.md`).
    """
    return {name: FOLDER / file for name, file in FILES.items()}
