"""Malformed folders of a cohort: each is refused with its file, what is wrong, and a remedy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.making import refused, write_cohort

from eccl.data.cohort import Cohort


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return write_cohort(tmp_path_factory.mktemp("bad") / "cohort", participants=4)


@pytest.fixture
def cohort_folder(original, tmp_path) -> Path:
    folder = tmp_path / "cohort"
    folder.mkdir()
    for part in ("ecg", "cmr"):
        (folder / part).mkdir()
        for path in (original / part).iterdir():
            (folder / part / path.name).symlink_to(path)
    for name in ("cohort.csv", "dataset_description.json"):
        (folder / name).write_bytes((original / name).read_bytes())
    return folder


def put(column, value, row=2):
    def change(table):
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
        return table

    return change


TABLES = {  # what is wrong: (change of the table, words of the message)
    "duplicate participant": (put("participant_id", "p001"), ["'p001'", "again in row 4"]),
    "path as a name": (put("participant_id", "../x"), ["'../x'", "row 4", "file name"]),
    "absolute path as a name": (put("participant_id", "/etc/passwd"), ["'/etc/passwd'"]),
    "dot as a name": (put("participant_id", "a.b"), ["'a.b'"]),
    "space in a name": (put("participant_id", "p 2"), ["'p 2'"]),
    "no name": (put("participant_id", ""), ["''", "row 4"]),
    "name too long": (put("participant_id", "p" * 101), ["file name"]),
    "volume in litres": (put("lv_edv", 0.15), ["lv_edv is 0.15 ml", "p002", "row 4", "20 to 600 ml"]),
    "negative mass": (put("lv_mass", -5), ["lv_mass is -5.0 g"]),
    "EF above 100": (put("lv_ef", 130), ["lv_ef is 130.0 %"]),
    "infinite trait": (put("wt_3", "inf"), ["wt_3 is inf mm"]),
    "text as a trait": (put("rv_edv", "n/k"), ["rv_edv is n/k ml", "p002"]),
    "PTB-XL's age over 89": (put("age", 300), ["age is 300", "0 to 120 years"]),
    "height in metres": (put("height", 1.72), ["height is 1.72 cm"]),
    "sex as text": (put("sex", "male"), ["sex is male", "0 female, 1 male"]),
    "sex as 2": (put("sex", 2), ["sex is 2"]),
    "sex as a share": (put("sex", 0.5), ["sex is 0.5"]),
    "diagnosis of 2": (put("I48", 2), ["I48 is 2", "p002", "row 4"]),
    "diagnosis as a share": (put("I21", 0.5), ["I21 is 0.5"]),
    "diagnosis unknown": (put("I50", np.nan), ["I50 is nan", "0 or 1"]),
    "diagnosis as text": (put("I42", "yes"), ["I42 is yes"]),
    "missing column": (lambda table: table.drop(columns="I42"), ["1 columns are missing: I42"]),
    "missing columns": (lambda table: table.iloc[:, :20], ["columns are missing", "..."]),
    "no participant_id": (lambda table: table.drop(columns="participant_id"), ["participant_id"]),
    "no rows": (lambda table: table.iloc[:0], ["no rows"]),
    "wild heart rate": (lambda table: table.assign(heart_rate=[60, 70, 900, 80]), ["heart_rate is 900 bpm"]),
    "unknown participant": (put("participant_id", "p999"), ["2 of 8 recordings are missing", "p999.hea"]),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_malformed_table_is_refused(cohort_folder, case):
    change, words = TABLES[case]
    path = cohort_folder / "cohort.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    refused(lambda: Cohort.load(cohort_folder), cohort_folder, *words)


@pytest.mark.parametrize("content", [b"", b"\n\n", b'a,b\n1,2,3\n"', b"\xff\xfe\x00broken"])
def test_a_table_that_is_no_table_is_refused(cohort_folder, content):
    (cohort_folder / "cohort.csv").write_bytes(content)
    refused(lambda: Cohort.load(cohort_folder), cohort_folder / "cohort.csv")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"name": "x"}', b'{"name": "x", "simulated": "no"}', b"\xff\xfe"]
)
def test_a_description_that_does_not_say_what_the_people_are_is_refused(cohort_folder, content):
    path = cohort_folder / "dataset_description.json"
    path.write_bytes(content)
    refused(lambda: Cohort.load(cohort_folder), path, "simulated")


@pytest.mark.parametrize("name", ["ecg/p001.hea", "ecg/p003.dat", "cmr/p000.nii.gz"])
def test_half_a_pair_is_refused(cohort_folder, name):
    (cohort_folder / name).unlink()
    refused(lambda: Cohort.load(cohort_folder), cohort_folder / name.split("/")[0], "recordings are missing", name[4:])


@pytest.mark.parametrize("name", ["cohort.csv", "dataset_description.json", "ecg", "cmr"])
def test_an_incomplete_folder_is_refused(cohort_folder, name):
    (cohort_folder / name).rename(cohort_folder.parent / "elsewhere")
    refused(lambda: Cohort.load(cohort_folder), cohort_folder / name, "No such file")
