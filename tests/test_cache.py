"""The one memo: computed once, read again, named by all that decides it, and never half there."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.processes import free_port, join_as, processes

from eccl.cache import digest, kept, kept_array, kept_table
from eccl.config import LATER
from eccl.errors import DataError
from eccl.machine import Machine, engine


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    return tmp_path / "kept"


def refuse():
    raise AssertionError("it was made again")


def test_an_array_is_made_once_and_read_again(home):
    made = kept_array("h", ("a", 1), lambda: np.arange(3.0))
    np.testing.assert_array_equal(kept_array("h", ("a", 1), refuse), made)
    np.testing.assert_array_equal(kept_array("h", ("a", 2), lambda: np.zeros(2)), np.zeros(2))
    assert len(list(home.glob("h-*.npy"))) == 2


def test_a_table_keeps_every_digit_and_its_gaps(home):
    table = pd.DataFrame({"x": [1 / 3, np.nan], "name": ["a", "b"]}, index=["p", "q"])
    pd.testing.assert_frame_equal(kept_table("t", (), lambda: table), table)
    pd.testing.assert_frame_equal(kept_table("t", (), refuse), table)


def test_what_fails_leaves_nothing(home):
    def save(value, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises((OSError, DataError), match="No space"):
        kept("a.txt", (), lambda: 1, save, Path.read_text)
    assert not [path for path in home.glob("*") if path.name.endswith(".txt")]


def test_what_cannot_be_read_names_the_file(home):
    kept_array("h", (), lambda: np.arange(3))
    path = next(home.iterdir())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="delete the file") as error:
        kept_array("h", (), refuse)
    assert path.name in str(error.value)


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1


def test_a_digest_is_of_the_whole_of_its_parts():
    assert digest(Settings(), "a", 1) == digest(Settings(0.1), "a", 1)
    assert len({digest(Settings(0.2)), digest(Settings()), digest({"rate": 0.1}, 1), digest("a"), digest("a", "")}) == 5


def test_a_setting_that_came_later_names_a_run_only_where_it_is_not_at_its_default():
    @dataclass(frozen=True)
    class Longer(Settings):
        window: int = field(default=5, metadata=LATER)

    @dataclass(frozen=True)
    class Whole:
        inner: Settings

    assert digest(Longer()) == digest(Settings()) and digest(Whole(Longer())) == digest(Whole(Settings()))
    assert len({digest(Longer(window=6)), digest(Longer()), digest(Whole(Longer(window=6)))}) == 3


def rank(number: int, port: int, folder: Path) -> None:
    join_as(number, 2, port)
    calls = []
    found = kept_array("h", (), lambda: calls.append(1) or np.arange(4.0), engine(Machine("cpu", devices=2)))
    np.savez(folder / f"{number}.npz", found=found, calls=len(calls))


def test_of_two_processes_the_first_computes_and_the_other_waits(home, tmp_path):
    port = free_port()
    assert processes(rank, (0, port, tmp_path), (1, port, tmp_path)) == [0, 0]
    first, second = (np.load(tmp_path / f"{number}.npz") for number in range(2))
    assert (int(first["calls"]), int(second["calls"])) == (1, 0)
    np.testing.assert_array_equal(first["found"], second["found"])


def test_a_name_of_a_kept_table_is_not_taken_for_a_missing_value(tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    made = pd.DataFrame({"method": ["NA", "none"], "value": [0.1, np.nan]})
    pd.testing.assert_frame_equal(kept_table("table", (1,), lambda: made), made)
