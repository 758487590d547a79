"""Open sources, on files written in their exact layouts: what becomes of each value, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from helpers.making import make_cine, make_ecg
from helpers.wfdb_files import write_record

from eccl.config import SimulationConfig
from eccl.data.cmr import write_cine
from eccl.data.cohort import Cohort
from eccl.data.ecg import write_ecg
from eccl.data.sources import open_source, read_options
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.records import DataError
from eccl.simulate.cohort import simulate_participant
from eccl.simulate.stack import label_stack
from eccl.traits import DIAGNOSES


def taken(source, folder):
    """The ingested cohort of a source, and why others are not in it, by participant."""
    cohort = Cohort.load(ingest(source, folder, workers=1, progress=False))
    summary, quarantine = ingest_tables(folder)
    assert summary.query("outcome == 'in the cohort'")["participants"].item() == len(cohort)
    return cohort, dict(zip(quarantine["participant_id"], quarantine["reason"]))


# --- PTB-XL ---------------------------------------------------------------------------------------------------------

PTBXL_ROWS = [  # ecg_id, patient_id, age, sex (0 male), height, weight, scp_codes, strat_fold
    (1, 11.0, 56.0, 1, np.nan, 63.0, "{'NORM': 100.0, 'SR': 0.0}", 3),
    (2, 11.0, 57.0, 1, 6.0, 63.0, "{'AFIB': 0.0, 'IMI': 15.0}", 3),  # a height of 6 cm, as PTB-XL has
    (3, 12.0, 300.0, 0, 180.0, 80.0, "{'AFLT': 0.0}", 9),  # over 89
    (4, 13.0, 44.0, 0, 180.0, 80.0, "{'ASMI': 100.0, 'SR': 0.0}", 10),
    (5, 14.0, 44.0, 0, 180.0, 80.0, "__import__('os').system('touch owned')", 1),
    (6, 15.0, 44.0, 0, 180.0, 80.0, "{'NORM': 80.0}", 1),  # whose file is not there
]


@pytest.fixture
def ptbxl(tmp_path) -> Path:
    folder = tmp_path / "ptb-xl"
    names = ["ecg_id", "patient_id", "age", "sex", "height", "weight", "scp_codes", "strat_fold"]
    table = pd.DataFrame(PTBXL_ROWS, columns=names)
    table["filename_lr"] = [f"records100/00000/{number:05d}_lr" for number in table["ecg_id"]]
    table["filename_hr"] = [f"records500/00000/{number:05d}_hr" for number in table["ecg_id"]]
    (folder / "records500" / "00000").mkdir(parents=True)
    for number in range(1, 6):
        write_ecg(folder / "records500" / "00000" / f"{number:05d}_hr", make_ecg(np.random.default_rng(number)))
    table.to_csv(folder / "ptbxl_database.csv", index=False)
    return folder


def test_ptbxl_values_become_those_of_a_cohort(ptbxl, tmp_path):
    cohort, refused = taken(open_source("ptbxl", ptbxl), tmp_path / "cohort")
    table = cohort.table.set_index("participant_id")
    assert list(table.index) == [f"ptbxl-{number:05d}" for number in (1, 2, 3, 4)]
    assert list(table["sex"]) == [0, 0, 1, 1]  # 0 is male there and female here
    assert list(table["I48"]) == [0, 1, 1, 0] and list(table["I21"]) == [0, 1, 0, 1]  # 0 % is "not rated"
    assert np.isnan(table.loc["ptbxl-00003", "age"]) and np.isnan(table.loc["ptbxl-00002", "height"])
    assert list(table["split"]) == ["train", "train", "validation", "test"]
    assert list(table["patient_id"]) == ["11", "11", "12", "13"] and table["statements"].iat[0] == "NORM;SR"
    assert cohort.known_diagnoses == ("I21", "I48") and cohort.modalities == ("ecg",)
    np.testing.assert_equal(cohort.diagnoses[0], [0, np.nan, 0, np.nan])
    parts = cohort.split()
    assert [list(part) for part in (parts.train, parts.validation, parts.test)] == [[0, 1], [2], [3]]
    assert "scp_codes is no dictionary" in refused["ptbxl-00005"] and "No such file" in refused["ptbxl-00006"]
    notes = ingest_tables(tmp_path / "cohort")[0].query("outcome == 'noted'")
    assert notes["participants"].tolist() == [1, 1] and "over 89" in notes["reason"].iat[1]


def test_ptbxl_statements_count_from_a_likelihood_on_if_they_are_rated(ptbxl, tmp_path):
    cohort, _ = taken(open_source("ptbxl", ptbxl, least_likelihood=50.0), tmp_path / "cohort")
    assert list(cohort.table["I21"]) == [0, 0, 0, 1] and list(cohort.table["I48"]) == [0, 1, 1, 0]


def test_ptbxl_of_either_rate_is_taken_only_if_asked_for(ptbxl, tmp_path):
    with pytest.raises(DataError, match="none of 6"):
        ingest(open_source("ptbxl", ptbxl, sampling_rate="100"), tmp_path / "hundred", workers=1, progress=False)
    cohort, _ = taken(open_source("ptbxl", ptbxl, sampling_rate="any"), tmp_path / "any")
    assert set(cohort.table["recorded_hz"]) == {500} and len(cohort) == 4
    with pytest.raises(ValueError, match="'250' is none of 500, 100, any"):
        ingest(open_source("ptbxl", ptbxl, sampling_rate="250"), tmp_path / "none")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="strat_fold"), "1 columns are missing: strat_fold"),
        (lambda table: table.assign(sex=2), "sex 2"),
        (lambda table: table.assign(patient_id=np.nan), "patient_id nan"),
        (lambda table: table.assign(strat_fold=11), "strat_fold 11"),
        (lambda table: table.assign(age="old"), "row 2 has the age 'old'"),
    ],
)
def test_another_table_than_ptbxls_is_refused(ptbxl, tmp_path, change, words):
    path = ptbxl / "ptbxl_database.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(DataError, match=words):
        ingest(open_source("ptbxl", ptbxl), tmp_path / "cohort", workers=1, progress=False)


def test_ptbxl_is_fetched_with_wfdb_and_without_a_network_says_so(ptbxl, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("wfdb.dl_database", lambda name, folder, **_: asked.append((name, folder)))
    monkeypatch.setattr("wfdb.dl_files", lambda name, folder, files, **_: asked.append((name, folder, *files)))
    taken(open_source("ptbxl", ptbxl, fetch=True), tmp_path / "cohort")
    assert asked == [
        ("ptb-xl", str(ptbxl)),
        ("ptb-xl", str(ptbxl), "ptbxl_database.csv", "scp_statements.csv"),
    ]

    def no_network(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr("wfdb.dl_database", no_network)
    with pytest.raises(DataError, match=r"cannot be fetched.*Remedy: download it by hand"):
        ingest(open_source("ptbxl", ptbxl, fetch=True), tmp_path / "other", progress=False)


# --- Folders of WFDB records ----------------------------------------------------------------------------------------


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


# --- Folders of NIfTI stacks ----------------------------------------------------------------------------------------


def nifti(path: Path, images: np.ndarray, spacing=(1.8, 1.8, 8.0), interval=0.02, units=("mm", "sec")) -> Path:
    """A file of images (F, Z, H, W) by nibabel alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(images.transpose(3, 2, 1, 0).astype(np.uint8), np.diag([*spacing, 1.0]))
    image.header.set_zooms((*spacing, interval))
    image.header.set_xyzt_units(*units)
    image.to_filename(path)
    return path


