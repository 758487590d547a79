"""How public sets name their stacks and masks, compressed or not, and what is said where none is named so."""

import dataclasses
import shutil

import numpy as np
import pytest
from helpers.stacks import beating, in_a_patient, nifti_file

from eccl.data.cohort import Cohort
from eccl.data.measure.masks import mask_traits
from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.data.sources.nifti_folders import masks_beside
from eccl.records import DataError

SUFFIXES = (".nii.gz", ".nii", ".NII.GZ", ".Nii")
SIZE = {"pixdim": (1.8, 1.8, 8.0), "sform": in_a_patient()}


@pytest.fixture(scope="module")
def heart():
    """Images and labels (50, 5, 80, 80) of a heart whose end-diastole is frame 4; and its traits."""
    stacks = beating((50, 7, 90, 90), centre=(45.0, 50.0))
    for frame, labels in enumerate(stacks[1].images):
        labels[1:6, 10:60, 3 : 28 - 9 * (10 < frame < 40)] = 3
    assert len(mask_traits(stacks[1])) == 9
    images, labels = (np.roll(stack.images, 4, axis=0).astype(np.uint8) for stack in stacks)
    return images, labels, mask_traits(dataclasses.replace(stacks[1], images=labels.astype(np.float32)))


def sparse(labels):
    """Labels at end-diastole and end-systole alone."""
    systole = int((labels == 1).sum(axis=(1, 2, 3)).argmin())
    kept = np.zeros_like(labels)
    kept[[4, systole]] = labels[[4, systole]]
    return kept, labels[4], labels[systole]


def taken(source, download, folder, **options):
    """The table of a cohort by participant, and the reasons of who was refused."""
    ingest(open_source(source, download, **options), folder, workers=1, progress=False)
    refused = ingest_tables(folder)[1]
    return Cohort.load(folder).table.set_index("participant_id"), dict(
        zip(refused["participant_id"], refused["reason"])
    )


def assert_measured(table, name, traits):
    for trait in traits:
        assert table.loc[name, trait] == pytest.approx(traits[trait], rel=1e-4), trait


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_ukbb_cardiacs_names(tmp_path, heart, suffix):
    images, labels, traits = heart
    _, diastole, systole = sparse(labels)
    for name, masks in (("whole", {"seg_sa": labels}), ("two", {"seg_sa_ED": diastole, "seg_sa_ES": systole})):
        nifti_file(tmp_path / "in" / name / f"sa{suffix}", images, **SIZE)
        for stem, mask in masks.items():
            path = nifti_file(tmp_path / "in" / name / f"{stem}{suffix}", mask, **SIZE)
        assert masks_beside(path.with_name(f"sa{suffix}"))[-1] == path
    nifti_file(tmp_path / "in" / "stills" / f"sa_ED{suffix}", images[4], **SIZE)
    nifti_file(tmp_path / "in" / "stills" / f"seg_sa_ED{suffix}", diastole, **SIZE)
    table, refused = taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    assert list(table.index) == ["two", "whole"] and set(refused) == {"stills"}
    for name in table.index:
        assert_measured(table, name, traits)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("place", ["one folder", "a folder each"])
def test_the_names_of_m_and_ms(tmp_path, heart, suffix, place):
    images, labels, traits = heart
    for code in ("A0S9V9", "B2-C3"):
        folder = tmp_path / "in" / ("Labeled" if place == "one folder" else f"Labeled/{code}")
        nifti_file(folder / f"{code}_sa{suffix}", images, **SIZE)
        nifti_file(folder / f"{code}_sa_gt{suffix}", sparse(labels)[0], **SIZE)
    nifti_file(tmp_path / "in" / "Unlabeled" / f"C4_sa{suffix}", images, **SIZE)
    table, refused = taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    assert list(table.index) == ["A0S9V9", "B2-C3", "C4"] and not refused
    assert_measured(table, "A0S9V9", traits)
    assert_measured(table, "B2-C3", traits)
    assert np.isnan(table.loc["C4", "lv_edv"]) and set(table["phases"]) == {50}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_names_of_m_and_ms_2(tmp_path, heart, suffix):
    images, labels, traits = heart
    _, diastole, systole = sparse(labels)
    for name, array in (("CINE", images), ("ED", images[4]), ("ED_gt", diastole), ("ES_gt", systole)):
        nifti_file(tmp_path / "in" / "001" / f"001_SA_{name}{suffix}", array, **SIZE)
    nifti_file(tmp_path / "in" / "001" / f"001_LA_CINE{suffix}", images, **SIZE)
    table, refused = taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    assert list(table.index.astype(str)) == ["001"] and not refused
    assert_measured(table, "001", traits)


