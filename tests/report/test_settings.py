"""The table of settings: every one there is, with its value in each preset and its meaning from the source."""

import pytest

from eccl.config import preset
from eccl.report import settings_table
from eccl.report.settings import _flat


@pytest.fixture(scope="module")
def table():
    return settings_table()


def test_every_setting_is_there_once(table):
    assert list(table.index) == [name for name in _flat(preset("laptop")) if name != "preset"]
    assert table.index.is_unique and list(table.columns) == ["laptop", "smoke", "paper", "meaning"]


def test_values_are_those_of_the_presets(table):
    assert table.loc["loss.temperature", ["laptop", "smoke", "paper"]].tolist() == ["0.1", "", ""]
    assert table.loc["ecg.width", ["laptop", "smoke", "paper"]].tolist() == ["96", "24", "768"]
    for name in ("smoke", "paper"):
        values, laptop = _flat(preset(name)), _flat(preset("laptop"))
        changed = {setting for setting in laptop if values[setting] != laptop[setting]} - {"preset"}
        assert set(table.index[table[name] != ""]) == changed


def test_meanings_are_the_comments_of_the_source(table):
    assert table.loc["loss.trait_weight", "meaning"] == "lambda"
    assert table.loc["ecg_augmentation.shift", "meaning"].startswith("s, largest shift to either side")
    assert table.loc["stage_eccl.learning_rate", "meaning"] == "peak of the cosine"
