"""What one explores: each panel by itself, without a widget; and the sliders, whose move is seen."""

import sys

import numpy as np
import pytest
from helpers.making import refused

import eccl
from eccl.config import preset
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.machine import Machine
from eccl.records import ECG, LEADS
from eccl.share.pretrained import load
from eccl.simulate.turned import STEPS
from eccl.study import panels
from eccl.study.data import Data
from eccl.study.obtain import obtain

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
MASS, EJECTION, SCAR, RHYTHM = STEPS
ONE = {"epochs": 1, "batch_size": 6}


@pytest.fixture(scope="module")
def data(tiny_cohort, tiny_store):
    config = preset("smoke", **{f"stage_{name}": ONE for name in ("mae", "cmr", "eccl")})
    return Data(config, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))


@pytest.fixture(scope="module")
def model(data):
    return load(obtain("eccl", data, progress=False).run.folder)


@pytest.fixture(scope="module")
def packaged():
    return eccl.load()


def trace(figure, lead):
    """What is drawn of a lead, less its height on the paper."""
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == lead]
    return line.get_ydata() - np.median(line.get_ydata())


def test_the_ecg_and_the_frame_are_the_participants(data):
    ecg, row = panels.ecg_panel(data, 19), 19
    lead = 10 * data.cohort[row].ecg.signal[LEADS.index("V1"), 2500:3750]
    np.testing.assert_allclose(trace(ecg, "V1"), lead - np.median(lead), atol=1e-3)
    image = panels.cine_panel(data, row, 30).axes[0].images[0].get_array()
    np.testing.assert_array_equal(image, data.cohort[row].cine.frames[30])


def test_the_prediction_stands_beside_what_was_measured(data, model):
    said = [text.get_text().strip() for text in panels.prediction_panel(data, 19, model).axes[0].texts]
    row = model.predict(data.cohort[19].ecg).traits.loc["lv_mass"]
    assert f"{data.cohort[19].traits['lv_mass']:.1f}" in said
    assert f"{row.value:.1f} ({row.low:.1f} to {row.high:.1f}) g" in said


def test_the_nearest_are_of_the_test_split_with_the_own_framed(data, model):
    axes = panels.nearest_panel(data, 20, count=6).axes
    framed = [panel for panel in axes if panel.images and panel.spines["top"].get_visible()]
    own = data.cohort[20].cine.frames[0]
    assert len(framed) == 1 and sum(bool(panel.images) for panel in axes) == 6
    assert np.corrcoef(framed[0].images[0].get_array().ravel(), own.ravel())[0, 1] > 0.99
    with pytest.raises(ValueError, match="row 3 was trained on"):
        panels.nearest_panel(data, 3)


def test_a_change_by_hand_moves_both_views_and_the_prediction(packaged):
    before, after = panels.turned_panels(packaged, {}), panels.turned_panels(packaged, {EJECTION: 25.0, SCAR: 1.0})

    def numbers(figures):
        return {text.get_text().strip() for text in figures["prediction"].axes[0].texts}

    assert list(before) == ["ecg", "cine", "prediction"] and "25.0" in numbers(after) - numbers(before)
    assert np.abs(trace(after["ecg"], "V2") - trace(before["ecg"], "V2")).max() > 2  # mm
    frames = [figures["cine"].axes[2].images[0].get_array() for figures in (before, after)]
    assert np.abs(frames[0] - frames[1]).max() > 10
    dots = [figures["prediction"].axes[0].lines[1].get_xdata()[2] for figures in (before, after)]
    assert dots[1] < dots[0] - 1, "the ejection fraction is predicted lower"


def test_what_the_chapter_says_of_the_right_ventricle(packaged):
    """Its ejection fraction stays as it was, and lies above the interval of what is predicted."""
    panel = panels.turned_panels(packaged, {EJECTION: 25.0, SCAR: 1.0})["prediction"].axes[0]
    labels = [text.get_text() for text in panel.get_yticklabels()]
    row = labels.index("RV ejection fraction")
    measured = panel.lines[2].get_xdata()[row]
    assert measured > panel.collections[0].get_segments()[row][1, 0]


def test_what_a_model_refuses_is_said_in_the_panel(packaged):
    figure = panels.predicted(packaged, ECG(np.random.default_rng(0).normal(0, 0.05, (12, 5000))), {})
    assert figure.axes[0].texts[0].get_text().startswith("Refused: ")


def widgets_of(box, kind):
    """All widgets of a kind, in the order in which they stand."""
    children = getattr(box, "children", ())
    return [box] if isinstance(box, kind) else [each for child in children for each in widgets_of(child, kind)]


def test_moving_a_slider_changes_what_is_shown(data, model):
    ipywidgets = pytest.importorskip("ipywidgets", reason="the extra lab is not installed")
    page = eccl.explore(data)
    (who,) = widgets_of(page, ipywidgets.Dropdown)
    (frame,) = widgets_of(page, ipywidgets.IntSlider)
    images = widgets_of(page, ipywidgets.Image)
    assert len(images) == 4 + 3 and all(bytes(image.value).startswith(b"\x89PNG") for image in images)
    assert [value for _, value in who.options] == SPLIT.test.tolist()

    def moved(widget, value):
        before = [bytes(image.value) for image in images]
        widget.value = value
        return [place for place, image in enumerate(images) if bytes(image.value) != before[place]]

    assert moved(frame, 25) == [0]
    assert set(moved(who, 21)) >= {0, 1, 3}
    sliders = {slider.description: slider for slider in widgets_of(page, ipywidgets.SelectionSlider)}
    assert list(sliders) == list(STEPS)
    assert {4, 5, 6} >= set(moved(sliders[SCAR], 1.0)) >= {4, 5}
    assert {4, 5, 6} >= set(moved(sliders[RHYTHM], 1.0)) >= {4}


def test_without_widgets_the_panels_are_named(monkeypatch, data):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    refused(lambda: eccl.explore(data), "ipywidgets is not installed", "pip install ipywidgets", "eccl.study.panels")
