"""A DICOM cine as a scanner and UK Biobank's field 20209 give it: one series a slice, one file a phase, in a zip.

Elements are written here by hand: a cine has hundreds of small files, and their bytes must depend on the input alone.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
from pathlib import Path

import numpy as np

from eccl.files import replacing
from eccl.records import Stack

DESCRIPTION = "CINE_segmented_SAX_b{slice}"
_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
_EXPLICIT = "1.2.840.10008.1.2.1"
_LONG = (b"OB", b"OW")  # whose length takes four bytes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in a zip: the first that a zip knows


def write_dicom_cine(path: Path | str, stack: Stack, patient: str, seed: int = 0) -> Path:
    """The path of a zip of the DICOM files of a stack and a manifest.csv, in an order shuffled by a seed.

    Parameters
    ----------
    path : path
        .zip; its folder exists.
    stack : Stack
        With an affine; rounded to whole numbers up to 65535.
    patient : str
        The PatientID and PatientName.
    seed : int
        Of the order of the files, which in a download means nothing.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    return write_zip(path, dicom_files(stack, patient), seed)


def dicom_files(stack: Stack, patient: str, description: str = DESCRIPTION, first_series: int = 1) -> dict[str, bytes]:
    """The DICOM files of a stack by their names: one series a slice, one MR image a phase, 16 bits, Explicit VR.

    Parameters
    ----------
    stack : Stack
        With an affine.
    patient : str
        The PatientID and PatientName.
    description : str
        Of the series; {slice} is the number of the slice, from 1.
    first_series : int
        SeriesNumber of the first slice; the others follow.

    Raises
    ------
    ValueError
        If values are negative or above 65535, or the stack has no affine or no time between phases.
    """
    lowest, highest = float(stack.images.min()), float(stack.images.max())
    if lowest < 0 or not highest <= 65535 or stack.affine is None or not stack.frame_interval > 0:
        raise ValueError(f"whole numbers up to 65535 with an affine and an interval; got {lowest:g} to {highest:g}")
    pixels = np.rint(stack.images).astype("<u2")
    rows, columns = stack.shape[2:]
    place = np.diag([-1.0, -1.0, 1.0, 1.0]) @ stack.affine  # to LPS
    across, down = place[:3, 0] / np.linalg.norm(place[:3, 0]), place[:3, 1] / np.linalg.norm(place[:3, 1])
    beat = stack.frame_interval * stack.frame_count
    study = _uid(patient, "study")
    fixed = {
        (0x0008, 0x0005): ("CS", "ISO_IR 100"),
        (0x0008, 0x0008): ("CS", "ORIGINAL\\PRIMARY\\M\\RETRO\\NORM\\DIS2D"),
        (0x0008, 0x0016): ("UI", _MR_IMAGE),
        (0x0008, 0x0060): ("CS", "MR"),
        (0x0010, 0x0010): ("PN", patient),
        (0x0010, 0x0020): ("LO", patient),
        (0x0018, 0x0050): ("DS", _decimal(stack.slice_spacing)),
        (0x0018, 0x1062): ("IS", str(round(beat))),
        (0x0018, 0x1090): ("IS", str(stack.frame_count)),
        (0x0018, 0x5100): ("CS", "HFS"),
        (0x0020, 0x000D): ("UI", study),
        (0x0020, 0x0037): ("DS", _decimal(*across, *down)),
        (0x0028, 0x0002): ("US", 1),
        (0x0028, 0x0004): ("CS", "MONOCHROME2"),
        (0x0028, 0x0010): ("US", rows),
        (0x0028, 0x0011): ("US", columns),
        (0x0028, 0x0030): ("DS", _decimal(*stack.spacing)),
        (0x0028, 0x0100): ("US", 16),
        (0x0028, 0x0101): ("US", 16),
        (0x0028, 0x0102): ("US", 15),
        (0x0028, 0x0103): ("US", 0),
    }
    fixed = {tag: _element(tag, *value) for tag, value in fixed.items()}
    files = {}
    for index in range(stack.slice_count):
        series = _uid(patient, description, first_series + index)
        position = _decimal(*(place @ (0, 0, index, 1))[:3])
        described = {
            (0x0008, 0x103E): ("LO", description.format(slice=index + 1)),
            (0x0020, 0x000E): ("UI", series),
            (0x0020, 0x0011): ("IS", str(first_series + index)),
            (0x0020, 0x0032): ("DS", position),
        }
        of_slice = fixed | {tag: _element(tag, *value) for tag, value in described.items()}
        for phase in range(stack.frame_count):
            image = f"{series}.{phase + 1}"
            moment = {
                (0x0008, 0x0018): ("UI", image),
                (0x0018, 0x1060): ("DS", _decimal(phase * stack.frame_interval)),
                (0x0020, 0x0013): ("IS", str(phase + 1)),
                (0x7FE0, 0x0010): ("OW", pixels[phase, index].tobytes()),
            }
            elements = of_slice | {tag: _element(tag, *value) for tag, value in moment.items()}
            files[f"{image}.dcm"] = _meta(image) + b"".join(elements[tag] for tag in sorted(elements))
    return files


def write_zip(path: Path | str, files: dict[str, bytes], seed: int = 0) -> Path:
    """The path of a zip of files and a manifest.csv that lists them, in an order shuffled by a seed.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    path = Path(path)
    names = sorted(files)
    manifest = "filename\n" + "\n".join(names) + "\n"
    content = files | {"manifest.csv": manifest.encode()}
    order = np.random.default_rng(seed).permutation(len(names) + 1)
    names.append("manifest.csv")
    with replacing(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for index in order:
            info = zipfile.ZipInfo(names[index], _EPOCH)
            archive.writestr(info, content[names[index]], zipfile.ZIP_DEFLATED, 1)
    return path


def _meta(image: str) -> bytes:
    elements = b"".join(
        _element((0x0002, number), kind, value)
        for number, kind, value in (
            (0x0001, "OB", b"\0\1"),
            (0x0002, "UI", _MR_IMAGE),
            (0x0003, "UI", image),
            (0x0010, "UI", _EXPLICIT),
            (0x0012, "UI", _uid("eccl")),
        )
    )
    return bytes(128) + b"DICM" + _element((0x0002, 0x0000), "UL", struct.pack("<I", len(elements))) + elements


def _element(tag: tuple[int, int], kind: str, value: str | int | bytes) -> bytes:
    """One element in Explicit VR Little Endian, padded to an even length."""
    if isinstance(value, int):
        value = struct.pack("<H", value)
    elif isinstance(value, str):
        value = value.encode("latin-1")
        value += (b"\0" if kind == "UI" else b" ") * (len(value) % 2)
    code = kind.encode()
    if code in _LONG:
        return struct.pack("<HH2sHI", *tag, code, 0, len(value)) + value
    return struct.pack("<HH2sH", *tag, code, len(value)) + value


def _decimal(*values: float) -> str:
    """DICOM's decimal string, of at most 16 characters a number."""
    return "\\".join(f"{value + 0.0:.10g}" for value in values)


def _uid(*parts: object) -> str:
    """A UID of its own for each input, the same for the same; short enough for a number to follow."""
    number = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:14], "big")
    return f"2.25.{number}"
