"""Numbers that mean nothing as a setting are refused, wherever they come from."""

import pytest

from eccl.config import from_dict, preset, to_dict, with_settings
from eccl.presets import PRESETS
from eccl.ranges import check_range


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("loss.temperature", -1.0, "temperature is -1.0; it is above 0"),
        ("loss.temperature", float("nan"), "temperature is nan"),
        ("loss.trait_weight", float("inf"), "trait_weight is inf"),
        ("stage_mae.epochs", 0, "epochs is 0; it is at least 1"),
        ("stage_eccl.batch_size", -3, "batch_size is -3"),
        ("stage_eccl.learning_rates", [1e-3, -1], "learning_rates is -1.0"),
        ("seed", -1, "seed is -1; it is at least 0"),
        ("label_share", 2.0, "label_share is 2.0; it is above 0 and at most 1"),
        ("label_share", 0.0, "label_share is 0.0"),
        ("diagnosis_share", 0.0, "diagnosis_share is 0.0"),
        ("mae.mask_ratio", 1.5, "from 0 to 1"),
        ("simulation.participants", -3, "participants is -3"),
    ],
)
def test_what_means_nothing_is_refused_with_what_does(name, value, message):
    with pytest.raises(ValueError, match=message):
        with_settings(preset("smoke"), {name: value})


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_within(name):
    assert from_dict(to_dict(preset(name))) == preset(name)


def test_ends_that_mean_something_are_taken():
    for name, value in (
        ("label_share", 1.0),
        ("coupling", 0.0),
        ("trait_weight", 0.0),
        ("augment", False),
        ("name", ""),
    ):
        check_range(name, value)
