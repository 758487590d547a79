"""The real ECGs in the package are read, and say where they are from."""

import numpy as np
import pytest

import eccl
from eccl.data.ecg import read_ecg
from eccl.share.examples import FOLDER, example_ecgs


def test_they_are_real_ecgs_in_millivolts():
    for path in example_ecgs().values():
        ecg = read_ecg(path)
        assert ecg.signal.shape == (12, 5000) and ecg.sampling_rate == 500
        assert 0.3 < np.ptp(ecg.signal, axis=1).max() < 5
        assert path.with_suffix(".dat").stat().st_size < 130_000


def test_whom_to_thank_stands_beside_them():
    said = (FOLDER / "ATTRIBUTION.md").read_text()
    assert "CC BY 4.0" in said and "Wagner" in said


def test_the_other_with_its_p_waves_is_given_fibrillation_and_both_the_same_infarct():
    normal, old = (eccl.load().describe(path) for path in example_ecgs().values())
    given = old.prediction.diagnoses["probability"]
    assert given["I48"] > 0.8 and given["I50"] > 0.5 and 120 < old.measured.loc["PR interval", "value"] < 220
    assert normal.prediction.diagnoses.loc["I21", "probability"] == pytest.approx(given["I21"], abs=0.002)


def test_the_one_that_its_reader_calls_normal_is_given_a_risk_of_cardiomyopathy():
    normal = example_ecgs()["normal, as its reader says"]
    assert eccl.load().predict(read_ecg(normal)).diagnoses.loc["I42", "probability"] > 0.3
