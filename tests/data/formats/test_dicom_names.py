"""DICOM is told by its content: whatever files are called, however deep they lie, and whatever lies beside them."""

import io
import os
import zipfile

import numpy as np
import pydicom
import pytest
from helpers.dicom_files import enhanced, every, patched, saved, small_stack, written
from helpers.making import refused
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from eccl.data.cmr import read_cine
from eccl.data.formats.dicom_cine import open_dicom_cine
from eccl.data.formats.dicom_writer import dicom_files, write_zip

NAMES = {  # as exports call an image of a slice and phase
    "one folder a slice": lambda z, t: f"study/sax_{z}/IM-4562-{t:04d}.dcm",
    "series folders": lambda z, t: f"CINE_segmented_SAX_b{z}/1.3.12.2.1107.{z}.{t}.dcm",
    "upper case": lambda z, t: f"{z}_{t}.DCM",
    "dicom": lambda z, t: f"{z}_{t}.dicom",
    "Siemens": lambda z, t: f"HEART.MR.{z}.{t}.2020.IMA",
    "lower ima": lambda z, t: f"a/b/c/d/{z}_{t}.ima",
    "UIDs": lambda z, t: f"1.2.840.113619.2.{z}.{t}",
    "a suffix of another format": lambda z, t: f"{z}/MR.{t}.txt",
    "no suffix": lambda z, t: f"DICOM/PAT00001/ST00001/SE{z:05d}/I{t:02d}",
    "blanks and accents": lambda z, t: f"Schnitt {z}/Bild é {t}",
}
OTHERS = {  # class and name of what a disc or an archive puts beside the images
    "1.2.840.10008.1.3.10": "Media Storage Directory",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
    "1.2.840.10008.5.1.4.1.1.11.1": "Presentation State",
    "1.2.840.10008.5.1.4.1.1.88.22": "SR",
    "1.2.840.10008.5.1.4.1.1.104.1": "Encapsulated PDF",
    "1.2.840.10008.5.1.4.1.1.66": "Raw Data",
    "1.3.12.2.1107.5.9.1": "1.3.12.2.1107.5.9.1",  # Siemens's own
}


@pytest.fixture
def stack(rng):
    return small_stack(rng)


@pytest.fixture
def files(stack):
    return dicom_files(stack, "p")


def renamed(files, name):
    return {name(*divmod(number, 4)): content for number, content in enumerate(files.values())}


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["folder", "zip"])
def test_names_mean_nothing(tmp_path, stack, files, name, place):
    files = renamed(files, NAMES[name]) | {"manifest.csv": b"filename\n", "a/Thumbs.db": b"x" * 999, "scan.zip": b"PK"}
    files |= {".DS_Store": b"x", "__MACOSX/a/._0_0.dcm": b"x" * 200, "a/._I01.dcm": bytes(128) + b"DICM"}
    path = written(tmp_path / "scan", files) if place == "folder" else zipped(tmp_path / "scan.zip", files)
    cine = open_dicom_cine(path)
    np.testing.assert_array_equal(cine.stack().images, stack.images)
    assert cine.members[1][2] == NAMES[name](1, 2)


def other(uid, **values):
    image = pydicom.Dataset()
    image.SOPClassUID, image.SOPInstanceUID, image.PatientID = uid, "2.25.5", "9100001"
    for key, value in values.items():
        setattr(image, key, value)
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID, image.file_meta.MediaStorageSOPInstanceUID = uid, "2.25.5"
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.preamble = bytes(128)
    return saved(image)


def localiser(content):
    return patched(
        content, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], Rows=9
    )


