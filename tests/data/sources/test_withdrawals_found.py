"""Where lists of withdrawals lie and how they end: any suffix, any folder, behind links; and what only looks so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eccl.data.sources.base import files_under
from eccl.data.sources.ukbiobank.tables import read_tables
from eccl.data.sources.ukbiobank.withdrawals import find_lists, withdrawn
from eccl.records import DataError

PEOPLE = [str(9_000_000 + number) for number in range(6)]
LIST = f"{PEOPLE[1]}\n{PEOPLE[2]}\n"


def found(download: Path, content: str, name: str) -> dict[str, bool]:
    """Lists of a download with one file: their names, and whether the name says that it is one."""
    path = download / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return {item.path.name: item.named for item in find_lists(download, tables=download / "tables")}


@pytest.mark.parametrize(
    "name", ["x.id", "x.ids", "x.eid", "x.remove", "x.sample", "x.json", "x.bak", "x.log", "w1.eid"]
)
def test_content_tells_a_list_whatever_its_suffix(tmp_path, name):
    assert found(tmp_path, LIST, name) == {name: False}


@pytest.mark.parametrize("name", ["2024.csv", "2024.txt", "new.xlsx", "deep/2024.tsv"])
def test_a_folder_of_withdrawals_holds_lists(tmp_path, name):
    assert found(tmp_path, "eid,when\n", f"Withdrawals/{name}") == {Path(name).name: True}


NO_LISTS = {
    "Withdrawals/README.txt": "Here lie the lists.\n",
    "remove_withdrawn.R": "people <- people[!people$eid %in% gone, ]\n",
    "apply_withdrawals.py": "import pandas\n",
    "w3_notes.md": "hello\n",
    "scan.dcm": LIST,
    "tables/first.csv": "eid,131298-0.0,131338-0.0\n" + "".join(f"{eid},,\n" for eid in PEOPLE),
    "tables/hospital.csv": "eid,41270-0.0,41280-0.0\n"
    + "".join(f"{eid},,\n" for eid in PEOPLE[1:])
    + f"{PEOPLE[0]},I480,2018-12-03\n",
    "tables/first.tab": "f.eid\tf.131298.0.0\n" + "".join(f"{eid}\t\n" for eid in PEOPLE),
    "tables/rap.csv": "participant.eid,participant.p131298\n" + "".join(f"{eid},\n" for eid in PEOPLE),
    "tables/index.csv": '"","eid","p131298"\n' + "".join(f'"{row}",{eid},\n' for row, eid in enumerate(PEOPLE)),
    "tables/own.csv": "eid,stroke\n" + "".join(f"{eid},\n" for eid in PEOPLE),
}


@pytest.mark.parametrize("name", NO_LISTS)
def test_what_looks_like_a_list_and_is_none(tmp_path, name):
    assert found(tmp_path, NO_LISTS[name], name) == {}


@pytest.mark.parametrize("head", ["Unnamed: 0,eid", '"",eid', "index,eid"])
def test_a_list_with_the_numbers_of_rows_is_one(tmp_path, head):
    rows = "".join(f"{row},{eid}\n" for row, eid in enumerate(PEOPLE[1:3]))
    assert found(tmp_path, f"{head}\n{rows}", "a.csv") == {"a.csv": False}
    assert withdrawn(tmp_path / "a.csv") == set(PEOPLE[1:3])


def test_lists_behind_links_are_found_once_and_nothing_beside_the_download(tmp_path):
    download, shared = tmp_path / "download", tmp_path / "shared"
    for folder in (download / "real", shared, tmp_path / "beside"):
        folder.mkdir(parents=True)
        (folder / f"of_{folder.name}.txt").write_text(LIST)
    (download / "tables").symlink_to(shared)
    (download / "again").symlink_to(download / "real")
    (download / "loop").symlink_to(download)
    (download / "up").symlink_to(tmp_path)
    lists = [item.path.name for item in find_lists(download, tables=download / "tables")]
    assert sorted(lists) == ["of_real.txt", "of_shared.txt"]
    assert [path.parent.name for path in files_under(download, ["real.txt"])] == ["real"]


def test_a_pipe_is_not_waited_for_and_a_broken_link_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    assert find_lists(tmp_path) == []
    os.mkfifo(tmp_path / "withdrawn.txt")
    (tmp_path / "w12345.txt").symlink_to(tmp_path / "nowhere")
    for item in find_lists(tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            withdrawn(item.path)
    assert len(find_lists(tmp_path)) == 2


@pytest.mark.parametrize("heading", ["withdrawn", "Consent_Withdrawal", "has_withdrawn"])
def test_a_table_that_speaks_of_withdrawals_is_refused(tmp_path, heading):
    (tmp_path / "a.csv").write_text(f"eid,31-0.0,{heading}\n{PEOPLE[1]},1,1\n")
    with pytest.raises(DataError, match="speaks of withdrawals") as caught:
        read_tables([tmp_path / "a.csv"])
    assert PEOPLE[1] not in str(caught.value) and "withdrawals.txt" in caught.value.remedy
