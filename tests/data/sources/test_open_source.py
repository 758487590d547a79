"""Sources by name, and their options: from one line of text, refused by name."""

from __future__ import annotations

import pytest

from eccl.data.sources import SOURCES, open_source, read_options
from eccl.data.sources.ingest import ingest
from eccl.records import DataError


def test_options_are_read_from_one_line():
    assert read_options("frame_policy=interpolate, visit=3 ,simulated=True,unit=mV") == {
        "frame_policy": "interpolate",
        "visit": 3,
        "simulated": True,
        "unit": "mV",
    }
    assert read_options(None) == {} and read_options(" ") == {}
    with pytest.raises(ValueError, match="got 'frame_policy'"):
        read_options("frame_policy")


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_opens_by_name_and_refuses_unknown_options(name, tmp_path):
    if name == "folder":
        (tmp_path / "participants.csv").write_text("participant_id,ecg\nnobody,absent.hea\n")
    source = open_source(name, tmp_path)
    assert set(source.description["modalities"]) <= {"ecg", "cine"} and source.description["licence"]
    with pytest.raises(ValueError, match=r"no setting 'colour'"):
        open_source(name, tmp_path, colour="red")
    with pytest.raises(DataError, match="no such file"):
        open_source(name, tmp_path / "absent")
    with pytest.raises(DataError):
        ingest(source, tmp_path / "cohort", progress=False)


def test_an_unknown_source_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"'ukbiobnk'; did you mean 'ukbiobank'"):
        open_source("ukbiobnk", ".")
