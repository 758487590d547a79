"""An ECG, a cine, or both, described: what is shown is what the file, the ruler and the model say."""

import numpy as np
import pandas as pd
import pytest
from helpers.ecg_files import write_dicom_ecg
from helpers.making import refused
from helpers.vendor_files import write_muse

import eccl
from eccl.config import SimulationConfig
from eccl.data.cmr import write_cine
from eccl.data.ecg import write_ecg
from eccl.data.formats.cardiosoft import write_cardiosoft
from eccl.data.measure.ecg import measure_ecg
from eccl.records import ECG, Cine, DataError
from eccl.share.describe import FRAMES, RED
from eccl.share.recordings import read_recording
from eccl.simulate.cohort import simulate_participant

FORMATS = {  # file, and its writer
    "CardioSoft": ("a.xml", write_cardiosoft),
    "WFDB": ("a.hea", write_ecg),
    "DICOM": ("a.dcm", write_dicom_ecg),
    "GE MUSE": ("a.xml", write_muse),
}


@pytest.fixture(scope="module")
def packaged():
    """The weights in the package."""
    return eccl.load()


@pytest.fixture(scope="module")
def person():
    """Somebody new, of another seed than the cohort's."""
    return simulate_participant(SimulationConfig(seed=77), 0)


@pytest.fixture(scope="module")
def described(packaged, person):
    return packaged.describe(person.ecg)


@pytest.fixture
def scan(tmp_path, person):
    """A cine as it comes."""
    return write_cine(tmp_path / "scan.nii.gz", person.cine)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_each_format_says_what_the_record_says(tmp_path, packaged, person, described, kind):
    name, write = FORMATS[kind]
    write(tmp_path / name, person.ecg)
    made = packaged.describe(tmp_path / name)
    assert made.title == name and not made.refusal and made.simulated
    pd.testing.assert_frame_equal(made.measured, described.measured, atol=6.0)  # MUSE's step moves an edge a little
    pd.testing.assert_frame_equal(made.prediction.traits, described.prediction.traits, rtol=0.02)
    assert [each.participant_id for each in made.hearts] == [each.participant_id for each in described.hearts]
    assert set(made.figures()) == {"paper", "cines"}


def test_rate_intervals_and_axis_are_those_of_the_ruler(described, person):
    by_hand = measure_ecg(person.ecg)
    value = described.measured["value"]
    assert value["heart rate"] == by_hand["heart_rate_bpm"] and value["PR interval"] == by_hand["pr_ms"]
    assert value["QRS duration"] == by_hand["qrs_duration_ms"]
    assert value["QTc (Fridericia)"] == by_hand["qtc_ms"]
    axis = np.radians(value["frontal QRS axis"])
    np.testing.assert_allclose([np.sin(axis), np.cos(axis)], [by_hand["axis_sin"], by_hand["axis_cos"]])


def test_the_page_warns_in_red_and_holds_all_of_it(tmp_path, described):
    page = described.save(tmp_path / "page.html").read_text()
    warned = page[page.index(f"color: {RED}") :][:200]
    assert "Learnt from simulated hearts: not for patients." in warned
    assert page.count("<img") == 2 and "://" not in page
    assert all(f"{code}</th>" in page for code in ("I21", "I42", "I48", "I50")) and "LV myocardial mass" in page
    text = repr(described)
    assert "not for patients" in text and described.hearts[0].participant_id in text and "QRS duration" in text


def test_what_the_model_refuses_is_shown_with_the_reason_and_nothing_predicted(packaged, person):
    made = packaged.describe(ECG(-person.ecg.signal, source="/secret/<turned>.xml"))
    assert made.prediction is None and made.hearts == () and "polarity" in made.refusal and "Remedy: " in made.refusal
    page = made._repr_html_()
    assert "Refused by the model: polarity" in page and page.count("<img") == 1
    assert "&lt;turned&gt;.xml" in page and "secret" not in page + repr(made)
    assert made.measured.loc["heart rate", "value"] > 30


def test_a_cine_is_shown_by_itself_and_beside_the_ecg(packaged, person, scan):
    alone, both = packaged.describe(scan), packaged.describe(person.ecg, scan)
    rate = 60_000 / (50 * person.cine.frame_interval)
    assert alone.prediction is None and alone.measured["value"].tolist() == pytest.approx([rate], rel=1e-3)
    assert set(alone.figures()) == {"cines"} and len(alone.figures()["cines"].axes) == FRAMES
    assert len(both.figures()["cines"].axes) == (1 + 3) * FRAMES and both.title == "scan.nii.gz"
    swapped = packaged.describe(scan, person.ecg)
    assert swapped.ecg is person.ecg and isinstance(swapped.cine, Cine)


def test_the_rate_of_a_still_is_not_told(packaged):
    still = Cine(np.repeat(np.random.default_rng(0).random((1, 80, 80)), 50, axis=0), (1.8, 1.8), 20.0)
    made = packaged.describe(still)
    assert np.isnan(made.measured.loc["heart rate of the cine", "value"]) and "not measurable" in repr(made)


def test_a_model_without_a_gallery_has_no_hearts(model, typical):
    made = model.describe(typical)
    assert model.gallery is None and made.hearts == () and made.prediction is not None
    assert set(made.figures()) == {"paper"}


def test_two_of_a_kind_are_the_callers_mistake(packaged, person):
    with pytest.raises(TypeError, match="one of each, as records or as paths; got ECG and ECG"):
        packaged.describe(person.ecg, person.ecg)
    with pytest.raises(TypeError, match="got ndarray"):
        packaged.describe(person.ecg.signal)


def test_a_recording_is_told_by_what_is_in_the_file(tmp_path, person, scan):
    assert isinstance(read_recording(scan), Cine)
    write_ecg(tmp_path / "a", person.ecg)
    assert isinstance(read_recording(tmp_path / "a"), ECG)  # WFDB without its ending
    waves = write_dicom_ecg(tmp_path / "waves", person.ecg)
    assert isinstance(read_recording(waves), ECG)
    refused(lambda: read_recording(tmp_path), "a")  # a folder is one of images, and here it is not
    np.save(tmp_path / "a.npy", person.ecg.signal)
    with pytest.raises(DataError, match="rate"):
        read_recording(tmp_path / "a.npy")
    assert isinstance(read_recording(tmp_path / "a.npy", unit="mV", rate=500), ECG)
