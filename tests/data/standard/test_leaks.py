"""A column that tells what is to be predicted is refused: by its name, by its field, and by what it correlates with."""

import numpy as np
import pandas as pd
import pytest
from helpers.making import refused

from eccl.data.standard.leaks import LARGEST_CORRELATION, refuse_leaks
from eccl.data.standard.tabular import standard_table
from eccl.traits import TRAIT_NAMES

N = 400
TRAIN = np.arange(300)


@pytest.fixture
def traits(rng):
    return rng.normal(100, 20, (N, len(TRAIT_NAMES)))


@pytest.fixture
def table(rng):
    return pd.DataFrame(rng.standard_normal((N, 20)), columns=[f"x{k}" for k in range(20)])


def copied(traits, rng, r):
    """The third trait, of which noise leaves a correlation of r."""
    z = (traits[:, 3] - traits[:, 3].mean()) / traits[:, 3].std()
    return r * z + np.sqrt(1 - r**2) * rng.standard_normal(len(z))


@pytest.mark.parametrize(
    ("heading", "on"),
    [
        ("24103-2.0", "CMR"),
        ("p22420_i2", "CMR"),
        ("f.31060.2.0", "CMR"),
        ("participant.p24181_i2", "CMR"),
        ("lv_ef", "CMR"),
        ("12340-2.0", "ECG"),
        ("I50", "diagnoses"),
        ("131354-0.0", "diagnoses"),
    ],
)
def test_a_measure_of_the_heart_is_refused_by_name_and_by_field(heading, on):
    refused(lambda: standard_table(pd.DataFrame({"waist": [88.0], heading: [60.0]})), heading, on, "take it out")


def test_a_trait_copied_with_noise_is_refused_and_named(table, traits, rng):
    refuse_leaks(table, traits, TRAIN)
    leaking = table.assign(x7=copied(traits, rng, 0.93))
    refused(lambda: refuse_leaks(leaking, traits, TRAIN), "x7", TRAIT_NAMES[3], "300 training", "allowed")
    refuse_leaks(leaking, traits, TRAIN, allowed=["x7"])
    refused(lambda: refuse_leaks(leaking.assign(x7=-leaking["x7"]), traits, TRAIN), "x7")


def test_a_leak_is_found_though_half_of_it_is_missing(table, traits, rng):
    leaking = table.assign(x7=np.where(rng.random(N) < 0.5, copied(traits, rng, 0.95), np.nan))
    traits[rng.random(traits.shape) < 0.2] = np.nan
    refused(lambda: refuse_leaks(leaking, traits, TRAIN), "x7")


def test_what_goes_with_a_trait_as_a_body_does_is_taken(table, traits, rng):
    refuse_leaks(table.assign(x7=copied(traits, rng, LARGEST_CORRELATION - 0.05)), traits, TRAIN)


def test_few_people_are_no_proof_and_an_exact_copy_is(rng, traits, table):
    few = np.arange(12)
    refuse_leaks(table, traits, few)  # of 1,640 correlations over twelve some are above 0.8
    assert np.abs(np.corrcoef(table.iloc[few].T, traits[few].T)[:20, 20:]).max() > LARGEST_CORRELATION
    refused(lambda: refuse_leaks(table.assign(x7=traits[:, 3]), traits, few), "x7")


def test_no_row_outside_of_training_is_looked_at(table, traits):
    leaking = table.copy()
    leaking.loc[300:, "x7"] = traits[300:, 3]
    refuse_leaks(leaking, traits, TRAIN)
    refused(lambda: refuse_leaks(leaking, traits, np.arange(300, N)), "x7")
