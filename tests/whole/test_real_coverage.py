"""Every file of the real recordings is read, or refused with a reason: none is passed over in silence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from eccl.data.cmr import read_image
from eccl.data.ecg import read_ecg
from eccl.data.formats.dicom_cine import open_dicom_cine
from eccl.data.measure.masks import check_labels
from eccl.data.sources.statements import infarction_statements, read_scp_codes
from eccl.records import DataError

STATED = {"unit": "mV"}  # PTB's header is silent
PAPERS = ("SOURCES.md", "SHA256SUMS", "LICENSE", "README", "licence")


def read(path: Path) -> tuple[str, str]:
    """What kind of file it is, and why it is refused; "" if it is read."""
    name = path.name
    if any(word in name for word in PAPERS):
        return "licence or readme", ""
    if name.endswith("contour-manual.txt"):
        return "contour", "an expert's outline, not an image: the mask that was made of it is read"
    try:
        if path.suffix in (".dat", ".mat", ".xyz"):
            assert path.with_suffix(".hea").exists()
            return "ECG signal", ""  # read through its header
        if path.suffix == ".hea" or path.parent.name == "other":
            read_ecg(path, **(STATED if path.parent.name == "ptb" else {}))
            return "ECG", ""
        if name.startswith("seg_"):
            check_labels(read_image(path, units=("mm", "sec")))
            return "mask", ""
        if name.endswith(".nii.gz"):
            assert read_image(path, units=("mm", "sec")).images.max() > 0
            return "stack", ""
        if path.suffix == ".dcm":
            open_dicom_cine(path.parent)
            return "DICOM slice", ""
        return "table", read_table(path)
    except DataError as error:
        kind = "DICOM slice" if path.suffix == ".dcm" else "ECG" if "/ecg/" in str(path) else "mask or stack"
        return kind, error.problem


def read_table(path: Path) -> str:
    """Nothing, after every row of a table has been read."""
    if path.name == "scp_statements.csv":
        assert len(infarction_statements(path)) == 14
        return ""
    table = pd.read_csv(path)
    for codes in table.get("scp_codes", ()):
        read_scp_codes(codes)
    assert len(table) > 1
    return ""


@pytest.fixture(scope="module")
def outcomes(real_data) -> pd.DataFrame:
    rows = [(path, *read(path)) for path in sorted(real_data.rglob("*")) if path.is_file()]
    return pd.DataFrame(rows, columns=["path", "kind", "reason"])


def test_every_file_is_read_or_refused_with_a_reason(outcomes, real_data):
    assert len(outcomes) == sum(1 for path in real_data.rglob("*") if path.is_file()) > 1300
    read_ones = Counter(outcomes["kind"][outcomes["reason"] == ""])
    assert read_ones["ECG"] == 390 + count(real_data, "ecg/ptbxl/records500", "*.hea") + 33 + 1 + 2
    assert read_ones["stack"] == count(real_data, "cmr", "sa_*.nii.gz")
    assert read_ones["mask"] == count(real_data, "cmr", "seg_sa_*.nii.gz")
    assert read_ones["table"] == 10
    refused = outcomes[outcomes["reason"] != ""]
    assert set(refused["kind"]) == {"contour", "DICOM slice", "ECG"}
    (flat,) = refused.query("kind == 'ECG'").itertuples()
    assert flat.path.stem == "JS20004" and "lead V2, V4, V6 never changes" in flat.reason
    (reason,) = set(refused["reason"][refused["kind"] == "DICOM slice"])
    assert "slice 0 of 6" in reason and "has 1 phases, others have 2" in reason  # ten files of the patient's hundreds


def count(real_data: Path, folder: str, pattern: str) -> int:
    return sum(1 for _ in (real_data / folder).rglob(pattern))


def test_the_whole_positions_of_the_ten_native_slices_are_read(real_data, tmp_path):
    for path in (real_data / "cmr/sunnybrook/SC-N-02/dicom").iterdir():
        if path.name not in ("IM-0009-0020.dcm", "IM-0009-0108.dcm"):  # the two positions that hold one phase
            (tmp_path / path.name).write_bytes(path.read_bytes())
    cine = open_dicom_cine(tmp_path)
    assert cine.shape == (2, 4, 256, 256) and cine.spacing == pytest.approx((1.3672, 1.3672))
    assert cine.slice_spacing == pytest.approx(8.0, abs=0.01)
