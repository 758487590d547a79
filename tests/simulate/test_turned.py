"""A heart turned in one part: that part moves in both views as stated, and nothing else does."""

from dataclasses import fields

import numpy as np
import pytest

from eccl.records import LEADS
from eccl.simulate.electrical import electrical
from eccl.simulate.geometry import traits
from eccl.simulate.turned import STEPS, both_views, ordinary_heart, telling_seed, turned

MASS, EJECTION, SCAR, RHYTHM = STEPS


@pytest.fixture(scope="module")
def heart():
    return ordinary_heart()


@pytest.fixture(scope="module")
def seed(heart):
    return telling_seed(heart)


def changed(one, other):
    return {item.name for item in fields(one) if not np.array_equal(getattr(one, item.name), getattr(other, item.name))}


def test_the_heart_is_healthy_and_always_the_same(heart):
    assert not heart.diagnoses.any() and not heart.conduction and not changed(heart, ordinary_heart())


@pytest.mark.parametrize(
    ("part", "value", "expected"),
    [
        (MASS, 150.0, {"lv_mass"}),
        (EJECTION, 35.0, {"lv_esv", "heart_failure"}),
        (SCAR, 0.5, {"infarct_territory", "infarct_extent", "scar", "wall", "contraction"}),
        (RHYTHM, 1.0, {"fibrillation", "in_fibrillation", "heart_rate"}),
    ],
)
def test_one_part_is_turned(heart, part, value, expected):
    assert changed(heart, turned(heart, part, value)) == expected


def test_the_cine_shows_what_was_turned(heart):
    def measured(part, value):
        return traits(turned(heart, part, value), np.random.default_rng(0))

    assert measured(MASS, 200.0)["lv_mass"] > 1.8 * measured(MASS, 85.0)["lv_mass"]
    assert measured(EJECTION, 25.0)["lv_ef"] < 35 < 55 < measured(EJECTION, 65.0)["lv_ef"]


def test_the_ecg_shows_it_too(heart, seed):
    def peak(part, value, lead, side=max):
        signal = both_views(turned(heart, part, value), seed)[0].signal[LEADS.index(lead)]
        return side(signal - np.median(signal))

    assert peak(MASS, 200.0, "V5") > 1.3 * peak(MASS, 60.0, "V5")
    infarct = both_views(turned(heart, SCAR, 1.0), seed)[0].signal[LEADS.index("V2")]
    assert np.percentile(infarct - np.median(infarct), 10) < -0.2  # T turns over, for a tenth of the time at least
    assert electrical(turned(heart, RHYTHM, 1.0), 1.0, np.random.default_rng([seed, 0])).fibrillating


def test_the_chances_are_the_seeds_alone(heart, seed):
    first, second = both_views(heart, seed), both_views(turned(heart, SCAR, 0.0), seed)
    for one, other in zip(first, second):
        np.testing.assert_array_equal(
            one.signal if hasattr(one, "signal") else one.frames,
            other.signal if hasattr(other, "signal") else other.frames,
        )
    with pytest.raises(ValueError, match="no part is named 'aorta'"):
        turned(heart, "aorta", 1.0)
