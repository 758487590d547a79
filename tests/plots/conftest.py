"""Recordings to draw."""

import pytest

from eccl.records import ECG, Cine


@pytest.fixture
def ecg(rng):
    """A little noise and a spike of 1 mV each second, in every lead."""
    signal = 0.01 * rng.normal(size=(12, 5000))
    signal[:, 250::500] += 1.0
    return ECG(signal)


@pytest.fixture
def cine(rng):
    return Cine(rng.random((50, 40, 60)), (1.8, 1.2), 20.0)
