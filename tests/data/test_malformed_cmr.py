"""Malformed DICOM cines and zips: a DataError with file, value and remedy each, and nothing written anywhere."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from helpers.dicom_files import patched, saved, small_stack
from helpers.making import refused

from eccl.data.formats.dicom_cine import open_dicom_cine
from eccl.data.formats.dicom_writer import dicom_files, write_zip
from eccl.records import DataError
from eccl.simulate.stack import oblique


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dicom_files(small_stack(np.random.default_rng(0)), "p1")


def one(change, which=5):
    """All files, one of them changed."""

    def changed(files):
        name = list(files)[which]
        return files | {name: change(files[name])}

    return changed


def every(**values):
    return lambda files: {name: patched(content, **values) for name, content in files.items()}


def each(**values):
    return one(lambda content: patched(content, **values))


def without(*which):
    return lambda files: {name: content for place, (name, content) in enumerate(files.items()) if place not in which}


def swapped(old: bytes, new: bytes):
    """Bytes in the file itself, past every check of a library."""

    def change(content):
        assert content.count(old) == 1 and len(old) == len(new)
        return content.replace(old, new)

    return one(change)


def encapsulated(uid):
    def change(content):
        image = pydicom.dcmread(io.BytesIO(content))
        image.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8garbage!"])
        image["PixelData"].VR = "OB"
        image["PixelData"].is_undefined_length = True
        image.file_meta.TransferSyntaxUID = uid
        return saved(image)

    return change


def deflated(content):
    image = pydicom.dcmread(io.BytesIO(content))
    image.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    return saved(image)


def turned(content):
    across, down = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    return patched(content, ImageOrientationPatient=[*across, *down])


def shifted(content):
    image = pydicom.dcmread(io.BytesIO(content))
    return patched(
        content, ImagePositionPatient=[image.ImagePositionPatient[0] + 30.0, *image.ImagePositionPatient[1:]]
    )


def one_slice_moved(files):
    step = 3.0 * (np.diag([-1, -1, 1, 1]) @ oblique(1.8, 10.0))[:3, 2] / 10
    moved = {}
    for name in list(files)[4:8]:
        place = np.array(pydicom.dcmread(io.BytesIO(files[name])).ImagePositionPatient, float) + step
        moved[name] = patched(files[name], ImagePositionPatient=[f"{value:.6f}" for value in place])
    return files | moved


DICOM = {  # what is wrong: (change of the files, words of the message)
    "no image": (lambda files: {}, ["no image"]),
    "overlays alone": (every(SeriesDescription="x_InlineVF"), ["no image"]),
    "two patients": (each(PatientID="p2"), ["images of two patients", ".dcm is of another"]),
    "two directions": (one(turned), ["two directions", "degrees"]),
    "two sizes": (each(Rows=15), ["two sizes", "(16, 18)", "(15, 18)"]),
    "two spacings": (each(PixelSpacing=[1.5, 1.5]), ["two pixel spacings", "1.5"]),
    "no position": (each(ImagePositionPatient=None), ["ImagePositionPatient is missing", ".dcm"]),
    "no direction": (each(ImageOrientationPatient=None), ["ImageOrientationPatient is missing"]),
    "no spacing": (each(PixelSpacing=None), ["PixelSpacing is missing"]),
    "spacing of 0": (each(PixelSpacing=[0, 1.8]), ["PixelSpacing of 0, 1.8 mm"]),
    "spacing not a number": (swapped(b"1.8\\1.7 ", b"nan\\1.7 "), ["PixelSpacing is 'nan\\\\1.7'"]),
    "three spacings": (each(PixelSpacing=[1, 2, 3]), ["PixelSpacing is"]),
    "direction of length 2": (each(ImageOrientationPatient=[2, 0, 0, 0, 1, 0]), ["perpendicular"]),
    "a phase missing in a slice": (without(5), ["slice 1 of 3", "3 phases", "others have 4"]),
    "a phase missing in every slice": (without(2, 6, 10), ["45 ms", "a phase is missing"]),
    "a slice that lies elsewhere": (one_slice_moved, ["unevenly", "3.0 mm"]),
    "an image beside its slice": (one(shifted), ["DICOM.zip"]),
    "one trigger time twice": (each(TriggerTime=0), ["the same TriggerTime, 0 ms"]),
    "one trigger time for all": (every(TriggerTime=5), ["the same TriggerTime, 5 ms", "1 different ones of 4"]),
    "no trigger time in one": (each(TriggerTime=None), ["TriggerTime is missing"]),
    "no times": (every(TriggerTime=None, NominalInterval=None), ["neither TriggerTime nor NominalInterval"]),
    "neither times nor numbers": (every(TriggerTime=None, InstanceNumber=None), ["the same InstanceNumber"]),
    "CT": (each(Modality="CT"), ["Modality is 'CT'"]),
    "inverted": (each(PhotometricInterpretation="MONOCHROME1"), ["MONOCHROME1"]),
    "colours": (each(SamplesPerPixel=3), ["SamplesPerPixel is '3'"]),
    "many frames in a file": (each(NumberOfFrames=30), ["30 frames in one file"]),
    "too many rows": (every(Rows=60000, Columns=60000), ["60000 rows"]),
    "no rows": (every(Rows=0), ["0 rows"]),
    "no pixels": (each(PixelData=None), ["before its pixels"]),
    "pixels cut short": (one(lambda content: content[:-100]), ["damaged", "pixel data"]),
    "header cut short": (one(lambda content: content[:500]), ["before its pixels"]),
    "no DICOM": (one(lambda content: b"not DICOM" * 99), ["no DICOM"]),
    "an empty file": (one(lambda content: b""), ["no DICOM"]),
    "JPEG-LS": (one(encapsulated(pydicom.uid.JPEGLSLossless)), ["JPEG-LS Lossless", "dcmdjpeg"]),
    "garbage for JPEG": (one(encapsulated(pydicom.uid.RLELossless)), ["damaged"]),
    "deflated": (one(deflated), ["Deflated Explicit VR"]),
    "an unknown syntax": (one(encapsulated("1.2.3.4")), ["1.2.3.4"]),
}


def read_all(path):
    return open_dicom_cine(path).stack()


@pytest.mark.parametrize("case", DICOM)
def test_a_malformed_dicom_cine_is_refused(tmp_path, files, case):
    change, words = DICOM[case]
    path = write_zip(tmp_path / "DICOM.zip", change(files))
    refused(lambda: read_all(path), path, *words)
    assert [entry.name for entry in tmp_path.iterdir()] == ["DICOM.zip"]


def packed(path: Path, files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def flagged(path: Path) -> Path:
    """Mark every member as encrypted."""
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + place] |= 1
    path.write_bytes(content)
    return path


def flip(path: Path) -> Path:
    """Damage the packed pixels of the first member, so that its checksum fails."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[0]
    content[info.header_offset + 30 + len(info.filename) + info.compress_size - 20] ^= 0xFF
    path.write_bytes(content)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-3000])
    return path


