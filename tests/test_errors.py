"""The one error of the package crosses processes whole."""

import pickle
from pathlib import Path

import pytest
from joblib import Parallel, delayed

from eccl.errors import DataError


def refuse(path: Path) -> None:
    raise DataError("no unit is stated", source=path, remedy="write /mV")


def test_an_error_of_a_worker_says_what_it_said_there(tmp_path):
    with pytest.raises(DataError, match=r"no unit is stated\. Remedy: write /mV") as caught:
        Parallel(n_jobs=2)(delayed(refuse)(tmp_path / name) for name in ("a.hea", "b.hea"))
    assert caught.value.source.parent == tmp_path and caught.value.remedy == "write /mV"


def test_an_error_is_the_same_after_pickling():
    error = DataError("a lead is missing", remedy="export all twelve")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is DataError and str(again) == str(error) and again.source is None