@pytest.mark.parametrize("slice_rule", ["middle", "rv"])
def test_sparse_labels_in_a_table_of_ones_own(tmp_path, heart, slice_rule):
    images, labels, traits = heart
    nifti_file(tmp_path / "in" / "A_sa.nii.gz", images, **SIZE)
    nifti_file(tmp_path / "in" / "A_sa_gt.nii.gz", sparse(labels)[0], **SIZE)
    table = tmp_path / "in" / "participants.csv"
    table.write_text("participant_id,cine,mask_ed\nA,A_sa.nii.gz,A_sa_gt.nii.gz\n")
    found, _ = taken("folder", table, tmp_path / "out", slice_rule=slice_rule)
    assert_measured(found, "A", traits)


def test_labels_at_one_frame_give_end_diastole_alone_and_no_slice_by_the_papers_rule(tmp_path, heart):
    images, labels, traits = heart
    one = np.zeros_like(labels)
    one[17] = labels[4]
    nifti_file(tmp_path / "in" / "A_sa.nii.gz", images, **SIZE)
    nifti_file(tmp_path / "in" / "A_sa_gt.nii.gz", one, **SIZE)
    table, _ = taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    assert table.loc["A", "lv_edv"] == pytest.approx(traits["lv_edv"], rel=1e-4) and np.isnan(table.loc["A", "lv_ef"])
    with pytest.raises(DataError, match="no mask of end-systole"):
        taken("nifti_folders", tmp_path / "in", tmp_path / "rv", slice_rule="rv")


def test_of_a_compressed_file_and_a_plain_one_the_compressed_is_taken(tmp_path, heart):
    images, labels, traits = heart
    folder = tmp_path / "in" / "p"
    for stem, array, other in (("sa", images, images[:, ::-1] // 2), ("seg_sa", labels, labels * 0)):
        nifti_file(folder / f"{stem}.nii.gz", array, **SIZE)
        nifti_file(folder / f"{stem}.nii", other, **SIZE)
    table, _ = taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    assert list(table.index) == ["p"]
    assert_measured(table, "p", traits)


def test_names_that_only_look_like_a_patients_are_left(tmp_path, heart):
    images, labels, _ = heart
    nifti_file(tmp_path / "in" / "p" / "sa.nii", images, **SIZE)
    nifti_file(tmp_path / "in" / "p" / "flipped_sa.nii", images, **SIZE)  # beside sa, a copy and no patient
    for name in ("seg_sa.nii", "label_sa.nii", "._A_sa.nii", "A_sa_gt.nii", "A_la.nii"):
        nifti_file(tmp_path / "in" / "q" / name, labels, **SIZE)
    (tmp_path / "in" / "r" / "B_sa.nii").mkdir(parents=True)
    table, refused = taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    assert list(table.index) == ["p"] and not refused


def test_a_folder_of_other_names_says_what_names_are_read_and_how_else_to_go_on(tmp_path, heart):
    images, _, _ = heart
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match=r"no folder with sa.nii.gz.* and no <code>_sa.nii.gz is here. Remedy"):
        taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    for name in ("one.nii.gz", "two.nii"):
        nifti_file(tmp_path / "in" / name, images, **SIZE)
    with pytest.raises(DataError, match=r"but 2 other NIfTI files.*participants.csv") as caught:
        taken("nifti_folders", tmp_path / "in", tmp_path / "out")
    assert "one" not in caught.value.problem.replace("none", "")
    with pytest.raises(DataError, match=r"no patient folder with a \*_4d.nii.gz or \*_4d.nii is here"):
        taken("acdc", tmp_path / "in", tmp_path / "acdc")


def acdc(folder, heart, suffix, info="ED: 5\nES: 30\nGroup: DCM\nHeight: 184.0\nNbFrame: 50\nWeight: 95.0\n"):
    """A patient as ACDC writes one: its labels are 1 RV, 2 myocardium, 3 LV."""
    images, labels, _ = heart
    theirs = np.array([0, 3, 2, 1], np.uint8)[labels]
    nifti_file(folder / f"{folder.name}_4d{suffix}", images, **SIZE)
    for frame in (5, 30):
        nifti_file(folder / f"{folder.name}_frame{frame:02d}_gt{suffix}", theirs[frame - 1], **SIZE)
        nifti_file(folder / f"{folder.name}_frame{frame:02d}{suffix}", images[frame - 1], **SIZE)
    (folder / "Info.cfg").write_text(info)
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_acdc_compressed_or_not(tmp_path, heart, suffix):
    acdc(tmp_path / "in" / "training" / "patient001", heart, suffix)
    table, _ = taken("acdc", tmp_path / "in", tmp_path / "out")
    assert_measured(table, "patient001", heart[2])
    assert table.loc["patient001", ["I21", "I42", "height"]].tolist() == [0, 1, 184]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("DCM", "dcm"),
        lambda text: text.replace(": ", " :\t").replace("\n", "  \n") + "\n",
        lambda text: text.replace("ED: 5", "ED: 05").replace("184.0", "184"),
    ],
)
def test_a_description_may_be_written_in_other_ways(tmp_path, heart, change):
    path = acdc(tmp_path / "in" / "patient001", heart, ".nii") / "Info.cfg"
    path.write_text(change(path.read_text()), newline="")
    table, _ = taken("acdc", tmp_path / "in", tmp_path / "out")
    assert_measured(table, "patient001", heart[2])
    assert table.loc["patient001", ["I21", "I42", "height"]].tolist() == [0, 1, 184]