@pytest.fixture(scope="module")
def person():
    """A simulated participant, and the labels (50, Z, H, W) of the whole heart."""
    participant = simulate_participant(SimulationConfig(participants=1, seed=4), 2)
    return participant, label_stack(participant.heart)


def shaded(labels: np.ndarray) -> np.ndarray:
    """An image of labels: bright blood, grey muscle, dark lung."""
    return np.select([labels == 1, labels == 2, labels == 3], [200, 90, 180], 20)


def test_ukbb_cardiacs_layout_becomes_a_cohort_with_the_traits_of_its_masks(person, tmp_path):
    participant, labels = person
    for name, masks in (("one", "whole"), ("two", "frames"), ("three", "none")):
        place = tmp_path / "data" / name
        nifti(place / "sa.nii.gz", shaded(labels.images))
        if masks == "whole":
            nifti(place / "seg_sa.nii.gz", labels.images)
        if masks == "frames":
            systole = int((labels.images == 1).sum(axis=(1, 2, 3)).argmin())
            nifti(place / "seg_sa_ED.nii.gz", labels.images[:1])
            nifti(place / "seg_sa_ES.nii.gz", labels.images[systole : systole + 1])
    cohort, _ = taken(open_source("nifti_folders", tmp_path / "data"), tmp_path / "cohort")
    table = cohort.table.set_index("participant_id")
    for name in ("one", "two"):
        assert table.loc[name, "lv_edv"] == pytest.approx(participant.heart.lv_edv, rel=0.06)
        assert table.loc[name, "lv_ef"] == pytest.approx(participant.traits["lv_ef"], abs=3)
        assert table.loc[name, "lv_mass"] == pytest.approx(participant.traits["lv_mass"], rel=0.08)
    assert table.loc["three", ["lv_edv", "lv_ef", "lv_mass"]].isna().all()
    assert (table["phases"] == 50).all() and cohort.modalities == ("cine",) and cohort.known_diagnoses == ()
    cine = cohort[0].cine
    assert cine.frames.shape == (50, 80, 80) and cine.frame_interval == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("frames", "frame_policy", "outcome"),
    [
        (50, "refuse", "in"),
        (25, "refuse", "25 frames, not 50"),
        (25, "interpolate", "in"),
        (2, "interpolate", "2 frames of the beat"),
        (2, "still", "in"),
        (1, "still", "in"),
    ],
)
def test_fewer_frames_are_a_stated_choice(person, tmp_path, frames, frame_policy, outcome):
    _, labels = person
    chosen = labels.images[np.linspace(0, 49, frames).astype(int)]
    nifti(tmp_path / "data" / "p" / "sa.nii.gz", shaded(chosen), interval=1.0 / frames)
    source = open_source("nifti_folders", tmp_path / "data", frame_policy=frame_policy)
    if outcome != "in":
        with pytest.raises(DataError, match=outcome):
            ingest(source, tmp_path / "cohort", workers=1, progress=False)
        return
    cohort, _ = taken(source, tmp_path / "cohort")
    assert list(cohort.table["phases"]) == [frames] and cohort.description["choices"]["frame_policy"] == frame_policy
    motion = np.ptp(cohort[0].cine.frames, axis=0).max()
    assert motion == 0 if frame_policy == "still" else motion > 0


