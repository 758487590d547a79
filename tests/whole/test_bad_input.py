"""Every malformed input is a DataError that holds the file, the value and a remedy."""

import builtins
import errno
import gzip
import os
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from helpers.making import make_cine, make_ecg, refused, write_cohort

from eccl.data.cmr import read_cine, read_image, write_cine
from eccl.data.cohort import Cohort
from eccl.data.ecg import read_ecg, write_ecg
from eccl.data.store import pack
from eccl.files import make_folder, replacing
from eccl.records import SAMPLES, DataError

# --- ECG ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def header(tmp_path, rng) -> Path:
    return write_ecg(tmp_path / "rec", make_ecg(rng))


def edit(header: Path, *replacements: tuple[str, str]) -> None:
    text = header.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    header.write_text(text)


ECG_HEADERS = {  # what is wrong: (replacements in the header, words of the message)
    "missing lead": ([(" 0 V3", " 0 V33")], ["lead V3 is missing", "V33"]),
    "several missing leads": ([(" 0 V", " 0 xV")], ["lead V1, V2, V3, V4, V5, V6 is missing"]),
    "unnamed leads": ([(f" 0 {lead}\n", "\n") for lead in ("V5", "V6")], ["lead V5, V6 is missing"]),
    "one name for two leads": ([(" 0 V3", " 0 V2")], ["V3 is missing"]),
    "unit K": ([("200(0)/mV", "200(0)/K")], ["lead I", "'K'"]),
    "unit adu": ([("200(0)/mV", "200(0)/adu")], ["'adu'", "gain"]),
    "no unit": ([("200(0)/mV", "200(0)")], ["no unit is stated for lead I", 'unit="mV"']),
    "no gain": ([(" 200(0)/mV 16", "")], ["no unit is stated"]),
    "gain of 0": ([("200(0)/mV", "0(0)/mV")], ["no gain is stated for lead I", "ADC counts"]),
    "no rate": ([("rec 12 500 5000", "rec 12")], ["sampling rate", "not stated"]),
    "rate of 0": ([("rec 12 500 5000", "rec 12 0 5000")], ["sampling rate", "0 Hz"]),
    "several segments": ([("rec 12 500", "rec/2 12 500")], ["several segments"]),
    "no header": ([("rec 12 500 5000", "hello")], ["no WFDB header"]),
    "more signals than there are": ([("rec 12 500", "rec 13 500")], ["rec.hea"]),
    "more samples than there are": ([("500 5000", "500 6000")], ["do not fit"]),
    "unknown format": ([("rec.dat 16 ", "rec.dat 99 ")], ["format 99"]),
}


@pytest.mark.parametrize("case", ECG_HEADERS)
def test_a_malformed_ecg_header_is_refused(header, case):
    replacements, words = ECG_HEADERS[case]
    edit(header, *replacements)
    refused(lambda: read_ecg(header), header, *words)


def test_a_lead_that_is_there_twice_is_refused(header):
    edit(header, ("rec 12 500", "rec 13 500"))
    header.write_text(header.read_text() + "rec.dat 16 200(0)/mV 16 0 0 0 0 avr\n")
    header.with_suffix(".dat").write_bytes(np.zeros((SAMPLES, 13), "<i2").tobytes())
    refused(lambda: read_ecg(header), header, "lead aVR", "more than once")


def test_an_empty_header_is_refused(header):
    header.write_text("")
    refused(lambda: read_ecg(header), header, "no WFDB header")


@pytest.mark.parametrize("size", [0, 1, 60_000, 119_999])
def test_a_truncated_signal_file_is_refused(header, size):
    os.truncate(header.with_suffix(".dat"), size)
    refused(lambda: read_ecg(header), header, "do not fit", "truncated")


def test_a_missing_signal_file_is_named(header):
    header.with_suffix(".dat").unlink()
    refused(lambda: read_ecg(header), header, "rec.dat", "missing")


def test_a_missing_record_is_named(tmp_path):
    refused(lambda: read_ecg(tmp_path / "none"), tmp_path / "none.hea", "No such file")


def test_missing_samples_are_refused_with_their_lead(header):
    data = np.fromfile(header.with_suffix(".dat"), "<i2").reshape(-1, 12)
    data[100, 7] = -32768  # WFDB's mark of a missing sample
    header.with_suffix(".dat").write_bytes(data.tobytes())
    refused(lambda: read_ecg(header), header, "not finite", "lead V2")
    edit(header, ("rec 12 500 5000", "rec 12 400 5000"))
    refused(lambda: read_ecg(header), header, "not finite", "lead V2")  # and before it is resampled


