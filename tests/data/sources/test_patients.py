"""Nobody is on both sides of a split: every layout that repeats people says whose a record is, or is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.making import cohort_table, make_ecg
from helpers.wfdb_files import write_record

from eccl.data.cohort import Cohort
from eccl.data.ecg import write_ecg
from eccl.data.sources import open_source, read_options
from eccl.data.sources.ingest import ingest, ingest_messages, ingest_tables
from eccl.data.split import split
from eccl.records import DataError

PEOPLE = 12
LAYOUTS = {  # where record k of a person lies, and the option that says whose it is
    "MIMIC": ("files/p1000/p100{0:05d}/s4{0:03d}{1}/4{0:03d}{1}", "2"),
    "PTB": ("patient{0:03d}/s{0:02d}{1}_re", "1"),
    "children": ("P11/P11{0:03d}/P11{0:03d}_E0{1}", "1"),
    "icentia": ("p00/p00{0:03d}_s0{1}", "name"),
    "BIDS": ("sub-{0:02d}/ses-{1}/ecg/sub-{0:02d}_ses-{1}_ecg", "3"),
    "flat": ("sub{0:02d}_{1}", "name"),
    "numbers": ("site/1000{0:03d}/rec{1}", "1"),
    "words": ("Subject {0}/visit{1}/ecg", "2"),
    "initials": ("subject_ab{0}/ecg{1}", "1"),
    "hospital": ("site/{0:06d}/study{0}{1}", "1"),
    "another language": ("paciente{0}/v{0}{1}", "1"),
    "no word": ("X{0:02d}/ecg{1}", "1"),
    "no word, deep": ("X{0:02d}/V{1}/ecg", "2"),
    "hashes": ("3f2a9c{0:02d}-b1/rec_{1}", "1"),
    "tracings": ("S0001/TNMG{0:03d}_N{1}", "name"),
    "before and after": ("{0:03d}-v{1}", "name"),
}


def place(layout: str, person: int, record: int) -> str:
    return LAYOUTS[layout][0].format(person, record)


@pytest.fixture
def download(tmp_path):
    """A function that writes two records of each of some people in a layout, all with one signal."""
    first = write_record(tmp_path / "one" / "first")

    def write(layout: str, comment: str = "", people: int = PEOPLE) -> Path:
        for person in range(people):
            for record in range(2):
                path = tmp_path / "data" / place(layout, person, record)
                path.parent.mkdir(parents=True, exist_ok=True)
                text = first.read_text().replace("first", path.name)
                path.with_name(f"{path.name}.hea").write_text(text + comment.format(person))
                shutil.copy(first.with_suffix(".dat"), path.with_name(f"{path.name}.dat"))
        return tmp_path / "data"

    return write


def listed(download: Path, **options) -> pd.DataFrame:
    return open_source("wfdb_folder", download, labels="none", **options).index(download).entries


def person_of(row: pd.Series, download: Path, layout: str) -> int:
    path = Path(row["_files"][0]).relative_to(download).with_suffix("").as_posix()
    return next(person for person in range(PEOPLE) for k in range(2) if place(layout, person, k) == path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_that_repeats_people_is_refused_until_it_is_said(download, layout):
    data, option = download(layout), LAYOUTS[layout][1]
    with pytest.raises(DataError, match=f"patient={option}") as caught:
        listed(data)
    assert "patient=record" in caught.value.remedy
    assert not any(text in caught.value.problem for text in ("patient001", "p10000001", "sub01", "1000001", "_ab"))
    entries = listed(data, patient=option)
    people = [person_of(row, data, layout) for _, row in entries.iterrows()]
    assert entries["patient_id"].groupby(people).nunique().eq(1).all() and entries["patient_id"].nunique() == PEOPLE
    assert "patient_id" not in listed(data, patient="record")


@pytest.mark.parametrize("comment", ["# <subject_id>: 100{0:05d}\n", "# patient {0}\n", "#Patient ID: {0}\n"])
@pytest.mark.parametrize("layout", ["MIMIC", "flat"])
def test_a_comment_that_names_the_patient_is_enough(download, layout, comment):
    data = download(layout, comment)
    entries = listed(data)
    people = [person_of(row, data, layout) for _, row in entries.iterrows()]
    assert entries["patient_id"].groupby(people).nunique().eq(1).all() and entries["patient_id"].nunique() == PEOPLE


@pytest.mark.parametrize("options", [{}, {"patient": 2}, {"patient": "comment"}])
def test_of_a_cohort_in_mimics_layout_no_patient_is_in_two_parts(download, tmp_path, options):
    data = download("MIMIC", "" if options == {"patient": 2} else "# <subject_id>: 100{0:05d}\n")
    source = open_source("wfdb_folder", data, labels="none", **options)
    cohort = Cohort.load(ingest(source, tmp_path / "cohort", workers=1, progress=False))
    assert len(cohort) == 2 * PEOPLE
    people = np.array([name[1:4] for name in cohort.participant_ids])
    for seed in range(40):
        try:
            parts = cohort.split(seed=seed)
        except DataError:  # a part of twelve people may stay empty
            continue
        groups = [set(people[rows]) for rows in (parts.train, parts.validation, parts.test)]
        assert sum(map(len, groups)) == len(set.union(*groups)) == PEOPLE
    assert any("24 records are of 12 people" in sentence for sentence in ingest_messages(tmp_path / "cohort"))
    store = pytest.importorskip("eccl.data.store", exc_type=ImportError)  # which needs torch
    store.pack(cohort)  # rows of the store are those of the table, so that its parts are the same


def test_records_told_apart_within_a_person_are_refused(download):
    data = download("MIMIC")
    with pytest.raises(DataError, match="patient=1 tells records apart"):
        listed(data, patient=1)
    with pytest.raises(DataError, match="tells records apart"):
        listed(data, patient="name")
    assert listed(data, patient=3)["patient_id"].nunique() == 1  # too far up is too few people, and nobody on two sides


@pytest.mark.parametrize("patient", ["0", "-1", "folder", "10", "1.5", "True"])
def test_what_is_no_way_to_tell_people_is_refused(download, patient):
    with pytest.raises(ValueError, match="patient is record, comment, name"):
        listed(download("flat", people=2), patient=patient)


def test_an_option_may_be_typed_as_a_number(download):
    assert listed(download("PTB"), **read_options("patient=1"))["patient_id"].nunique() == PEOPLE


def test_headers_of_which_some_name_a_patient_are_refused_until_it_is_said(tmp_path):
    write_record(tmp_path / "data" / "a", "# patient 1\n")
    write_record(tmp_path / "data" / "b", "# patient 1\n")
    write_record(tmp_path / "data" / "c")
    write_record(tmp_path / "data" / "d", "# patient 1\n# Patient ID: 2\n")
    with pytest.raises(DataError, match="2 of 4 headers name one patient"):
        listed(tmp_path / "data")
    source = open_source("wfdb_folder", tmp_path / "data", labels="none", patient="comment")
    listing = source.index(tmp_path)
    assert list(listing.entries["participant_id"]) == ["a", "b"] and listing.entries["patient_id"].nunique() == 1
    assert [row["participant_id"] for row in listing.refused] == ["c", "d"]


@pytest.mark.parametrize(
    "names",
    [
        ["g1/E0001", "g1/E0002", "g2/E0003"],
        ["01/010/JS0001", "01/010/JS0002"],
        ["20240101/a", "20240101/b"],
        ["patient001/a", "patient002/b"],  # one record each
        ["HR00300", "A00001"],
        ["lead_1", "lead_2"],
        ["a1_1", "a1_2", "a2_3", "a2_4"],
        ["r1/ecg", "r2/ecg", "r3/ecg"],
        ["patients/a", "patients/b", "subjects/c", "subjects/d"],
        ["202401/a", "202401/b"],
    ],
)
def test_other_folders_are_taken_for_a_person_a_record_and_it_is_said(tmp_path, names):
    for name in names:
        write_record(tmp_path / "data" / name)
    source = open_source("wfdb_folder", tmp_path / "data", labels="none")
    listing = source.index(tmp_path)
    assert len(listing.entries) == len(names) and "patient_id" not in listing.entries
    assert "neither headers nor folders say whose" in listing.messages[0]


def test_a_letter_behind_a_number_may_be_a_second_record(tmp_path):
    for name in ("100a", "100b", "101a", "101b"):
        write_record(tmp_path / "data" / name)
    with pytest.raises(DataError, match="patient=name"):
        listed(tmp_path / "data")
    assert list(listed(tmp_path / "data", patient="name")["patient_id"]) == ["100", "100", "101", "101"]


@pytest.mark.parametrize("names", [["X1/V1/a", "X1/b"], ["X1/V1/a", "X1/V1/deep/b"]])
def test_records_at_different_depths_are_not_counted_alike(tmp_path, names):
    for name in names:
        write_record(tmp_path / "data" / name)
    with pytest.raises(DataError, match="different depths"):
        listed(tmp_path / "data", patient=2)


def test_comments_that_contradict_the_folders_are_followed_when_it_is_said(download):
    data = download("PTB")
    for number, header in enumerate(sorted(data.rglob("*.hea"))):
        header.write_text(header.read_text() + f"# Patient ID: {number}\n")
    with pytest.raises(DataError, match="comments of headers tell records apart"):
        listed(data)
    assert listed(data, patient="comment")["patient_id"].nunique() == 2 * PEOPLE


def test_a_record_and_a_link_to_it_are_one(tmp_path):
    header = write_record(tmp_path / "data" / "a")
    (tmp_path / "data" / "link.hea").symlink_to(header)
    (tmp_path / "data" / "hard.hea").hardlink_to(header)
    (tmp_path / "data" / "folder").symlink_to(tmp_path / "data")
    assert list(listed(tmp_path / "data")["participant_id"]) == ["a"]


def test_ptbxl_is_read_with_its_table(tmp_path):
    for name in ("records500/00000/00001_hr", "records100/00000/00001_lr"):
        write_record(tmp_path / "data" / name)
    with pytest.raises(DataError, match="source ptbxl"):
        listed(tmp_path / "data")


def test_a_folder_of_one_patient_is_told_by_its_own_name(tmp_path):
    for name in ("patient007/a", "p10/b", "p10/c"):
        write_record(tmp_path / name)
        write_record(tmp_path / f"{name}2")
    with pytest.raises(DataError, match="patient=1"):
        listed(tmp_path / "patient007")
    assert len(listed(tmp_path / "p10")) == 4


# --- One's own table ------------------------------------------------------------------------------------------------


def own(tmp_path: Path, rows: str) -> Path:
    for number, name in enumerate(("a", "b", "c")):
        write_ecg(tmp_path / "own" / name, make_ecg(np.random.default_rng(number)))
    (tmp_path / "own" / "participants.csv").write_text(rows)
    return tmp_path / "own"


@pytest.mark.parametrize("again", ["a.hea", "./a.hea", "../own/a.hea", "link.hea", "a.dat", "a", "hard.hea"])
def test_one_recording_of_two_people_is_refused(tmp_path, again):
    (tmp_path / "own").mkdir()
    data = own(tmp_path, f"participant_id,ecg\np1,a.hea\np2,{again}\np3,c.hea\n")
    (data / "link.hea").symlink_to("a.hea")
    (data / "hard.hea").hardlink_to(data / "a.hea")
    folder = ingest(open_source("folder", data), tmp_path / "cohort", workers=1, progress=False)
    quarantine = ingest_tables(folder)[1]
    assert Cohort.load(folder).participant_ids == ("p3",) and list(quarantine["participant_id"]) == ["p1", "p2"]
    assert quarantine["reason"].str.contains("a row of another person too").all()
    assert quarantine["remedy"].str.contains("patient_id").all()


def test_one_recording_of_one_patient_may_stand_in_two_rows(tmp_path):
    (tmp_path / "own").mkdir()
    data = own(tmp_path, "participant_id,patient_id,ecg\np1,x,a.hea\np2,x,a.hea\np3,,c.hea\n")
    cohort = Cohort.load(ingest(open_source("folder", data), tmp_path / "cohort", workers=1, progress=False))
    assert len(cohort) == 3


def test_an_odd_cell_is_no_fault_of_who_has_none(tmp_path):
    (tmp_path / "own").mkdir()
    data = own(tmp_path, f"participant_id,ecg,age\np1,a.hea,old\np2,b.hea,NA\np3,c.hea,50\np4,{'a' * 5000},\n")
    cohort = Cohort.load(ingest(open_source("folder", data), tmp_path / "cohort", workers=1, progress=False))
    assert cohort.participant_ids == ("p2", "p3")


# --- Few people -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("people", [1, 2, 3])
def test_too_few_people_are_told_what_would_help(people):
    with pytest.raises(DataError, match="no participant is in the") as caught:
        split([f"p{number}" for number in range(people)] * 5, seed=4)
    assert caught.value.problem.endswith(f"of {people}") and "20 or so" in caught.value.remedy
    assert "split of cohort.csv" in caught.value.remedy


def test_a_cohort_of_one_modality_is_told_where_it_is_of_use(tmp_path):
    (tmp_path / "own").mkdir()
    data = own(tmp_path, "participant_id,ecg\np1,a.hea\n")
    cohort = Cohort.load(ingest(open_source("folder", data), tmp_path / "cohort", workers=1, progress=False))
    with pytest.raises(DataError, match="does not have recordings of the modality cine") as caught:
        cohort.require(["ecg", "cine"])
    assert "it has ecg" in caught.value.remedy and "07_your_data" in caught.value.remedy


def test_patients_stay_whole_at_every_share_and_seed():
    table = cohort_table(np.random.default_rng(0), 60)
    people = [f"q{number // 3}" for number in range(len(table))]
    for seed in range(20):
        parts = split(people, (0.5, 0.25, 0.25), seed)
        groups = [{people[row] for row in rows} for rows in (parts.train, parts.validation, parts.test)]
        assert sum(map(len, groups)) == len(set.union(*groups))