def test_a_nominal_pixel_size_gives_ratios_and_no_volumes(person, tmp_path):
    participant, labels = person
    nifti(tmp_path / "data" / "p" / "sa.nii.gz", shaded(labels.images))
    nifti(tmp_path / "data" / "p" / "seg_sa.nii.gz", labels.images)
    cohort, _ = taken(open_source("nifti_folders", tmp_path / "data", nominal=True), tmp_path / "cohort")
    assert cohort.table["lv_edv"].isna().all() and cohort.table["lv_mass"].isna().all()
    assert cohort.table["lv_ef"].item() == pytest.approx(participant.traits["lv_ef"], abs=3)


def acdc_patient(folder: Path, labels: np.ndarray, group: str = "DCM") -> None:
    """A patient as ACDC writes one: its labels are 1 RV, 2 myocardium, 3 LV."""
    name = folder.name
    theirs = np.select([labels == 1, labels == 3], [3, 1], labels)
    systole = int((labels == 1).sum(axis=(1, 2, 3)).argmin())
    nifti(folder / f"{name}_4d.nii.gz", shaded(labels))
    for frame in (0, systole):
        nifti(folder / f"{name}_frame{frame + 1:02d}_gt.nii.gz", theirs[frame : frame + 1])
    info = {"ED": 1, "ES": systole + 1, "Group": group, "Height": 184.0, "NbFrame": len(labels), "Weight": 95.0}
    (folder / "Info.cfg").write_text("".join(f"{key}: {value}\n" for key, value in info.items()))


