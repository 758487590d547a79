"""The methods that read a table, on one that was ingested from a download of UK Biobank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.making import refused
from helpers.methods import CONFIG as TINY
from helpers.ukb_beside import taken, write_beside

from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.data.store import pack
from eccl.machine import Machine
from eccl.methods import METHODS, obtain
from eccl.study.data import Data


@pytest.fixture
def download(tmp_path) -> Path:
    return write_beside(tmp_path / "download")


def data_of(cohort: Cohort, tmp_path: Path) -> Data:
    split = Split(np.arange(4), np.arange(4, 6), np.arange(6, 8))
    return Data(TINY, cohort, pack(cohort, tmp_path / "store", progress=False), split, Machine("cpu"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["eccl_tabular", "eccl_snp"])
def test_the_methods_that_read_them_train_on_the_cohort(download, tmp_path, monkeypatch, name):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    trained = obtain(METHODS[name], data_of(taken(download, tmp_path / "cohort"), tmp_path), progress=False)
    assert trained.run.complete and len(trained.history) == 1
    assert np.isfinite(trained.run.metrics["validation_loss"])


@pytest.mark.slow
def test_a_field_that_tells_a_trait_stops_the_training(download, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    people, more = (pd.read_csv(download / "tables" / f"{name}.csv") for name in ("participants", "more"))
    told = more["eid"].map(people.set_index("eid")["24103-2.0"])
    more.assign(**{"48-2.0": told}).to_csv(download / "tables" / "more.csv", index=False)
    data = data_of(taken(download, tmp_path / "cohort"), tmp_path)
    refused(lambda: obtain(METHODS["eccl_tabular"], data, progress=False), "waist", "tells the trait")
