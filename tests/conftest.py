"""Fixtures that several tests share: a small cohort in real files, its store, and real recordings if they are there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from helpers.making import write_cohort

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the networks here are too small to share among threads

from eccl.data.cohort import Cohort

if TYPE_CHECKING:
    from eccl.data.store import Store

REAL = Path(__file__).resolve().parents[2] / "shared" / "realdata"


@pytest.fixture(scope="session", autouse=True)
def eccl_home(tmp_path_factory) -> Iterator[Path]:
    """ECCL_HOME of all tests that set none of their own: nothing is written into the checkout."""
    folder = tmp_path_factory.mktemp("eccl_home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(folder))
        yield folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator, the same in every test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory) -> Path:
    """Folder of a cohort of 24; read it, do not change it."""
    return write_cohort(tmp_path_factory.mktemp("cohort") / "tiny")


@pytest.fixture(scope="session")
def tiny_store(tiny_cohort, tmp_path_factory) -> Store:
    """Store of `tiny_cohort`."""
    from eccl.data.store import pack

    return pack(Cohort.load(tiny_cohort), tmp_path_factory.mktemp("stores") / "tiny", progress=False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of openly licensed recordings beside the checkout; the test is skipped without it."""
    if not REAL.is_dir():
        pytest.skip("the real recordings are not beside this checkout (../shared/realdata)")
    return REAL