def test_acdcs_labels_groups_and_frames(person, tmp_path):
    participant, labels = person
    thirty = labels.images[np.linspace(0, 49, 30).astype(int)]
    for number, group in enumerate(("DCM", "HCM", "MINF", "NOR", "RV"), 1):
        acdc_patient(tmp_path / "acdc" / f"patient{number:03d}", thirty, group)
    acdc_patient(tmp_path / "acdc" / "patient006", thirty, "XYZ")
    cohort, refused = taken(open_source("acdc", tmp_path / "acdc"), tmp_path / "cohort")
    assert list(cohort.table["I42"]) == [1, 1, 0, 0, 0] and list(cohort.table["I21"]) == [0, 0, 1, 0, 0]
    assert set(cohort.table["phases"]) == {30} and cohort.description["choices"]["frame_policy"] == "interpolate"
    assert cohort.table["lv_edv"].iat[0] == pytest.approx(participant.heart.lv_edv, rel=0.06)
    assert cohort.table["rv_edv"].iat[0] == pytest.approx(participant.heart.rv_edv, rel=0.08)
    assert cohort.table["height"].iat[0] == 184 and "the group is 'XYZ'" in refused["patient006"]


# --- Anybody's folder -----------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    rng = np.random.default_rng(8)
    rows = []
    for number, kind in enumerate(("wfdb", "npy", "csv", "missing", "none")):
        ecg, cine = make_ecg(rng), write_cine(folder / f"{number}.nii.gz", make_cine(rng))
        row = {"participant_id": f"p{number}", "cine": cine.name, "age": 50 + number, "I48": number % 2, "lv_edv": 150}
        if kind == "wfdb":
            row["ecg"] = write_ecg(folder / "p0", ecg).name
        if kind == "npy":
            np.save(folder / "p1.npy", ecg.signal * 1000)
            row |= {"ecg": "p1.npy", "ecg_unit": "uV", "ecg_rate": 500}
        if kind == "csv":
            names = ["I", "II", "III", "AVR", "AVL", "AVF", *(f"V{place}" for place in range(1, 7))]
            pd.DataFrame(ecg.signal.T, columns=names).to_csv(folder / "p2.csv", index=False)
            row |= {"ecg": "p2.csv", "ecg_unit": "mV", "ecg_rate": 500}
        if kind == "missing":
            row["ecg"] = "absent.hea"
        rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "participants.csv", index=False)
    return folder


def test_a_table_of_paths_is_enough(own, tmp_path):
    cohort, refused = taken(open_source("folder", own, name="Our clinic", licence="internal"), tmp_path / "cohort")
    assert cohort.participant_ids == ("p0", "p1", "p2") and cohort.known_diagnoses == ("I48",)
    assert cohort.modalities == ("ecg", "cine") and cohort.description["name"] == "Our clinic"
    assert list(cohort.table["age"]) == [50, 51, 52] and list(cohort.table["I48"]) == [0, 1, 0]
    assert list(cohort.table["lv_edv"]) == [150, 150, 150] and cohort.table["rv_edv"].isna().all()
    assert "No such file" in refused["p3"] and refused["p4"] == "no ecg is named"
    ecg, cine = cohort[1].ecg, cohort[1].cine
    assert 0.3 < np.abs(ecg.signal).max() < 5 and cine.frames.shape == (50, 80, 80)
    by_file, _ = taken(open_source("folder", own / "participants.csv"), tmp_path / "again")
    assert by_file.participant_ids == cohort.participant_ids


