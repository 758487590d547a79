"""A file is what it holds, whatever it is called; what is not read is named, with a way out, and never run."""

import functools
import gzip
import io
import os
import pickle
import tempfile
import zipfile
from pathlib import Path

import edfio
import h5py
import numpy as np
import pytest
from helpers.ecg_files import WRITERS
from helpers.making import make_ecg, refused
from helpers.vendor_files import FILES

from eccl.data.ecg import read_ecg, write_ecg
from eccl.data.formats.kinds import READ
from eccl.records import LEADS

ECG_ = make_ecg(np.random.default_rng(0))
ALL = {**WRITERS, **FILES}
TOLD = [form for form in ALL if form not in ("wfdb", "csv", "val")]  # by their content alone
NAMES = ["a", "1.2.840.113619.2.7", "A.DCM", "I.txt", "a.csv", "a.xml"]


@functools.cache
def content_and_signal(form: str) -> tuple[bytes, np.ndarray]:
    """A file in a format, and what is read of it under its usual name."""
    name, write, stated = ALL[form]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / name, ECG_)
        return path.read_bytes(), read_ecg(path, **stated).signal


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", TOLD)
def test_a_file_is_told_by_its_content(tmp_path, form, name):
    content, expected = content_and_signal(form)
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read_ecg(tmp_path / name, **ALL[form][2]).signal, expected)


@pytest.mark.parametrize("name", ["one.bdf", "one.BDF", "one.edf", "one", "one.7"])
@pytest.mark.parametrize("unit", ["uV", "mV"])
def test_bdf_is_read_as_edf_is(tmp_path, name, unit):
    scale = {"uV": 1000.0, "mV": 1.0}[unit]
    signals = [
        edfio.BdfSignal(row * scale, 500, label=lead, physical_dimension=unit, physical_range=(-5 * scale, 5 * scale))
        for lead, row in zip(LEADS, ECG_.signal.astype(float))
    ]
    edfio.Bdf(signals).write(tmp_path / "one.bdf")
    path = (tmp_path / "one.bdf").rename(tmp_path / name)
    np.testing.assert_allclose(read_ecg(path).signal, ECG_.signal, atol=1e-5)


@pytest.mark.parametrize("stem", ["a", "a.b", "1.2.840.7", "rec_500.v2"])
def test_a_wfdb_record_is_read_by_any_of_its_names(tmp_path, stem):
    write_ecg(tmp_path / "x", ECG_)
    text = (tmp_path / "x.hea").read_text()
    (tmp_path / f"{stem}.hea").write_text(text.replace("x.dat", f"{stem}.dat").replace("x 12", f"{stem} 12"))
    (tmp_path / "x.dat").rename(tmp_path / f"{stem}.dat")
    for name in (stem, f"{stem}.hea", f"{stem}.dat"):
        np.testing.assert_array_equal(read_ecg(tmp_path / name).signal, ECG_.signal)


@pytest.mark.parametrize("start", [b"<xml>", b"0       ", b"\x89HDF\r\n\x1a\n", b"%PDF", b"\x1f\x8b", b"\x80\x04"])
def test_samples_that_look_like_another_format_are_samples(tmp_path, start):
    header = write_ecg(tmp_path / "a", ECG_)
    header.write_text(header.read_text().replace(" 200(0)/mV", " 2000(0)/mV"))
    plain = read_ecg(header).signal
    samples = (tmp_path / "a.dat").read_bytes()
    (tmp_path / "a.dat").write_bytes(start + samples[len(start) :])
    np.testing.assert_array_equal(read_ecg(tmp_path / "a.dat").signal[:, 1:], plain[:, 1:])


# --- What is known and not read ---------------------------------------------------------------------------------------


