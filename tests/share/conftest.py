"""A simulated cohort of ECGs, and models of a random encoder that were calibrated on all or on a part of it."""

import numpy as np
import pytest
import torch
from helpers.simulated import pack_people
from torch import nn

from eccl.config import preset
from eccl.data.split import Split, split
from eccl.encoders.ecg import ecg_encoder
from eccl.records import ECG
from eccl.share.pretrained import equip, load

PEOPLE, SMOKE = 600, 80  # the first 80 are the cohort of the preset smoke


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """Store of 600 simulated people."""
    return pack_people(tmp_path_factory.mktemp("people"), PEOPLE)


@pytest.fixture(scope="session")
def parts(people) -> Split:
    """Their split."""
    return split(people.participant_ids)


@pytest.fixture(scope="session")
def encoder() -> nn.Module:
    """Random weights of the preset smoke: calibration does not depend on what an encoder has learnt."""
    torch.manual_seed(0)
    return ecg_encoder(preset("smoke").ecg)


@pytest.fixture(scope="session")
def equipped(tmp_path_factory, people, parts, encoder):
    """Folder of a model of 600 people."""
    return equip(tmp_path_factory.mktemp("runs") / "all", encoder, people, parts, {"method": "random"})


@pytest.fixture(scope="session")
def few(parts) -> Split:
    """The split of the 80 people of the preset smoke."""
    return Split(*(part[part < SMOKE] for part in (parts.train, parts.validation, parts.test)))


@pytest.fixture(scope="session")
def small(tmp_path_factory, people, few, encoder):
    """Folder of a model of these 80."""
    return equip(tmp_path_factory.mktemp("runs") / "smoke", encoder, people, few, {"method": "random"})


@pytest.fixture(scope="session")
def smoke(small):
    """A model of these 80."""
    return load(small)


@pytest.fixture(scope="session")
def model(equipped):
    """A model of 600 people."""
    return load(equipped)


@pytest.fixture(scope="session")
def ecgs(people, parts) -> list[ECG]:
    """ECGs of the test split of 600."""
    return [ECG(signal) for signal in people.batch(parts.test, ("ecg",))["ecg"].numpy()]


@pytest.fixture
def typical(ecgs) -> ECG:
    """One of middle amplitude, whose tenfold is still below 20 mV."""
    heights = np.array([np.abs(ecg.signal).max() for ecg in ecgs])
    return ecgs[int(np.argmin(np.abs(heights - 1.5)))]
