"""What things show of themselves: in a line of text, and in a notebook."""

import numpy as np
import pytest

import eccl
from eccl.config import preset, to_dict
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.display import figure, indented, tree
from eccl.machine import Machine
from eccl.methods import METHODS, obtain
from eccl.study.data import Data

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))


@pytest.fixture
def data(tiny_cohort, tiny_store):
    config = preset("smoke", stage_mae={"epochs": 2, "batch_size": 6})
    return Data(config, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))


def test_a_config_is_a_tree_of_all_its_settings():
    config = preset("smoke")
    text, page = repr(config), config._repr_html_()
    assert text.splitlines()[1].strip() == "preset: 'smoke'" and "        temperature: 0.1" in text
    assert page.count("<details") == 1 + sum(isinstance(value, dict) for value in to_dict(config).values())
    assert "temperature: <code>0.1</code>" in page


def test_text_is_escaped():
    assert "<b>" not in tree("<b>", {"<b>": "<b>"}) and indented({"a": {"b": 1}}) == "    a:\n        b: 1"


def test_data_say_who_they_are(data):
    assert repr(data).startswith("Data(24 ") and "12 train, 6 validation, 6 test; preset smoke, seed 42" in repr(data)
    assert "<details open" not in data._repr_html_() and "temperature: <code>0.1</code>" in data._repr_html_()
    assert "24 people" in repr(data.store) and "ecg and cine" in repr(data.store)


def test_a_run_says_how_far_it_is_and_draws_its_history(data, tmp_path):
    trained = obtain(METHODS["masked_autoencoder"], data, root=tmp_path, progress=False)
    assert "complete: validation loss" in repr(trained.run) and "of 2" in repr(trained.run)
    assert trained._repr_html_().startswith('<figure><img src="data:image/svg+xml;base64,')
    assert "Method('masked_autoencoder'" in repr(trained)
    (trained.run.folder / "metrics.json").unlink()
    assert "not complete" in repr(trained.run)


def test_a_figure_has_words_in_place_of_the_picture():
    page = figure("histogram", {"a": np.arange(9.0)}, "x", caption="nine <values>")
    assert 'alt="nine &lt;values&gt;"' in page and "<figcaption>nine &lt;values&gt;</figcaption>" in page


def test_rooms_and_names_are_reachable_from_the_top():
    assert eccl.metrics.Estimate is eccl.Estimate and eccl.plots.forest and eccl.report.say and eccl.traits.TRAITS
    assert eccl.__version__ and set(eccl.__all__) <= set(dir(eccl))
    assert list(eccl.methods().index) == list(METHODS)
    for name in eccl.__all__:
        assert getattr(eccl, name).__doc__, name
    with pytest.raises(AttributeError, match=r"it has .*read_ecg"):
        eccl.read_ekg  # noqa: B018