@pytest.mark.parametrize("uid", OTHERS)
def test_objects_of_another_class_are_left_out_and_named_where_nothing_else_is(tmp_path, stack, files, uid):
    beside = {"DICOMDIR": other(uid), "x/0.dcm": other(uid, Modality="OT", NumberOfFrames=7)}
    folder = written(tmp_path / "scan", files | beside)
    np.testing.assert_array_equal(open_dicom_cine(folder).stack().images, stack.images)
    alone = written(tmp_path / "alone", beside | {"readme.txt": b"x"})
    error = refused(lambda: open_dicom_cine(alone), alone, "no image is in it: 3 files, 2 of them DICOM", OTHERS[uid])
    assert "9100001" not in str(error) and "2 " in error.problem


def test_localisers_overlays_and_damage_of_other_classes_are_no_obstacle(tmp_path, stack, files):
    first = next(iter(files.values()))
    beside = {"loc": localiser(first), "pdf": other("1.2.840.10008.5.1.4.1.1.104.1")[:700]}
    beside["flow"] = patched(first, SeriesDescription="SAX_inlinevf", PixelSpacing="")
    folder = written(tmp_path / "scan", files | beside)
    np.testing.assert_array_equal(open_dicom_cine(folder).stack().images, stack.images)
    alone = written(tmp_path / "alone", beside)
    refused(lambda: open_dicom_cine(alone), "3 of them DICOM", "1 localisers", "InlineVF", "Encapsulated PDF")


@pytest.mark.parametrize("place", ["folder", "zip"])
def test_files_that_are_read_one_by_one_are_named_where_nothing_else_is(tmp_path, place):
    beside = {"a/9_20209_2_0.zip": b"PK", "b/sa.NII.gz": b"\x1f\x8b", "notes.txt": b"none"}
    path = written(tmp_path / "in", beside) if place == "folder" else write_zip(tmp_path / "a.zip", beside)
    error = refused(lambda: open_dicom_cine(path), path, "files, 0 of them DICOM", "2 of them zips or NIfTI")
    assert "9_20209" not in str(error)


def test_links_are_named_where_nothing_else_is(tmp_path, files):
    there, folder = written(tmp_path / "there", files), tmp_path / "scan"
    folder.mkdir()
    for name in files:
        (folder / name).symlink_to(there / name)
    refused(lambda: open_dicom_cine(folder), folder, "0 of them DICOM", "12 symbolic links, which are not followed")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>" * 20, bytes(5000)])
def test_what_claims_to_be_dicom_and_is_not_is_refused(tmp_path, files, content):
    name = list(files)[5]
    folder = written(tmp_path, files | {name: content})
    refused(lambda: open_dicom_cine(folder), name, "no DICOM file")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("meta", [True, False])
def test_files_without_preamble_are_read(tmp_path, stack, files, syntax, meta):
    bare = {}
    for name, content in files.items():
        image = pydicom.dcmread(io.BytesIO(content))
        image.file_meta.TransferSyntaxUID = syntax
        content = saved(image)
        bare[name] = content[132:] if meta else content[content.index(b"\x08\0\x05\0") :]
        assert bare[name][128:132] != b"DICM"
    cine = open_dicom_cine(written(tmp_path, bare))
    np.testing.assert_array_equal(cine.stack().images, stack.images)


def test_one_file_without_preamble_is_told_from_nifti(tmp_path, stack):
    path = tmp_path / "1.2.840.7"
    path.write_bytes(enhanced(stack)[132:])
    refused(lambda: read_cine(path), path, "frames of the beat")  # it is read as DICOM, and holds too few of them


@pytest.mark.parametrize("name", ["pipe", "pipe.nii", "pipe.nii.gz", "pipe.zip"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    refused(lambda: read_cine(path), path, "file")


def test_two_visits_in_one_folder_are_refused(tmp_path, files, rng):
    again = dicom_files(small_stack(rng), "p", first_series=20)
    again = every(again, StudyInstanceUID="2.25.9")
    folder = written(tmp_path, {f"1/{k}": v for k, v in files.items()} | {f"2/{k}": v for k, v in again.items()})
    error = refused(lambda: open_dicom_cine(folder), folder, "images of two studies", "one visit")
    assert "2.25.9" not in str(error)