def test_microvolts_that_call_themselves_millivolts_are_refused(header):
    edit(header, ("200(0)/mV", "0.2(0)/mV"))
    refused(lambda: read_ecg(header), header, "mV a surface ECG can have", "uV")


def test_another_rate_may_be_refused(header):
    edit(header, ("12 500 5000", "12 250 5000"))
    assert read_ecg(header).signal.shape == (12, SAMPLES)
    refused(lambda: read_ecg(header, resample=False), header, "250 Hz", "500 Hz", "resample=True")


def test_a_short_record_is_refused_and_not_padded(header):
    edit(header, ("12 500 5000", "12 500 4990"))
    refused(lambda: read_ecg(header), header, "9.98 s", "10 s")


# --- CMR ------------------------------------------------------------------------------------------------------------

DIM, PIXDIM, UNITS, KIND = 40, 76, 123, 70  # where NIfTI-1 keeps the shape, the spacing, the units and the pixel type


@pytest.fixture
def cine_path(tmp_path, rng) -> Path:
    return write_cine(tmp_path / "cine.nii.gz", make_cine(rng))


def poke(path: Path, *changes: tuple[int, str, float]) -> None:
    """Overwrite fields of the header in the file itself, past every check of a library."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    for offset, kind, value in changes:
        struct.pack_into(kind, content, offset, value)
    path.write_bytes(gzip.compress(bytes(content), 1))


CMR_HEADERS = {  # what is wrong: (fields to overwrite, words of the message)
    "column spacing of 0": ([(PIXDIM + 4, "<f", 0.0)], ["pixel sizes", "0, 1.8, 8"]),
    "row spacing negative": ([(PIXDIM + 8, "<f", -1.8)], ["pixel sizes", "1.8, -1.8, 8"]),
    "spacing not a number": ([(PIXDIM + 4, "<f", float("nan"))], ["pixel sizes", "nan"]),
    "frame interval of 0": ([(PIXDIM + 16, "<f", 0.0)], ["frame interval of 0"]),
    "no units": ([(UNITS, "<B", 0)], ["'unknown', not mm", 'units=("mm", "sec")']),
    "metres": ([(UNITS, "<B", 1 + 8)], ["'meter', not mm"]),
    "microns": ([(UNITS, "<B", 3 + 8)], ["'micron', not mm"]),
    "no unit of time": ([(UNITS, "<B", 2)], ["frame interval of 0.018", "'unknown'"]),
    "hertz for time": ([(UNITS, "<B", 2 + 32)], ["frame interval", "'Hz'"]),
    "undefined units": ([(UNITS, "<B", 7)], ["not mm"]),
    "no frames": ([(DIM + 8, "<h", 0)], ["an empty image", "(80, 80, 1, 0)"]),
    "one frame": ([(DIM + 8, "<h", 1)], ["1 frames", "not 50", "invent motion"]),
    "40 frames": ([(DIM + 8, "<h", 40)], ["40 frames, not 50", "resample_frames=True"]),
    "more frames than there are": ([(DIM + 8, "<h", 60)], ["damaged"]),
    "no time axis": ([(DIM, "<h", 3)], ["no time axis", "(80, 80, 1)", "read_image()"]),
    "five dimensions": ([(DIM, "<h", 5), (DIM + 8, "<h", 25), (DIM + 10, "<h", 2)], ["5 dimensions"]),
    "colours": ([(KIND, "<h", 128), (DIM + 8, "<h", 16)], ["pixels of type"]),
    "no such pixel type": ([(KIND, "<h", 3)], ["damaged, or no NIfTI"]),
    "no NIfTI": ([(0, "<i", 1), (344, "<i", 0)], ["cine.nii.gz"]),
}


@pytest.mark.parametrize("case", CMR_HEADERS)
def test_a_malformed_cine_header_is_refused(cine_path, case):
    changes, words = CMR_HEADERS[case]
    poke(cine_path, *changes)
    refused(lambda: read_cine(cine_path), cine_path, *words)


@pytest.mark.parametrize("read", [read_cine, read_image])
def test_damaged_files_are_refused(cine_path, read):
    whole = cine_path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    plain = gzip.decompress(whole)
    short, nothing = gzip.compress(plain[:100_000]), gzip.compress(b"")
    for content in (whole[:-500], bytes(flipped), b"", b"not gzip" * 50, short, nothing):
        cine_path.write_bytes(content)
        refused(lambda: read(cine_path), cine_path)
    cine_path.unlink()
    refused(lambda: read(cine_path), cine_path, "no such file")


def test_not_finite_pixels_are_refused(tmp_path):
    data = np.ones((80, 80, 1, 50), np.float32)
    data[3, 3, 0, 7] = np.nan
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((1.8, 1.8, 8.0, 0.02))
    image.to_filename(tmp_path / "a.nii.gz")
    refused(lambda: read_cine(tmp_path / "a.nii.gz"), tmp_path / "a.nii.gz", "not finite")


def test_a_blank_cine_is_refused(tmp_path, rng):
    cine = make_cine(rng)
    cine.frames[:] = 7
    path = write_cine(tmp_path / "a.nii.gz", cine)
    refused(lambda: read_cine(path), path, "every pixel is 7")


def test_an_image_of_another_format_is_refused(tmp_path):
    nib.MGHImage(np.zeros((4, 4, 4), np.float32), np.eye(4)).to_filename(tmp_path / "a.mgz")
    refused(lambda: read_image(tmp_path / "a.mgz"), "a .mgz, not NIfTI in one file")


# --- Cohort ---------------------------------------------------------------------------------------------------------


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


# --- Folders that cannot be written -----------------------------------------------------------------------------------

CAUSES = {
    errno.ENOSPC: ("No space left on device", "free space"),
    errno.EROFS: ("Read-only file system", "may write to"),
    errno.EACCES: ("Permission denied", "may write to"),
}


@pytest.fixture(params=CAUSES)
def failing(request, monkeypatch):
    """The system refuses to write, the cause in turn; gives the words that name cause and remedy."""
    number = request.param

    def fail():
        raise OSError(number, os.strerror(number))

    def no_open(file, mode="r", *args, _open=builtins.open, **kwargs):
        return fail() if set(mode) & set("wax+") else _open(file, mode, *args, **kwargs)

    def no_path_open(self, mode="r", *args, _open=Path.open, **kwargs):
        return fail() if set(mode) & set("wax+") else _open(self, mode, *args, **kwargs)

    def apply(what):
        if what == "open":
            monkeypatch.setattr(builtins, "open", no_open)
            monkeypatch.setattr(Path, "open", no_path_open)
            monkeypatch.setattr("io.open", no_open)
        else:
            monkeypatch.setattr(what, lambda *args, **kwargs: fail())
        return CAUSES[number]

    return apply


@pytest.mark.parametrize("what", ["open", "os.replace"])
def test_writers_name_folder_cause_and_remedy(failing, tmp_path, rng, what):
    ecg, cine = make_ecg(rng), make_cine(rng)
    words = failing(what)
    refused(lambda: write_ecg(tmp_path / "a", ecg), tmp_path, *words)
    refused(lambda: write_cine(tmp_path / "a.nii.gz", cine), tmp_path, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["open", "os.replace"])
def test_packing_names_folder_cause_and_remedy(failing, tiny_cohort, tmp_path, what):
    cohort = Cohort.load(tiny_cohort)
    cohort.read(0, "ecg")  # imports done before the system fails
    words = failing(what)
    refused(lambda: pack(cohort, tmp_path / "store", progress=False), tmp_path, *words)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(failing, tmp_path):
    words = failing("os.mkdir")
    refused(lambda: make_folder(tmp_path / "new" / "er"), tmp_path, *words)


def test_a_folder_that_is_not_there_or_is_a_file_is_named(tmp_path, rng):
    refused(lambda: write_ecg(tmp_path / "none" / "a", make_ecg(rng)), tmp_path / "none", "No such file")
    (tmp_path / "file").write_text("")
    refused(lambda: write_cine(tmp_path / "file" / "a.nii.gz", make_cine(rng)), tmp_path / "file")
    refused(lambda: make_folder(tmp_path / "file"), tmp_path / "file")


def test_what_was_there_stays_until_the_new_is_whole(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as beside:
        beside.write_text("half")
        assert path.read_text() == "old" and beside.suffix == ".txt"
        raise KeyboardInterrupt
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.txt"] and path.read_text() == "old"
    with replacing(path) as beside:
        beside.write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.txt"] and path.read_text() == "new"


def test_a_folder_gives_way_to_a_folder_but_never_to_a_file(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("")
    with replacing(folder) as beside:
        beside.mkdir()
        (beside / "new").write_text("")
    assert [entry.name for entry in folder.iterdir()] == ["new"]
    with pytest.raises(DataError), replacing(folder) as beside:
        beside.write_text("a file")
    assert [entry.name for entry in folder.iterdir()] == ["new"] and len(list(tmp_path.iterdir())) == 1
