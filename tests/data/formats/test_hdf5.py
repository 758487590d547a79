"""HDF5 of unnamed leads: CODE-15 %, SPH and MATLAB 7.3; what leads elsewhere or unpacks without end is refused."""

import zlib

import h5py
import numpy as np
import pytest
from helpers.making import make_ecg, refused
from helpers.vendor_files import STATED, write_code15, write_matlab_73, write_sph
from scipy.signal import resample_poly

from eccl.data.ecg import read_ecg
from eccl.records import ECG, LEADS

ECG_ = make_ecg(np.random.default_rng(0))
OTHER = make_ecg(np.random.default_rng(1))
SLOW = [np.round(resample_poly(ecg.signal.astype(float), 4, 5, axis=1) * 200) / 200 for ecg in (ECG_, OTHER)]  # 400 Hz
CODE = {"rate": 400, "unit": "mV"}


def write(path, name, array, **storage):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=array, **storage)
    return path


# --- Many recordings in one file --------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", [{}, {"compression": "gzip"}, {"chunks": (1, 4096, 12)}, {"chunks": (2, 100, 3)}])
@pytest.mark.parametrize(("ids", "records"), [(None, (0, 1)), ([1169160, 2873686], (1169160, 2873686))])
def test_a_recording_of_many_is_read_without_its_padding(tmp_path, storage, ids, records):
    path = write_code15(tmp_path / "a.hdf5", [signal.T for signal in SLOW], ids, **storage)
    for record, signal in zip(records, SLOW):
        ecg = read_ecg(path, sampling_rate=400, record=record, **CODE)
        np.testing.assert_allclose(ecg.signal, signal, atol=1e-6)
        assert read_ecg(path, record=np.int64(record), **CODE).signal.shape == (12, 5000)


def test_which_of_many_recordings_must_be_said(tmp_path):
    path = write_code15(tmp_path / "a.hdf5", [signal.T for signal in SLOW])
    refused(lambda: read_ecg(path, **CODE), path, "2 recordings in one file", "record=", "its row, from 0 to 1")
    for record in (2, -1, 10**30):
        refused(lambda record=record: read_ecg(path, record=record, **CODE), path, f"the row {record}, among 2")
    for record in ("1", 0.0, "patient"):
        refused(lambda record=record: read_ecg(path, record=record, **CODE), path, str(record), "no whole number")
    path = write_code15(path, [signal.T for signal in SLOW], [7, 7])
    refused(lambda: read_ecg(path, **CODE), path, "2 recordings in one file", "by its exam_id")
    refused(lambda: read_ecg(path, record=0, **CODE), path, "0 recordings with the exam_id 0")
    refused(lambda: read_ecg(path, record=7, **CODE), path, "2 recordings with the exam_id 7")
    path = write_code15(path, [signal.T for signal in SLOW], [7.5, 8])
    refused(lambda: read_ecg(path, record=8, **CODE), path, "exam_id is no whole number")


def test_one_recording_needs_no_name_and_other_formats_have_none(tmp_path):
    path = write_code15(tmp_path / "a.hdf5", [SLOW[0].T], [7])
    np.testing.assert_allclose(read_ecg(path, 400, **CODE).signal, SLOW[0], atol=1e-6)
    np.testing.assert_allclose(read_ecg(path, 400, record=7, **CODE).signal, SLOW[0], atol=1e-6)
    for written in (write_sph(tmp_path / "a.h5", ECG_), _npy(tmp_path / "a.npy")):
        refused(lambda written=written: read_ecg(written, record=0, **STATED), written, "record 0", "leave record= out")


def _npy(path):
    np.save(path, ECG_.signal)
    return path


@pytest.mark.parametrize(("samples", "seconds"), [(2800, "7 s"), (3996, "9.99 s"), (0, None)])
def test_padding_is_no_signal(tmp_path, samples, seconds):
    path = write_code15(tmp_path / "a.hdf5", [SLOW[0].T[:samples]])
    words = [f"{seconds} long"] if seconds else ["nothing but zeros"]
    refused(lambda: read_ecg(path, **CODE), path, *words)
    assert seconds is None or read_ecg(path, duration=6, **CODE).duration == 6


def test_zeros_within_a_recording_stay(tmp_path):
    signal = SLOW[0].T.copy()
    signal[1000:1050] = 0
    path = write_code15(tmp_path / "a.hdf5", [signal])
    np.testing.assert_allclose(read_ecg(path, 400, **CODE).signal, signal.T, atol=1e-6)


# --- One recording, and how it lies in the file -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["f2", "f4", ">f8", "i2", "i4"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", ["ecg", "val", "ECG/data", "signal"])
def test_the_only_array_of_twelve_leads_is_read(tmp_path, kind, turned, name):
    array = np.rint(ECG_.signal.astype(float) * 1000) if "i" in kind else ECG_.signal
    array = array.astype(kind)
    path = write(tmp_path / "a.h5", name, array.T if turned else array)
    ecg = read_ecg(path, rate=500, unit="uV" if "i" in kind else "mV")
    np.testing.assert_allclose(ecg.signal, ECG_.signal, atol=0.001 if kind == "f2" else 1e-6)


@pytest.mark.parametrize(
    "storage",
    [
        {"chunks": (12, 5000), "compression": "gzip", "compression_opts": 9},
        {"chunks": (1, 100), "compression": "gzip", "shuffle": True},
        {"chunks": (5, 999), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (12, 100), "fletcher32": True},
        {"chunks": (3, 1000), "maxshape": (None, None)},
    ],
)
def test_chunks_are_unpacked(tmp_path, storage):
    path = write(tmp_path / "a.h5", "ecg", ECG_.signal, **storage)
    np.testing.assert_array_equal(read_ecg(path, **STATED).signal, ECG_.signal)