def test_a_mask_of_another_place_than_its_image_measures_nothing(tmp_path, heart):
    images, labels, _ = heart
    _, diastole, systole = sparse(labels)
    away = SIZE["sform"] + np.outer([90.0, 0, 0, 0], [0, 0, 0, 1])
    for name, changed in (("right", {}), ("wrong", {"sform": away})):
        nifti_file(tmp_path / "in" / name / "sa.nii", images, **SIZE)
        nifti_file(tmp_path / "in" / name / "seg_sa_ED.nii", diastole, **SIZE)
        nifti_file(tmp_path / "in" / name / "seg_sa_ES.nii", systole, **SIZE | changed)
    for slice_rule in ("middle", "rv"):
        table, refused = taken("nifti_folders", tmp_path / "in", tmp_path / slice_rule, slice_rule=slice_rule)
        assert list(table.index) == ["right"] and "labels on another grid" in refused["wrong"]


INFO = {  # what is wrong: (lines, words of the reason)
    "no group": ("ED: 5\nES: 30\nHeight: 184.0\nWeight: 95.0\n", "it has no line Group:"),
    "no group and no frame": ("ED: 5\nHeight: 184.0\nWeight: 95.0\n", "it has no line ES: and no line Group:"),
    "an empty group": ("ED: 5\nES: 30\nGroup:\nHeight: 184\nWeight: 95\n", "the group is ''"),
    "another group": ("ED: 5\nES: 30\nGroup: Dilated\nHeight: 184\nWeight: 95\n", "the group is 'DILATED'"),
    "no number": ("ED: five\nES: 30\nGroup: DCM\nHeight: 184\nWeight: 95\n", "ED is 'five'"),
    "nothing": ("", "it has no line ED: and no line ES: and no line Height:"),
}


def test_a_description_without_what_is_needed_says_which_line(tmp_path, heart):
    whole = acdc(tmp_path / "in" / "patient001", heart, ".nii")
    for number, (text, _) in enumerate(INFO.values(), 2):
        folder = tmp_path / "in" / f"patient{number:03d}"
        shutil.copytree(whole, folder)
        for path in folder.glob("patient*"):
            path.rename(folder / path.name.replace("patient001", folder.name))
        (folder / "Info.cfg").write_text(text)
    table, refused = taken("acdc", tmp_path / "in", tmp_path / "out")
    assert list(table.index) == ["patient001"]
    for number, (_, words) in enumerate(INFO.values(), 2):
        assert words in refused[f"patient{number:03d}"]