class Payload:
    """What an attacker pickles: unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.pkl", "a.pickle", "a.joblib", "a.npy", "a.h5", "a", "a.dat"])
@pytest.mark.parametrize("protocol", [0, 2, 4, "torch"])
def test_a_pickle_is_never_run(tmp_path, name, protocol):
    proof = tmp_path / "run"
    content = pickle.dumps(Payload(proof), protocol=2 if protocol == "torch" else protocol)
    (tmp_path / name).write_bytes(zipped("archive/data.pkl", content) if protocol == "torch" else content)
    refused(lambda: read_ecg(tmp_path / name, rate=500, unit="mV"), tmp_path / name.removesuffix(".dat"))
    assert not proof.exists()
    pickle.loads(content)
    assert proof.exists()  # where pickles are trusted, the payload works


def arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, ecg=ECG_.signal)
    return file.getvalue()


KNOWN = {  # name of a file: (its content, words)
    "a.pt": (zipped("archive/data.pkl", b""), ["PyTorch", "numpy.save()"]),
    "a.pkl": (pickle.dumps([1]), ["a pickle", "numpy.save()"]),
    "a.npz": (arrays(), ["archive of arrays", "numpy.save()"]),
    "a.ecg": (b"\0" * 400, ["Contec", "SCP-ECG"]),
    "holter.ecg": (b"ISHNE1.0" + bytes(600), ["ISHNE Holter", "ecgdatakit"]),
    "a.mwf": (b"@ MFR " + bytes(600), ["MFER", "ecgdatakit"]),
    "b.mwf": (bytes(600), ["MFER", "ecgdatakit"]),
    "a.gdf": (b"GDF 2.20" + bytes(600), ["GDF", "save2gdf"]),
    "a.xdf": (b"XDF:" + bytes(600), ["XDF", "pyxdf"]),
    "a.xlsx": (zipped("xl/workbook.xml", b""), ["spreadsheet", "CSV"]),
    "a.xls": (b"\xd0\xcf\x11\xe0" + bytes(600), ["spreadsheet", "CSV"]),
    "a.parquet": (b"PAR1" + bytes(600), ["columns", "CSV"]),
    "a.json": (b'{"ecg": []}', ["JSON"]),
    "a.pdf": (b"%PDF-1.7", ["a PDF", "no samples"]),
    "a.xml.gz": (gzip.compress(b"<a/>"), ["gzip", "unpack it"]),
    "a.xml": (gzip.compress(b"<a/>"), ["gzip", "unpack it"]),
    "a.zip": (zipped("a.xml", b""), ["packed", "unpack it"]),
    "a.png": (b"\x89PNG\r\n\x1a\n", ["a picture", "no samples"]),
    "a.jpg": (b"\xff\xd8\xff\xe0", ["a picture"]),
    "a.arc": (bytes(90), ["Edan", "ecgdatakit"]),
    "a.txt": (b"I II III\n1 2 3\n", ["a text", ".csv"]),
    "a.klingon": (b"nuqneH", ["'.klingon' is not known"]),
    "a": (b"nuqneH", ["'' is not known"]),
    "mortara.xml": (b"<ECG/>", ["Mortara", "'ECG'", "ecgdatakit"]),
    "eli.xml": (b"<EliEcg/>", ["Mortara"]),
    "schiller.xml": (b"<examdescript/>", ["Schiller"]),
    "sapphire.xml": (b'<sapphire xmlns="urn:ge:sapphire:dcar_1"/>', ["Sapphire", "GE"]),
    "report.xml": (b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', ["HL7 report"]),
    "page.html": (b"<html></html>", ["'html'", "no ECG known here"]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_not_read_is_named_with_a_way_out(tmp_path, name):
    content, words = KNOWN[name]
    (tmp_path / name).write_bytes(content)
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, *words, READ)


def test_dicom_of_a_pdf_or_an_image_is_named(tmp_path):
    from pydicom.data import get_testdata_file

    image = Path(get_testdata_file("MR_small.dcm")).read_bytes()
    (tmp_path / "1.2.3").write_bytes(image)
    refused(lambda: read_ecg(tmp_path / "1.2.3"), tmp_path / "1.2.3", "MR Image Storage", "no ECG")


@pytest.mark.parametrize("name", ["a.scp", "a.h5", "a.bdf", "1.2.3", "a.klingon", "a.pt"])
def test_what_is_not_there_a_folder_and_a_pipe_are_named(tmp_path, name):
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, "No such file")
    (tmp_path / name).mkdir()
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, "folder")
    (tmp_path / name).rmdir()
    os.mkfifo(tmp_path / name)
    refused(lambda: read_ecg(tmp_path / name), tmp_path / name, "no file")


@pytest.mark.parametrize("text", ["<ECG/>", "\ufeff<ECG/>", "\ufeff \n\t<ECG/>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_xml_is_told_by_its_first_character(tmp_path, encoding, text):
    path = tmp_path / "a.bin"
    path.write_bytes(text.encode(encoding))
    refused(lambda: read_ecg(path), path, "Mortara")


def test_a_link_to_a_file_is_followed_and_a_file_keeps_its_own_content(tmp_path):
    path = FILES["sph"][1](tmp_path / "a.h5", ECG_)
    (tmp_path / "link").symlink_to(path)
    np.testing.assert_allclose(read_ecg(tmp_path / "link", rate=500, unit="mV").signal, ECG_.signal, atol=0.001)
    with h5py.File(path) as file:
        assert set(file) == {"ecg"}


@pytest.mark.parametrize("content", [b"", b"nuqneH", bytes(5000)])
@pytest.mark.parametrize(
    ("name", "words"),
    [("a.scp", "SCP-ECG"), ("a.SCP", "SCP-ECG"), ("a.edf", "EDF"), ("a.dcm", "DICOM"), ("a.h5", "HDF5")],
)
def test_what_is_named_as_a_format_and_is_none_is_not_called_unknown(tmp_path, name, words, content):
    (tmp_path / name).write_bytes(content)
    error = refused(lambda: read_ecg(tmp_path / name), tmp_path / name, words)
    assert "not known" not in error.problem