def test_the_unit_the_rate_and_the_order_are_not_guessed(tmp_path):
    path = write_sph(tmp_path / "a.h5", ECG_)
    refused(lambda: read_ecg(path, rate=500), path, "no unit is stated")
    refused(lambda: read_ecg(path, unit="mV"), path, "sampling rate is not stated")
    for order in ([0, 1, 2, 4, 5, 3], [1, 0, 2, 3, 4, 5], [0, 1, 2, 3, 5, 4]):
        write(path, "ecg", ECG_.signal[[*order, *range(6, 12)]])
        refused(lambda: read_ecg(path, **STATED), path, "the order that is assumed")
    path = write_matlab_73(tmp_path / "a.mat", ECG(ECG_.signal[:, ::-1]))
    np.testing.assert_array_equal(read_ecg(path, **STATED).signal, ECG_.signal[:, ::-1])


# --- What is refused --------------------------------------------------------------------------------------------------


def linked(path, beside):
    with h5py.File(path, "w") as file:
        file["ecg"] = h5py.ExternalLink(str(beside), "/ecg")


def soft(path, beside):
    with h5py.File(path, "w") as file:
        file["ecg"] = h5py.SoftLink("/ecg")


def external(path, beside):
    with h5py.File(path, "w") as file:
        file.create_dataset("ecg", (12, 5000), "f2", external=[(str(beside), 0, 120_000)])


def virtual(path, beside):
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((12, 5000), "f2")
        layout[:] = h5py.VirtualSource(str(beside), "ecg", shape=(12, 5000))
        file.create_virtual_dataset("ecg", layout)


def made(name, shape, kind, **storage):
    def make(path, beside):
        with h5py.File(path, "w") as file:
            file.create_dataset(name, shape, kind, **storage)

    return make


def bomb(path, beside):
    with h5py.File(path, "w") as file:
        array = file.create_dataset("ecg", (12, 5000), "f4", chunks=(12, 5000), compression="gzip")
        array.id.write_direct_chunk((0, 0), zlib.compress(bytes(50_000_000)))


def damaged_chunk(path, beside):
    with h5py.File(path, "w") as file:
        array = file.create_dataset("ecg", (12, 5000), "f4", chunks=(12, 5000), compression="gzip")
        array.id.write_direct_chunk((0, 0), b"no gzip")


def both(path, beside):
    with h5py.File(path, "w") as file:
        file["ecg"], file["group/ecg"] = ECG_.signal, ECG_.signal


REFUSED = {
    "a link to another file": (linked, ["no arrays"]),
    "a link to itself": (soft, ["no arrays"]),
    "numbers in another file": (external, ["lie in another file"]),
    "a virtual array": (virtual, ["lie in another file"]),
    "objects of any length": (made("ecg", (12, 5000), h5py.vlen_dtype("f4")), ["no arrays"]),
    "references": (made("ecg", (12, 5000), h5py.ref_dtype), ["no arrays"]),
    "complex numbers": (made("ecg", (12, 5000), "c8"), ["no arrays"]),
    "texts": (made("ecg", (12, 5000), "S8"), ["no arrays"]),
    "another shape": (made("ecg", (11, 5000), "f4"), ["no arrays"]),
    "twelve times twelve": (made("ecg", (12, 12), "f4"), ["no arrays"]),
    "an endless array": (made("ecg", (12, 10**12), "f4", chunks=(12, 1000)), ["48000000 MB"]),
    "endless recordings": (made("tracings", (10**9, 4096, 12), "f4", chunks=(1, 4096, 12)), ["1000000000 recordings"]),
    "a huge chunk": (made("ecg", (12, 5000), "f4", chunks=(12, 5000000), maxshape=(12, None)), ["240 MB"]),
    "tiny chunks": (made("ecg", (12, 5000), "f4", chunks=(1, 1)), ["more than 20000 chunks"]),
    "another packing": (made("ecg", (12, 5000), "f4", compression="lzf"), ["filter 32000"]),
    "a chunk that unpacks without end": (bomb, ["unpacks to more than its 240000 bytes"]),
    "a damaged chunk": (damaged_chunk, ["a damaged chunk"]),
    "two arrays": (both, ["2 arrays of numbers with 12 rows or columns"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_array_of_this_file_is_refused(tmp_path, case):
    make, words = REFUSED[case]
    beside = write_sph(tmp_path / "beside.h5", ECG_)
    make(tmp_path / "a.h5", beside)
    refused(lambda: read_ecg(tmp_path / "a.h5", **STATED), tmp_path / "a.h5", *words)


@pytest.mark.parametrize("length", [0, 7, 9, 100, 3000, -1])
def test_a_truncated_hdf5_is_refused(tmp_path, length):
    path = write(tmp_path / "a.h5", "ecg", ECG_.signal.astype("f4"))
    path.write_bytes(path.read_bytes()[:length])
    refused(lambda: read_ecg(path, **STATED), path, "no HDF5")


def test_names_of_a_file_do_not_appear(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in ("1234567", "Doe_John"):
            file[name] = ECG_.signal
    error = refused(lambda: read_ecg(tmp_path / "a.h5", **STATED), "2 arrays", LEADS[0])
    assert "1234567" not in str(error) and "Doe" not in str(error)
