"""The table of people: which columns it takes, what becomes of what is missing, and whose mean and SD scale it."""

import numpy as np
import pandas as pd
import pytest
from helpers.making import refused

from eccl.data.standard.leaks import MEASURES_OF_THE_HEART
from eccl.data.standard.tabular import FEATURES, LARGEST, answers, columns, encode, fields, numbers, standard_table


@pytest.fixture
def table(rng):
    values = {name: rng.lognormal(3, 0.3, 40) for name in numbers()}
    values |= {name: rng.choice(codes, 40).astype(float) for name, codes in answers().items()}
    return standard_table(pd.DataFrame(values).mask(rng.random((40, 90)) < 0.1))


def test_the_fields_are_sixty_numbers_and_thirty_answers_of_135_codes():
    assert (len(numbers()), len(answers()), sum(map(len, answers().values()))) == (60, 30, 135)
    assert fields()["field"].is_unique and fields().index.is_unique and FEATURES == 60 + 135 + 60
    for first, last, _ in MEASURES_OF_THE_HEART:
        assert not fields()["field"].between(first, last).any()


def test_numbers_are_scaled_by_the_training_rows_alone(table):
    train = np.arange(25)
    encoded = encode(table, train)
    waist, place = table["waist"].to_numpy(), numbers().index("waist")
    known = np.isfinite(waist)
    expected = (waist - np.nanmean(waist[:25])) / np.nanstd(waist[:25])
    np.testing.assert_allclose(encoded[known, place], expected[known].clip(-LARGEST, LARGEST), rtol=1e-4, atol=1e-5)
    other = table.copy()
    other.iloc[25:] = other.iloc[25:] * 3 + 100  # of whom no training row is
    np.testing.assert_array_equal(encode(standardised(other), train)[:25], encoded[:25])


def standardised(table):
    """The numbers as they are, the answers back among their codes."""
    return table.assign(**{name: table[name].where(table[name].isin(codes)) for name, codes in answers().items()})


def test_what_is_missing_is_the_training_mean_and_is_said(table):
    encoded = encode(table, np.arange(25))
    missing = table[numbers()].isna().to_numpy()
    z, codes, flags = np.split(encoded, [60, 195], axis=1)
    np.testing.assert_array_equal(flags, missing)
    assert missing.any() and not z[missing].any() and z[~missing].all()
    asked = table[list(answers())].notna().sum(axis=1)
    np.testing.assert_array_equal(codes.sum(axis=1), asked)  # one of each answer, none of one that is missing
    assert np.isfinite(encoded).all() and encoded.shape == (40, FEATURES) and encoded.dtype == np.float32


def test_each_answer_is_one_hot_in_its_own_columns(table):
    for row, encoded in zip(table.index, encode(table, np.arange(25))[:, 60:195]):
        expected = [float(table.at[row, name] == code) for name, several in answers().items() for code in several]
        assert encoded.tolist() == expected


def test_a_number_of_which_training_has_none_says_nothing(table):
    table.loc[:24, "waist"] = np.nan
    encoded = encode(table, np.arange(25))
    assert not encoded[:, numbers().index("waist")].any() and np.isfinite(encoded).all()


def test_headings_of_uk_biobank_are_understood_and_absent_fields_are_missing():
    people = pd.DataFrame(
        {"48-2.0": [88, -3], "p1498_i2": [-10, 4], "f.20116.2.0": [2, -3], "participant.p49_i2": [95, 99]}
    )
    table = standard_table(people)
    assert list(table) == list(fields().index)
    np.testing.assert_array_equal(
        table[["waist", "coffee", "smoking", "hip"]], [[88, 0, 2, 95], [np.nan, 4, np.nan, 99]]
    )
    assert table["fvc"].isna().all() and columns(table).shape == (2, 195)


@pytest.mark.parametrize(
    ("columns_of", "words"),
    [
        ({"shoe_size": [43]}, ["shoe_size", "90 fields"]),
        ({"waist": [88], "48-2.0": [88]}, ["waist", "twice"]),
        ({"waist": ["wide"]}, ["waist", "'wide'", "a number"]),
        ({"smoking": [7]}, ["smoking", "7", "0, 1, 2"]),
    ],
)
def test_what_is_no_field_or_no_value_is_refused(columns_of, words):
    refused(lambda: standard_table(pd.DataFrame(columns_of)), *words)