FOLDERS = {  # what is wrong: (change of the table, words of the message)
    "a misspelt column": (lambda table: table.rename(columns={"ecg_unit": "ecg_units"}), "did you mean 'ecg_unit'"),
    "a column of nobody's": (lambda table: table.assign(colour="red"), "no column is named 'colour'"),
    "no recordings": (lambda table: table[["participant_id", "age"]], "ecg or cine"),
    "no names": (lambda table: table.drop(columns="participant_id"), "participant_id"),
    "no rows": (lambda table: table.iloc[:0], "0 rows"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_malformed_table_of_paths_is_refused(own, tmp_path, case):
    change, words = FOLDERS[case]
    path = own / "participants.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)
    with pytest.raises(DataError, match=words) as caught:
        ingest(open_source("folder", own), tmp_path / "cohort", workers=1, progress=False)
    assert "participants.csv" in str(caught.value) and caught.value.remedy


CELLS = {  # what is wrong with one row: (column, value, words of the reason)
    "rate in words": ("ecg_rate", "fast", "ecg_rate is 'fast'"),
    "age in words": ("age", "old", "age is old years"),
    "sex in letters": ("sex", "F", "sex is F"),
    "volume in litres": ("lv_edv", "0.15", "lv_edv is 0.15 ml"),
    "diagnosis of 2": ("I48", "2", "I48 is 2"),
    "path as a name": ("participant_id", "../x", "not safe as a file name"),
    "duplicate name": ("participant_id", "p0", "more than once"),
    "a file that is no image": ("cine", "participants.csv", "not NIfTI"),
    "a mask that is not there": ("mask_ed", "no.nii.gz", "no such file"),
    "an unknown unit": ("ecg_unit", "adu", "'adu'"),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_malformed_row_is_refused_alone(own, tmp_path, case):
    column, value, words = CELLS[case]
    path = own / "participants.csv"
    table = pd.read_csv(path, dtype=str)
    table[column] = table.get(column, pd.Series(index=table.index, dtype=object))
    table.loc[1, column] = value
    table.to_csv(path, index=False)
    cohort, refused = taken(open_source("folder", own), tmp_path / "cohort")
    assert "p2" in cohort.participant_ids and "p1" not in cohort.participant_ids
    assert any(words in reason for reason in refused.values()), refused
    assert not (tmp_path / "x.hea").exists() and not list(tmp_path.glob("*.hea"))


def test_a_signal_file_that_is_put_back_is_noticed(own, tmp_path):
    signal = (own / "p0.dat").read_bytes()
    (own / "p0.dat").unlink()
    _, refused = taken(open_source("folder", own), tmp_path / "cohort")
    assert "p0.dat is missing" in refused["p0"]
    (own / "p0.dat").write_bytes(signal)
    cohort, _ = taken(open_source("folder", own), tmp_path / "cohort")
    assert "p0" in cohort.participant_ids


def test_a_mask_of_end_systole_alone_measures_nothing(person, tmp_path):
    _, labels = person
    place = tmp_path / "data" / "p"
    nifti(place / "sa.nii.gz", shaded(labels.images))
    nifti(place / "seg_sa_ES.nii.gz", labels.images[17:18])
    cohort, _ = taken(open_source("nifti_folders", tmp_path / "data"), tmp_path / "cohort")
    assert cohort.table[["lv_edv", "lv_mass"]].isna().all(axis=None)
    shutil.copy(place / "sa.nii.gz", place / "q.nii.gz")
    (tmp_path / "data" / "participants.csv").write_text(
        "participant_id,cine,mask_es\np,p/sa.nii.gz,p/seg_sa_ES.nii.gz\nq,p/q.nii.gz,\n"
    )
    _, refused = taken(open_source("folder", tmp_path / "data"), tmp_path / "own")
    assert refused == {"p": "a mask of end-systole without one of end-diastole"}


def test_the_papers_slice_is_chosen_at_end_systole(tmp_path):
    """The RV is largest in slice 2 at end-diastole and in slice 5 at end-systole."""
    labels = np.zeros((50, 9, 80, 80))
    labels[:, 1:8, 30:46, 38:54] = 2
    labels[:, 1:8, 32:44, 40:52] = 1
    labels[25:, 1:8, 32:44, 40:52] = 2
    labels[25:, 1:8, 35:41, 43:49] = 1
    labels[:25, 2, 10:70, 3:33], labels[:25, 3, 10:70, 3:23], labels[25:, 5, 10:70, 3:33] = 3, 3, 3
    images = shaded(labels) + np.arange(9)[:, None, None]  # each slice has a level of its own
    place = tmp_path / "data" / "p"
    nifti(place / "sa.nii.gz", images)
    nifti(place / "seg_sa_ED.nii.gz", labels[:1])
    source = open_source("nifti_folders", tmp_path / "data", slice_rule="rv")
    with pytest.raises(DataError, match="no mask of end-systole"):
        ingest(source, tmp_path / "cohort", workers=1, progress=False)
    nifti(place / "seg_sa_ES.nii.gz", labels[30:31])
    cohort, _ = taken(source, tmp_path / "cohort")
    assert cohort[0].cine.frames[0, 39, 39] == 200 + 5  # blood of slice 5


@pytest.mark.parametrize("frame_policy", ["refuse", "still"])
def test_a_blank_image_is_refused_and_the_others_go_on(person, tmp_path, frame_policy):
    _, labels = person
    frames = 50 if frame_policy == "refuse" else 2
    for name, images in (
        ("a", shaded(labels.images)),
        ("b", np.zeros_like(labels.images)),
        ("c", shaded(labels.images)),
    ):
        nifti(tmp_path / "data" / name / "sa.nii.gz", images[:frames])
    cohort, refused = taken(
        open_source("nifti_folders", tmp_path / "data", frame_policy=frame_policy), tmp_path / "cohort"
    )
    assert cohort.participant_ids == ("a", "c") and "every pixel is 0" in refused["b"]


def test_acdcs_description_and_masks_count_as_files(person, tmp_path):
    _, labels = person
    for number in (1, 2):
        acdc_patient(tmp_path / "acdc" / f"patient{number:03d}", labels.images, "NOR")
    cohort, _ = taken(open_source("acdc", tmp_path / "acdc"), tmp_path / "cohort")
    assert list(cohort.table["I21"]) == [0, 0]
    info = tmp_path / "acdc" / "patient001" / "Info.cfg"
    info.write_text(info.read_text().replace("NOR", "MINF"))
    next((tmp_path / "acdc" / "patient002").glob("*_frame01_gt.nii.gz")).unlink()
    cohort, refused = taken(open_source("acdc", tmp_path / "acdc"), tmp_path / "cohort")
    assert list(cohort.table["I21"]) == [1] and "masks of the frames" in refused["patient002"]


def test_sex_in_letters_is_refused_with_the_numbers_to_write(own, tmp_path):
    path = own / "participants.csv"
    pd.read_csv(path, dtype=str).assign(sex=["F", "M", "1", "0", ""]).to_csv(path, index=False)
    ingest(open_source("folder", own), tmp_path / "cohort", workers=1, progress=False)
    remedies = ingest_tables(tmp_path / "cohort")[1].set_index("participant_id")["remedy"]
    assert all("0 for female" in remedies[name] and "1 for male" in remedies[name] for name in ("p0", "p1"))


# --- Options --------------------------------------------------------------------------------------------------------


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


def test_an_option_of_text_may_look_like_a_number(ptbxl):
    assert open_source("ptbxl", ptbxl, **read_options("sampling_rate=500")).sampling_rate == "500"
    assert open_source("ptbxl", ptbxl, **read_options("least_likelihood=50")).least_likelihood == 50.0


def test_a_description_says_what_was_chosen(own, tmp_path):
    folder = ingest(open_source("folder", own), tmp_path / "cohort", workers=1, progress=False)
    described = json.loads((folder / "dataset_description.json").read_text())
    assert (
        described["choices"] == {"frame_policy": "refuse", "slice_rule": "middle"} and described["simulated"] is False
    )
    assert described["ingest"]["adapter"] == "Folder" and set(described["diagnoses"]) < set(DIAGNOSES)
