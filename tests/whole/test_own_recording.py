"""Chapter 6 by papermill on files of one's own: an ECG of a vendor and a cine, in a few seconds."""

from pathlib import Path

import papermill
import pytest
from helpers.vendor_files import write_muse

from eccl.config import SimulationConfig
from eccl.data.cmr import write_cine
from eccl.records import ECG
from eccl.simulate.cohort import simulate_participant

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "06_own_ecg.ipynb"


def described(folder, monkeypatch, **parameters):
    """What the cell that describes shows, by type, and how long it took."""
    monkeypatch.setenv("ECCL_HOME", str(folder / "home"))
    monkeypatch.setenv("ECCL_PRESET", "smoke")
    made = papermill.execute_notebook(NOTEBOOK, None, parameters=parameters, cwd=folder, progress_bar=False)
    (cell,) = [cell for cell in made.cells if ".describe(*" in cell.source and cell.cell_type == "code"]
    (shown,) = [out.data for out in cell.outputs if "data" in out]
    return shown, cell.metadata.papermill.duration


@pytest.fixture(scope="module")
def person():
    return simulate_participant(SimulationConfig(seed=77), 0)


def test_an_ecg_and_a_cine_of_ones_own(tmp_path, monkeypatch, person):
    write_muse(tmp_path / "mine.xml", person.ecg)
    write_cine(tmp_path / "scan.nii.gz", person.cine)
    shown, seconds = described(tmp_path, monkeypatch, file="mine.xml", cine="scan.nii.gz")
    text, page = shown["text/plain"], shown["text/html"]
    assert "Description of mine.xml and scan.nii.gz" in text and "heart rate of the cine" in text
    assert "Nearest simulated hearts: sim-" in text and "LV ejection fraction" in text
    assert page.count("<img") == 2 and "not for patients" in page
    assert seconds < 10 and not (tmp_path / "home").exists()


def test_an_ecg_that_is_refused_is_shown_with_the_reason(tmp_path, monkeypatch, person):
    write_muse(tmp_path / "turned.xml", ECG(-person.ecg.signal))
    shown, _ = described(tmp_path, monkeypatch, file="turned.xml")
    assert "Refused by the model: polarity" in shown["text/plain"] and "I21" not in shown["text/plain"]
