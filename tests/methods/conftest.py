"""What the methods are trained on, and three of them trained."""

import pytest
from helpers.methods import CMR, CONFIG, ECCL, MAE, SPLIT

from eccl.data.cohort import Cohort
from eccl.machine import Machine
from eccl.methods import obtain
from eccl.study.data import Data


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def data(root, tiny_cohort, tiny_store):
    return Data(CONFIG, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))


@pytest.fixture(scope="module")
def eccl(data):
    return obtain(ECCL, data, progress=False)


@pytest.fixture(scope="module")
def mae(data, eccl):
    return obtain(MAE, data)


@pytest.fixture(scope="module")
def cmr(data, eccl):
    return obtain(CMR, data)