def text(path: Path) -> Path:
    path.write_text("no zip at all")
    return path


ZIPS = {  # what is wrong: (how to write it, words of the message)
    "a path upwards": (
        lambda path, files: packed(path, files | {"../../evil.dcm": b""}),
        ["../../evil.dcm", "leads out"],
    ),
    "a path from the root": (lambda path, files: packed(path, files | {"/evil.dcm": b""}), ["/evil.dcm"]),
    "a path of Windows": (lambda path, files: packed(path, files | {"..\\evil.dcm": b""}), ["evil.dcm", "leads out"]),
    "a drive": (lambda path, files: packed(path, files | {"C:evil.dcm": b""}), ["C:evil.dcm"]),
    "encrypted": (lambda path, files: flagged(packed(path, files)), ["is encrypted"]),
    "another packing": (lambda path, files: packed(path, files, zipfile.ZIP_BZIP2), ["method 12"]),
    "too many files": (lambda path, files: packed(path, {f"{k}.dcm": b"" for k in range(20_001)}), ["20001 files"]),
    "a file too large": (lambda path, files: packed(path, {"a.dcm": bytes(2**26 + 1)}), ["67108865 bytes"]),
    "a bomb": (lambda path, files: packed(path, {"a.dcm": bytes(2**25)}), ["as no image does", str(2**25)]),
    "a checksum that fails": (lambda path, files: flip(packed(path, files)), ["damaged"]),
    "truncated": (lambda path, files: cut(packed(path, files)), ["truncated"]),
    "no zip": (lambda path, files: text(path), ["no zip"]),
    "missing": (lambda path, files: path, ["no such file"]),
}


@pytest.mark.parametrize("case", ZIPS)
def test_a_malformed_zip_is_refused(tmp_path, files, case):
    write, words = ZIPS[case]
    path = write(tmp_path / "1.zip", files)
    before = sorted(tmp_path.parent.rglob("*"))
    refused(lambda: read_all(path), path, *words)
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_an_empty_folder_is_refused(tmp_path):
    refused(lambda: open_dicom_cine(tmp_path), tmp_path, "no image")


def test_a_zip_with_any_byte_changed_or_cut_is_read_or_refused(tmp_path, files):
    whole = write_zip(tmp_path / "a.zip", files).read_bytes()
    path, sound = tmp_path / "b.zip", read_all(tmp_path / "a.zip").images
    outcomes = []
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        turned = bytearray(whole)
        turned[place] ^= 0x55
        for content in (whole[:place], bytes(turned)):
            path.write_bytes(content)
            try:
                np.testing.assert_array_equal(read_all(path).images, sound)  # a byte that nobody reads
                outcomes.append("read")
            except DataError as error:
                assert str(path) in str(error) and error.remedy
                outcomes.append("refused")
    assert len(outcomes) == 120 and outcomes.count("refused") > 100


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_a_dicom_file_with_any_byte_changed_is_read_or_refused(tmp_path, files):
    name = list(files)[5]
    refusals = 0
    for place in np.linspace(128, len(files[name]) - 600, 60).astype(int):
        content = bytearray(files[name])
        content[place] ^= 0x55
        path = write_zip(tmp_path / "a.zip", files | {name: bytes(content)})
        try:
            assert read_all(path).shape[2:] == (16, 18)
        except DataError as error:
            assert str(path) in str(error) and error.remedy
            refusals += 1
    assert 10 < refusals < 60
