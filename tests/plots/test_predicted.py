"""The picture of a prediction: every number where its scale says, and the sentence of a refusal."""

import numpy as np
import pandas as pd
import pytest

from eccl import plots

NAMES = ["lv_edv", "lv_ef"]
MEAN, STD = {"lv_edv": 150.0, "lv_ef": 60.0}, {"lv_edv": 30.0, "lv_ef": 5.0}


@pytest.fixture
def table():
    rows = {"value": [180.0, 20.0], "low": [120.0, 10.0], "high": [210.0, 65.0], "unit": ["ml", "%"]}
    return pd.DataFrame(rows, index=NAMES)


def marks(panel, label):
    (line,) = [line for line in panel.lines if line.get_label() == label]
    return np.column_stack([line.get_xdata(), line.get_ydata()])


def test_values_stand_in_sds_of_training_the_first_on_top(table):
    panel = plots.trait_intervals(table, MEAN, STD, {"lv_edv": 135.0, "lv_ef": np.nan}).axes[0]
    np.testing.assert_allclose(marks(panel, "predicted, with its interval"), [[1, 1], [-5, 0]])  # -8 at the edge
    np.testing.assert_allclose(marks(panel, "measured"), [[-0.5, 1], [np.nan, 0]])
    segments = panel.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in segments], [[-1, 2], [-5, 1]])
    assert [text.get_text() for text in panel.get_yticklabels()] == ["LV end-diastolic volume", "LV ejection fraction"]
    said = [text.get_text().strip() for text in panel.texts]
    assert "180.0 (120.0 to 210.0) ml" in said and "20.0 (10.0 to 65.0) %" in said and "135.0" in said


def test_what_is_known_is_called_as_one_says(table):
    panel = plots.trait_intervals(table, MEAN, STD, {"lv_edv": 135.0, "lv_ef": 50.0}, known="true").axes[0]
    np.testing.assert_allclose(marks(panel, "true"), [[-0.5, 1], [-2, 0]])


def test_nothing_is_measured_of_someone_who_was_not(table):
    panel = plots.trait_intervals(table, MEAN, STD).axes[0]
    assert np.isnan(marks(panel, "measured")[:, 0]).all()


def test_a_refusal_is_a_sentence():
    figure = plots.refusal("polarity: all leads look turned over. " * 5)
    assert " ".join(figure.axes[0].texts[0].get_text().split()).count("polarity: all leads look turned over.") == 5
