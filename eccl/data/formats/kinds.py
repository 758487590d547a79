"""Which format a file is in: by its content first, by its name second; and what is known by name but not read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eccl.data.formats.guard import read_content
from eccl.data.formats.hdf5 import MARK as HDF5
from eccl.data.formats.hdf5 import MARKS
from eccl.data.formats.matlab import MARK as MATLAB
from eccl.data.formats.matlab import is_version_4
from eccl.data.formats.scp import is_scp
from eccl.data.formats.wfdb_record import header_of
from eccl.data.formats.zips import is_dicom
from eccl.records import DataError

READ = (
    "WFDB (.hea), XML of GE MUSE, CardioSoft, Philips Sierra and HL7 aECG, SCP-ECG, DICOM, EDF and BDF, "
    "HDF5 and MATLAB of 12 leads, CSV and NPY"
)
_HEAD = MARKS[-1] + len(HDF5)  # bytes that tell a format
_WFDB = ("", ".hea", ".dat", ".mat")
_BY_NAME = {".xml": "xml", ".dcm": "dicom", ".dicom": "dicom", ".edf": "edf", ".bdf": "edf", ".csv": "csv"}
_BY_NAME |= {".npy": "npy", ".scp": "scp", ".mat": "matlab", ".h5": "hdf5", ".hdf5": "hdf5"}
_PICKLE = "save the signal with numpy.save(), (12, samples); a pickle can run any program, and is not opened"
_IMAGE = "export the waveform, e.g. as XML or DICOM; a picture has no samples"
_UNPACK = "unpack it first, and give the path of one recording"
_EXPORT = "export DICOM, SCP-ECG or HL7 aECG with the maker's software"
_CONVERT = "read it with ecgdatakit's FileParser and save its leads in mV with numpy.save(), (12, samples)"
_GDF = ("GDF", "convert it to EDF, e.g. with save2gdf of biosig")
_XDF = ("XDF", "read it with pyxdf, and save the signal with numpy.save(), (12, samples)")
_OFFICE = ("a spreadsheet or document", "save the table as CSV, one column a lead")
_PARQUET = ("a table in columns", "save it as CSV, one column a lead")
_MARKS = {  # the first bytes of what is not read: (what it is, what to do)
    b"ISHNE1.0": ("an ISHNE Holter recording", _CONVERT),
    b"GDF ": _GDF,
    b"XDF:": _XDF,
    b"@ MFR ": ("MFER of Nihon Kohden and others", _CONVERT),
    **{bytes([0x80, version]): ("a pickle", _PICKLE) for version in range(2, 6)},
    b"%PDF": ("a PDF", _IMAGE),
    b"\x89PNG": ("a picture", _IMAGE),
    b"\xff\xd8\xff": ("a picture", _IMAGE),
    b"II*\0": ("a picture", _IMAGE),
    b"MM\0*": ("a picture", _IMAGE),
    b"GIF8": ("a picture", _IMAGE),
    b"\x1f\x8b": ("packed by gzip", _UNPACK),
    b"BZh": ("packed by bzip2", _UNPACK),
    b"\xfd7zXZ": ("packed by xz", _UNPACK),
    b"(\xb5/\xfd": ("packed by zstd", _UNPACK),
    b"7z\xbc\xaf": ("packed by 7-Zip", _UNPACK),
    b"Rar!": ("packed by RAR", _UNPACK),
    b"PAR1": _PARQUET,
    b"\xd0\xcf\x11\xe0": _OFFICE,
}
_NAMES = {  # endings of what is not read
    **dict.fromkeys((".pt", ".pth", ".ckpt"), ("a file of PyTorch", _PICKLE)),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), ("a pickle", _PICKLE)),
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".docx"), _OFFICE),
    **dict.fromkeys((".parquet", ".feather"), _PARQUET),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"), ("packed", _UNPACK)),
    **dict.fromkeys((".mwf", ".mfer", ".mfr"), ("MFER of Nihon Kohden and others", _CONVERT)),
    **dict.fromkeys((".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif"), ("a picture", _IMAGE)),
    **dict.fromkeys((".txt", ".asc", ".tsv"), ("a text", "give it a header of lead names and the name .csv")),
    ".npz": ("an archive of arrays", "save the signal alone with numpy.save(), (12, samples)"),
    ".json": ("JSON", "save the signal as CSV, one column a lead, or with numpy.save(), (12, samples)"),
    ".arc": ("an archive of Edan's recorders", _CONVERT),
    ".ecg": ("a recorder's own format (Contec, Norav and others end in .ecg)", _EXPORT),
    ".gdf": _GDF,
    ".xdf": _XDF,
    ".zarr": ("Zarr", "save the signal with numpy.save(), (12, samples)"),
}
_ROOTS = {  # root elements of XML that is not read
    "ECG": ("XML of Mortara (Welch Allyn, Hillrom) ELI", _CONVERT),
    "EliEcg": ("XML of Mortara (Welch Allyn, Hillrom) ELI", _EXPORT),
    "examdescript": ("XML of Schiller", _EXPORT),
    "sapphire": ("Sapphire XML of GE", _EXPORT),
    "ClinicalDocument": ("an HL7 report", _EXPORT),
}


def kind_of(path: Path) -> str:
    """The format of a file: xml, scp, dicom, edf (BDF as well), hdf5, matlab, npy, csv or wfdb.

    Raises
    ------
    DataError
        If it is known and not read, or not known; or a folder or nothing is where a recording should be.
    """
    suffix, header = path.suffix.lower(), header_of(path)
    if suffix == ".hea" or (suffix in _WFDB[1:] and header.is_file()):
        return "wfdb"
    head = _head(path)
    if head is None:
        if path.is_dir() and not header.is_file():
            raise DataError("this is a folder", source=path, remedy="give the path of one recording")
        if header.is_file() or suffix in _WFDB:
            return "wfdb"
        read_content(path)  # says why not
    elif found := _by_content(head, suffix):
        return found
    if header.is_file() or suffix == ".dat":
        return "wfdb"
    known = next((said for mark, said in _MARKS.items() if (head or b"").startswith(mark)), None)
    if known is None and suffix in _BY_NAME:
        return _BY_NAME[suffix]
    raise _not_read(known or _NAMES.get(suffix), suffix, path)


def unknown_root(name: str, roots: Iterable[str], path: Path) -> DataError:
    """The error of an XML whose root element is none of those that are read."""
    what, remedy = _ROOTS.get(name, ("of no ECG known here", "export it as one of those that are read"))
    return DataError(
        f"the root element is {name[:40]!r}, none of {', '.join(roots)}: {what}",
        source=path,
        remedy=f"{remedy}; read are {READ}",
    )


def _not_read(known: tuple[str, str] | None, suffix: str, path: Path) -> DataError:
    if known is None:
        return DataError(f"the ECG format {suffix[:20]!r} is not known", source=path, remedy=f"give one of {READ}")
    return DataError(f"this is {known[0]}, which is not read", source=path, remedy=f"{known[1]}; read are {READ}")


def _head(path: Path) -> bytes | None:
    """The first bytes of a file; None if there is none, or it cannot be read. A pipe is not opened."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError):
        return None


def _by_content(head: bytes, suffix: str) -> str | None:
    if any(head[place:].startswith(HDF5) for place in MARKS):
        return "hdf5"
    if head.startswith((b"0       ", b"\xffBIOSEMI")):
        return "edf"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(MATLAB) or (suffix == ".mat" and is_version_4(head)):
        return "matlab"
    if is_scp(head):
        return "scp"
    if is_dicom(head):
        return "dicom"
    return "xml" if _is_xml(head) else None


def _is_xml(head: bytes) -> bool:
    """Whether the first character that is no space is a bracket, in an encoding that XML may have."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"))
    plain = head.replace(b"\0", b"") if wide else head
    return plain.removeprefix(b"\xef\xbb\xbf").lstrip(b"\xff\xfe \t\r\n").startswith(b"<")
