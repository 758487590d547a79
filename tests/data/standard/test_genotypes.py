"""Counts of alleles in groups of one-hot variants, and what is none."""

import numpy as np
import pandas as pd
import pytest
from helpers.making import refused

from eccl.data.standard.genotypes import encode_genotypes


def test_each_count_has_its_place_in_its_group():
    table = pd.DataFrame({"g02_a": [0, 1, np.nan], "g49_b": [2, 2, 0], "g02_c": [1, np.nan, 2]}, index=list("xyz"))
    encoded = encode_genotypes(table)
    assert encoded.shape == (3, 49, 120) and encoded.dtype == np.uint8
    set_places = {tuple(map(int, place)) for place in np.argwhere(encoded)}
    assert set_places == {(0, 1, 0), (0, 48, 2), (0, 1, 4), (1, 1, 1), (1, 48, 2), (2, 48, 0), (2, 1, 5)}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"g02_a": [0.7]}, ["g02_a", "0.7", "dosages"]),
        ({"g02_a": ["CT"]}, ["g02_a", "'CT'"]),
        ({"rs123": [1]}, ["rs123", "group"]),
        ({"g50_a": [1]}, ["g50_a", "g49"]),
        ({f"g02_{k}": [1] for k in range(41)}, ["group 2", "40"]),
    ],
)
def test_what_is_no_genotype_is_refused(table, words):
    refused(lambda: encode_genotypes(pd.DataFrame(table)), *words)
