"""Features, traits and diagnoses that are linked, and the split of their participants."""

from types import SimpleNamespace

import numpy as np
import pytest

from eccl.data.split import Split
from eccl.traits import TRAITS

N, D = 240, 12


@pytest.fixture
def split():
    return Split(np.arange(140), np.arange(140, 190), np.arange(190, N))


@pytest.fixture
def parts(split):
    """Rows of the three splits of an array."""
    return lambda values: (values[split.train], values[split.validation], values[split.test])


@pytest.fixture
def linear(rng):
    """Features h, and traits and diagnoses that depend on them."""
    h = 5 + 3 * rng.normal(size=(N, D))
    traits = 100 + (h - 5) @ rng.normal(size=(D, len(TRAITS))) + 2 * rng.normal(size=(N, len(TRAITS)))
    diagnoses = (rng.random((N, 4)) < 1 / (1 + np.exp(1 - (h[:, :4] - 5)))).astype(int)
    return SimpleNamespace(h=h, traits=traits, diagnoses=diagnoses)
