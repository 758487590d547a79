"""Comments of WFDB headers, in the way of every set: what is beyond doubt is taken, the rest is empty and counted."""

import math

import pandas as pd
import pytest
from helpers.wfdb_files import write_record

from eccl.data.sources import open_source
from eccl.data.sources.comments import NEGATIVE, OLD, OUTSIDE, TWICE, UNCLEAR, UNSAID, read_comments
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.records import DataError

NAN = math.nan
SETS = {  # text of the comments: age, sex, patients
    "# Age: 74\n# Sex: Male\n# Dx: 164889003": (74, 1, ()),
    "#Age: 74.5\n#Sex: F": (74.5, 0, ()),
    "# age: 81\n# sex: female\n# ECG date: 01/10/1990\n# Diagnose:\n# Smoker: no": (81, 0, ()),
    "#<age>: 51\n#<sex>: F\n#<diagnoses>:\n#Rhythm: Sinus bradycardia.": (51, 0, ()),
    "#<age>: 65 <sex>: F <diagnoses> Coronary artery disease, hypertension\n# patient 1\n# PVCs, noise": (
        65,
        0,
        ("1",),
    ),
    "#<age>: 51 <sex>: M \n# patient 4": (51, 1, ("4",)),
    "# <subject_id>: 10000032": (NAN, NAN, ("10000032",)),
    "# <age>  80\n# <sex> m": (80, 1, ()),
    "# Age = 63\n# Gender = M": (63, 1, ()),
    "# Age: 74 Sex: M": (74, 1, ()),
    "# Age: 74, Sex: F": (74, 0, ()),
    "# Age: 74; Gender: female": (74, 0, ()),
    "#Age:74\tSex:M": (74, 1, ()),
    "# Patient ID: A12, Age: 74, Height: 180, Sex: M": (74, 1, ("A12",)),
    "# Age (years): 74\n# patient sex: M": (74, 1, ()),
    "# age 63\n# sex F": (63, 0, ()),
    "# Age: 74 years": (74, NAN, ()),
    "# Age: 74 yrs": (74, NAN, ()),
    "# Age: 074Y": (74, NAN, ()),
    "# Age: 74 years old": (74, NAN, ()),
    "# Age: 74\n# Age: 74 years": (74, NAN, ()),
    "# Age: NaN\n# Age: 74": (74, NAN, ()),
    "# Patient: unknown\n# Reason for admission: Myocardial infarction": (NAN, NAN, ()),
    "# patient had chest pain\n# the patient 3 times": (NAN, NAN, ()),
    "# PatientID: 7\n# Patient ID: 8": (NAN, NAN, ("7", "8")),
    "# PatientAge: 74\n# PatientSex: F\n# AgeUnits: YEARS": (74, 0, ()),
    "# Age: 74\n# Units: mV": (74, NAN, ()),
}
EMPTY = {  # text of the comments: the notes
    "# Age: 300": [OLD],
    "# Age: >89": [OLD],
    "# Age: > 89": [OLD],
    "# Age: >=90 years": [OLD],
    "# Age: 90+": [OLD],
    "# Age: 89 or older": [OLD],
    "# Age: -1": [NEGATIVE],
    "# Age: -9.0": [NEGATIVE],
    "# Age: 999": [OUTSIDE],
    "# Age: 121": [OUTSIDE],
    "# Age: NaN\n# Sex: Unknown": [UNSAID.format("age"), UNSAID.format("sex")],
    "# Age: ?": [UNSAID.format("age")],
    "# Age:": [UNSAID.format("age")],
    "# Age: old": [UNCLEAR.format("age")],
    "# Age: 1e2": [UNCLEAR.format("age")],
    "# Age: 60-69": [UNCLEAR.format("age")],
    "# Age: 18 months": [UNCLEAR.format("age")],
    "# Age (months): 7": [UNCLEAR.format("age")],
    "# Gestational age: 32": [UNCLEAR.format("age")],
    "# Reason for admission: Age: 5": [UNCLEAR.format("age")],
    "# Age: 7\n# Age Units: MONTHS": [UNCLEAR.format("age")],
    "# PatientAge: 7\n# AgeUnits: DAYS": [UNCLEAR.format("age")],
    "# Age: 7, Units: weeks": [UNCLEAR.format("age")],
    "# Age_months: 7": [UNCLEAR.format("age")],
    "# <anchor_age>: 52": [UNCLEAR.format("age")],
    "# Patient: 74 year old male": [UNCLEAR.format("age"), UNCLEAR.format("sex")],
    "# Sex: 1": [UNCLEAR.format("sex")],
    "# Sex: F Gestational age: 32": [UNCLEAR.format("age"), UNCLEAR.format("sex")],
    "# Age: 74 Height: 180 Sex: M": [UNCLEAR.format("age"), UNCLEAR.format("sex")],
    "# 69 M 1085 1629 x1": [UNCLEAR.format("age"), UNCLEAR.format("sex")],
    "# Female 782": [UNCLEAR.format("age"), UNCLEAR.format("sex")],
    "# Age: 5\n# age: 6": [TWICE.format("age")],
    "# Sex: F\n# gender: male": [TWICE.format("sex")],
}


