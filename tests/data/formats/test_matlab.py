"""MATLAB files alone, in every version: the only matrix of twelve leads, whatever it is called and lies in."""

import struct
import zlib

import numpy as np
import pytest
from helpers.making import make_ecg, refused
from helpers.vendor_files import STATED, write_cpsc, write_matlab_73, write_val
from scipy.io import savemat

from eccl.data.ecg import read_ecg, write_ecg

ECG_ = make_ecg(np.random.default_rng(0))
SIGNAL = ECG_.signal.astype(float)
HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"


@pytest.mark.parametrize("format", ["4", "5"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["f8", "f4", "i4", "i2"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_matrix_alone(tmp_path, format, packed, kind, turned):
    array = (np.rint(SIGNAL * 1000) if "i" in kind else SIGNAL).astype(kind)
    path = tmp_path / "a.mat"
    others = {} if format == "4" else {"fs": 500.0, "name": "x", "cell": np.array([[1, "x"]], dtype=object)}
    savemat(path, {"val": array.T if turned else array, **others}, format=format, do_compression=packed)
    ecg = read_ecg(path, rate=500, unit="uV" if "i" in kind else "mV")
    np.testing.assert_allclose(ecg.signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_cpsc_2018(tmp_path, packed):
    path = write_cpsc(tmp_path / "A0001.mat", ECG_, do_compression=packed)
    np.testing.assert_array_equal(read_ecg(path, **STATED).signal, ECG_.signal)
    refused(lambda: read_ecg(path, rate=500), path, "no unit is stated")
    refused(lambda: read_ecg(path, unit="mV"), path, "sampling rate is not stated")


def test_matrices_of_small_numbers_and_of_big_endian_machines(tmp_path):
    counts = np.rint(SIGNAL * 10)  # MATLAB keeps whole numbers in as few bytes as they need
    body = counts.astype(">i1").T.tobytes()
    parts = [struct.pack(">4I", 6, 8, 6, 0), struct.pack(">2I2i", 5, 8, 12, 5000), struct.pack(">2H4s", 3, 1, b"val")]
    matrix = b"".join([*parts, struct.pack(">2I", 1, len(body)), body])
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI"
    (tmp_path / "a.mat").write_bytes(head + struct.pack(">2I", 14, len(matrix)) + matrix)
    np.testing.assert_allclose(read_ecg(tmp_path / "a.mat", rate=500, unit="mV").signal, counts, atol=1e-6)
    head = struct.pack(">5i", 1030, 12, 5000, 0, 4) + b"val\0"
    (tmp_path / "b.mat").write_bytes(head + np.rint(SIGNAL * 1000).astype(">i2").T.tobytes())
    np.testing.assert_allclose(read_ecg(tmp_path / "b.mat", rate=500, unit="uV").signal, ECG_.signal, atol=1e-6)


def test_a_matrix_with_a_wfdb_header_beside_it_is_wfdb(tmp_path):
    path = write_val(tmp_path / "a.mat", ECG_, format="4")
    header = write_ecg(tmp_path / "a", ECG_)
    text = header.read_text().replace("a.dat 16 200", "a.mat 16+24 1000")
    header.write_text(text)
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-6)
    header.unlink()
    refused(lambda: read_ecg(path), path, "sampling rate is not stated")


MISPLACED = {  # a matrix of uV beside a header of format 16+24: (dtype, turned, its name, more, what is said)
    "version 5": (np.int16, False, "val", {"format": "5"}, "is MATLAB of version 5 or later"),
    "version 5, packed": (np.int16, False, "val", {"format": "5", "do_compression": True}, "version 5 or later"),
    "turned": (np.int16, True, "val", {"format": "4"}, "5000 x 12 numbers of type int16"),
    "32 bits": (np.int32, False, "val", {"format": "4"}, "12 x 5000 numbers of type int32"),
    "floats": (float, False, "val", {"format": "4"}, "of type float64"),
    "a longer name": (np.int16, False, "signal", {"format": "4"}, "of type int16 behind 27 bytes"),
}


@pytest.mark.parametrize("case", MISPLACED)
def test_a_matrix_that_lies_elsewhere_than_its_header_says_is_no_signal(tmp_path, case):
    kind, turned, name, choices, words = MISPLACED[case]
    header = write_ecg(tmp_path / "a", ECG_)
    header.write_text(header.read_text().replace("a.dat 16 200", "a.mat 16+24 1000"))
    counts = np.rint(SIGNAL * 1000).astype(kind)
    savemat(tmp_path / "a.mat", {name: counts.T if turned else counts}, **choices)
    for path in (header, tmp_path / "a.mat", tmp_path / "a"):
        refused(lambda path=path: read_ecg(path), header, "12 rows in format 16 behind 24 bytes", words, "save -v4")
    header.unlink()  # as the remedy says
    np.testing.assert_allclose(read_ecg(tmp_path / "a.mat", rate=500, unit="uV").signal, ECG_.signal, atol=1e-6)


@pytest.mark.parametrize("code", ["16+24", "32+24", "61+24", "80+24"])
def test_a_matrix_of_any_type_where_its_header_says_is_the_signal(tmp_path, code):
    kind = {"16": "<i2", "32": "<i4", "61": ">i2", "80": "u1"}[code[:2]]
    number = {"16": 30, "32": 20, "61": 1030, "80": 50}[code[:2]]
    counts = np.rint(SIGNAL * 50) + (128 if kind == "u1" else 0)
    order = ">" if number > 1000 else "<"
    matrix = struct.pack(f"{order}5i", number, 12, 5000, 0, 4) + b"val\0" + counts.T.astype(kind).tobytes()
    header = write_ecg(tmp_path / "a", ECG_)
    header.write_text(header.read_text().replace("a.dat 16 200", f"a.mat {code} 50"))
    (tmp_path / "a.mat").write_bytes(matrix)
    np.testing.assert_allclose(read_ecg(header).signal, np.rint(SIGNAL * 50) / 50, atol=1e-6)


def test_twelve_numbers_are_no_twelve_leads(tmp_path):
    gains = np.arange(12.0)
    savemat(tmp_path / "a.mat", {"ECG": {"gain": gains[None], "baseline": gains[:, None], "data": SIGNAL}})
    np.testing.assert_array_equal(read_ecg(tmp_path / "a.mat", **STATED).signal, ECG_.signal)


@pytest.mark.parametrize("name", ["a.mat", "a", "1.2.840.7", "a.bin"])
def test_version_5_and_7_3_are_told_by_their_content(tmp_path, name):
    for write in (write_cpsc, write_matlab_73):
        path = write(tmp_path / "x.mat", ECG_).rename(tmp_path / name)
        np.testing.assert_array_equal(read_ecg(path, **STATED).signal, ECG_.signal)


def packed(body: bytes) -> bytes:
    body = zlib.compress(body)
    return HEAD + struct.pack("<2I", 15, len(body)) + body


def matrix(shape=(12, 5000), kind=9, flags=6, numbers=b"", count=None):
    parts = [struct.pack("<4I", 6, 8, flags, 0), struct.pack("<2I2i", 5, 8, *shape), struct.pack("<2H4s", 1, 3, b"val")]
    body = b"".join([*parts, struct.pack("<2I", kind, len(numbers) if count is None else count), numbers])
    return struct.pack("<2I", 14, len(body)) + body


ROW = SIGNAL.T.tobytes()
REFUSED = {
    "nothing": (b"", ["no arrays"]),
    "a header alone": (HEAD, ["no arrays"]),
    "no MATLAB": (b"no MATLAB file" * 20, ["MATLAB"]),
    "more numbers stated than there": (HEAD + matrix((12, 2**30), numbers=ROW), ["damaged"]),
    "negative numbers": (HEAD + matrix((12, -5), numbers=ROW), ["no arrays"]),
    "fewer numbers stated than there": (HEAD + matrix((12, 4999), numbers=ROW), ["damaged"]),
    "a longer element than the file": (HEAD + matrix(numbers=ROW, count=2**31), ["damaged"]),
    "truncated": ((HEAD + matrix(numbers=ROW))[:-9], ["damaged"]),
    "packed and truncated": (packed(matrix(numbers=ROW))[:-900], ["damaged"]),
    "packed, without its checksum": (packed(matrix(numbers=ROW))[:-4], ["damaged"]),
    "packed without end": (packed(bytes(40_000_000)), ["more than 32 MB"]),
    "packed, of packed without end": (packed(packed(bytes(40_000_000))[128:]), ["no arrays"]),
    "many packed": (HEAD + packed(bytes(7_000_000))[128:] * 5, ["more than 32 MB"]),
    "complex numbers": (HEAD + matrix(numbers=ROW, flags=6 | 0x800), ["no arrays"]),
    "text": (HEAD + matrix(numbers=ROW, flags=4), ["no arrays"]),
    "objects": (HEAD + matrix(numbers=ROW, flags=17), ["no arrays"]),
    "numbers of no type": (HEAD + matrix(numbers=ROW, kind=99), ["no arrays"]),
    "a small element that is none": (HEAD + struct.pack("<2H4s", 14, 9, b"1234"), ["damaged"]),
    "two matrices": (HEAD + matrix(numbers=ROW) * 2, ["2 arrays"]),
    "another shape": (HEAD + matrix((11, 5000), numbers=ROW[: 11 * 40_000]), ["no arrays"]),
    "version 4 and truncated": (struct.pack("<5i", 0, 12, 5000, 0, 4) + b"val\0" + ROW[:-8], ["more than are there"]),
    "version 4 of endless size": (struct.pack("<5i", 0, 2**31 - 1, 2**31 - 1, 0, 4) + b"val\0", ["more than"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_malformed_matlab_file_is_refused(tmp_path, case):
    content, words = REFUSED[case]
    path = tmp_path / "a.mat"
    path.write_bytes(content)
    refused(lambda: read_ecg(path, **STATED), path, *words)


def test_the_order_of_rows_is_tested(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"ECG": {"data": SIGNAL[[0, 1, 2, 3, 5, 4, *range(6, 12)]]}})
    refused(lambda: read_ecg(path, **STATED), path, "the order that is assumed", "aVF, aVL of MIMIC-IV-ECG")
