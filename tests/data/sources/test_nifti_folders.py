"""Folders of short-axis stacks in the layouts of ukbb_cardiac and ACDC: slices, frames, masks and their traits."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from helpers.ingests import taken

from eccl.config import SimulationConfig
from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest
from eccl.data.sources.scans import read_scan
from eccl.records import DataError
from eccl.simulate.cohort import simulate_participant
from eccl.simulate.stack import label_stack


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


def test_the_former_names_of_two_modules_serve_and_say_the_new_ones(person, tmp_path):
    _, labels = person
    path = nifti(tmp_path / "sa.nii.gz", shaded(labels.images))
    with pytest.warns(DeprecationWarning, match=r"eccl\.data\.sources\.scans now"):
        former = importlib.reload(importlib.import_module("eccl.data.sources.hearts"))
    cine, frames = former.read_heart(path, fewer="refuse", rule="middle")
    np.testing.assert_array_equal(cine.frames, read_scan(path).cine.frames)
    assert frames == 50
    with pytest.warns(DeprecationWarning, match=r"eccl\.data\.sources\.ingest now"):
        assert importlib.reload(importlib.import_module("eccl.data.ingest")).ingest is ingest
