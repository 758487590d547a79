"""The table of settings: every one there is, with its value in each preset and its meaning from the source."""

import re
from pathlib import Path

import pytest

from eccl.config import preset
from eccl.presets import PRESETS
from eccl.report import settings_table, stages_table
from eccl.report.settings import _flat

ROOT = Path(__file__).resolve().parents[2]


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
    assert table.loc["loss.trait_weight", "meaning"] == "lambda, of the trait regression"
    assert table.loc["ecg_augmentation.shift", "meaning"].startswith("s, largest shift to either side")
    assert table.loc["stage_eccl.learning_rate", "meaning"] == "peak of the cosine"
    assert (table["meaning"] != "").all()


def test_the_page_shows_every_part_and_every_stage(table):
    page = (ROOT / "book" / "settings.md").read_text()
    parts = re.findall(r'settings_table\("(\w*)"\)', page)
    shown = [name for part in parts for name in settings_table(part).index]
    stages = [name for name in table.index if name.startswith("stage_")]
    assert sorted([*shown, *stages]) == sorted(table.index)
    assert {name.partition(".")[0] for name in stages} == set(re.findall(r"\(`(stage_\w+)`", page))
    assert set(re.findall(r'stages_table\("(\w+)"\)', page)) == set(PRESETS)


def test_the_stages_have_the_values_of_the_preset():
    assert stages_table("paper").loc["learning_rate", "mae"] == "0.0001"
    assert stages_table("smoke").loc["epochs"].tolist()[:-1] == ["2"] * 6
    assert stages_table("laptop").loc["warmup", "meaning"] == "share of the epochs"