def said(folder, text):
    path = folder / "a.hea"
    path.write_text(f"a 12 500 5000\n{text}\n")
    return read_comments(path)


@pytest.mark.parametrize("text", SETS)
def test_the_comments_of_every_set_are_understood(tmp_path, text):
    comments = said(tmp_path, text)
    age, sex, patients = SETS[text]
    for value, expected in ((comments.age, age), (comments.sex, sex)):
        assert value == expected or (math.isnan(value) and math.isnan(expected))
    assert comments.patients == patients and comments.notes == ()


@pytest.mark.parametrize("text", EMPTY)
def test_what_is_not_known_stays_empty_and_is_noted(tmp_path, text):
    comments = said(tmp_path, text)
    assert list(comments.notes) == EMPTY[text] and comments.patients == ()
    assert math.isnan(comments.age) if "age" in " ".join(EMPTY[text]) else math.isnan(comments.sex)


def test_a_comment_of_noise_takes_no_time_and_is_not_cut(tmp_path):
    noise = "# Age: " + "7, a: " * 100_000 + "\n#" + " " * 200_000 + "a, " * 100_000
    assert said(tmp_path, noise).notes == (UNCLEAR.format("age"),)
    assert said(tmp_path, "# Dx: " + "164889003," * 1000 + "426783006").dx == ()  # rather none than some of them


def test_a_header_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_comments(tmp_path / "a.hea")


def test_comments_of_real_headers(real_data):
    headers = sorted((real_data / "ecg" / "cinc2021").glob("*.hea"))
    found = [read_comments(header) for header in headers]
    assert len(found) == 34 and sum(row.sex for row in found) == 17 and all(row.dx for row in found)
    one = found[headers.index(real_data / "ecg" / "cinc2021" / "HR06001.hea")]
    assert one == (78.0, 0.0, ("426783006,55930002",), (), ())
    patient = read_comments(next((real_data / "ecg" / "ptb").glob("*.hea")))
    assert patient == (81.0, 0.0, (), (), ())


def test_ages_that_stand_for_something_else_are_counted_and_the_people_stay(tmp_path):
    ages = {"A1": "300", "A2": "-1", "A3": "74", "A4": "old", "A5": ">89", "A6": "74 years"}
    for name, age in ages.items():
        write_record(tmp_path / "data" / name, f"# Age: {age}\n# Sex: Female\n# Dx: 164889003\n")
    folder = ingest(open_source("wfdb_folder", tmp_path / "data"), tmp_path / "cohort", workers=1, progress=False)
    summary, quarantine = ingest_tables(folder)
    assert not len(quarantine)
    noted = summary.query("outcome == 'noted'").set_index("reason")["participants"]
    assert noted.to_dict() == {OLD: 2, NEGATIVE: 1, UNCLEAR.format("age"): 1}
    table = pd.read_csv(folder / "cohort.csv").set_index("participant_id")
    assert table["age"].dropna().to_dict() == {"A3": 74, "A6": 74} and (table["sex"] == 0).all()
    assert summary.query("outcome == 'in the cohort'")["participants"].item() == 6


def test_diagnoses_that_are_not_asked_for_do_not_matter(tmp_path):
    write_record(tmp_path / "data" / "A1", "# Dx: AF\n# Dx: SR\n")
    write_record(tmp_path / "data" / "A2", "# Dx: 426783006\n# Dx: 164889003\n")
    write_record(tmp_path / "data" / "A3", "# Dx: 164889003\n# Dx: 164889003\n")
    reasons = {}
    for labels in ("none", "snomed"):
        source = open_source("wfdb_folder", tmp_path / "data", labels=labels)
        folder = ingest(source, tmp_path / labels, workers=1, progress=False)
        quarantine = ingest_tables(folder)[1]
        reasons[labels] = dict(zip(quarantine["participant_id"], quarantine["reason"]))
    assert reasons["none"] == {} and set(reasons["snomed"]) == {"A1", "A2"}
    assert "several lines # Dx that differ" in reasons["snomed"]["A2"]
