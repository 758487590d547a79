"""Folders of WFDB records: labels from comments, and names from folders."""

from __future__ import annotations

import numpy as np
from helpers.ingests import taken
from helpers.wfdb_files import write_record

from eccl.data.sources import open_source


def test_records_are_labelled_by_their_comments(tmp_path):
    data = tmp_path / "cinc"
    write_record(data / "g1" / "E1", "# Age: 74\n# Sex: Male\n# Dx: 164889003,426783006\n")
    write_record(data / "g1" / "E2", "# Age: NaN\n# Sex: Unknown\n# Dx: 164865005\n")
    write_record(data / "g2" / "E3", "# Age: 40\n# Sex: Female\n# Dx: 426783006\n")
    write_record(data / "g2" / "E4", "# Age: 40\n# Sex: Female\n")
    cohort, refused = taken(open_source("wfdb_folder", data), tmp_path / "cohort")
    table = cohort.table.set_index("participant_id")
    assert list(table.index) == ["E1", "E2", "E3"]
    assert list(table["I48"]) == [1, 0, 0] and list(table["I21"]) == [0, 1, 0]
    assert table.loc["E1", "sex"] == 1 and np.isnan(table.loc["E2", "sex"]) and table.loc["E3", "sex"] == 0
    assert table.loc["E1", "age"] == 74 and np.isnan(table.loc["E2", "age"])
    assert "no line # Dx" in refused["E4"]
    everyone, _ = taken(open_source("wfdb_folder", data, labels="none"), tmp_path / "unlabelled")
    assert len(everyone) == 4 and everyone.known_diagnoses == ()


def test_records_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for place in ("a", "b"):
        write_record(tmp_path / "data" / place / "same", "# Dx: 426783006\n")
    cohort, _ = taken(open_source("wfdb_folder", tmp_path / "data"), tmp_path / "cohort")
    assert cohort.participant_ids == ("a-same", "b-same")
