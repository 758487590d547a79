"""The header of one DICOM image: the twenty values that place it in a cine, checked, without touching its pixels."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

import numpy as np

from eccl.data.members import AGAIN, damaged
from eccl.records import DataError

LARGEST_SIDE = 2048  # pixels
_PIXELS = 0x7FE00010
_PREAMBLE = 132  # bytes before the first element, the last four of them DICM
_TAGS = {
    "Modality": 0x00080060,
    "SeriesDescription": 0x0008103E,
    "PatientID": 0x00100020,
    "SliceThickness": 0x00180050,
    "SpacingBetweenSlices": 0x00180088,
    "TriggerTime": 0x00181060,
    "NominalInterval": 0x00181062,
    "SeriesInstanceUID": 0x0020000E,
    "SeriesNumber": 0x00200011,
    "InstanceNumber": 0x00200013,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "PixelSpacing": 0x00280030,
}
_NAMES = {tag: name for name, tag in _TAGS.items()}
_BINARY = {"SamplesPerPixel", "Rows", "Columns"}  # 16 bits; the others are text
_UIDS = {"1.2.840.10008.1.2": "implicit", "1.2.840.10008.1.2.1": "explicit", "1.2.840.10008.1.2.1.99": "deflated"}
DAMAGE = (  # what pydicom raises on damaged files
    struct.error,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    OSError,
)


class Instance(NamedTuple):
    """Where and when one image was taken."""

    name: str
    patient: str
    series: int  # SeriesNumber
    series_uid: str
    description: str  # of the series
    number: int  # InstanceNumber
    size: tuple[int, int]  # rows, columns
    spacing: tuple[float, float]  # mm, (row, column)
    position: np.ndarray  # (3,) mm, of the first pixel: to the patient's left, back and head
    orientation: np.ndarray  # (6,) cosines of the direction along a row, then along a column
    trigger: float | None  # ms after the R wave
    beat: float  # ms, NominalInterval; NaN if not stated
    thickness: float  # mm from one slice to the next; NaN if not stated


def read_header(name: str, content: bytes, where: str, whole: bool = True) -> Instance | None:
    """The header of a DICOM file; None where the bytes are not the `whole` file and end before its pixels.

    Raises
    ------
    DataError
        If it is no DICOM, or no MR image of one grey slice that says where it lies, packed in a way that can be read.
    """
    values, cause = None, "it ends before its pixels"
    try:
        values = _values(content, where)
    except DataError:
        raise
    except DAMAGE as error:
        cause = error
    if values is None and not whole:
        return None
    if values is None:
        raise damaged(where, cause)
    _check_kind(values, where)
    rows, columns = (_number(values, key, where) for key in ("Rows", "Columns"))
    if not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE):
        raise DataError(
            f"{rows:g} rows and {columns:g} columns, not 1 to {LARGEST_SIDE}", source=where, remedy="export it again"
        )
    spacing = _numbers(values, "PixelSpacing", 2, where)
    if not spacing.min() > 0:
        raise DataError(
            f"a PixelSpacing of {_text(spacing)} mm", source=where, remedy="export the series with its geometry"
        )
    orientation = _numbers(values, "ImageOrientationPatient", 6, where)
    across, down = orientation[:3], orientation[3:]
    if abs(across @ across - 1) > 0.01 or abs(down @ down - 1) > 0.01 or abs(across @ down) > 0.01:
        raise DataError(
            f"an ImageOrientationPatient of {_text(orientation)}, which is no pair of perpendicular directions",
            source=where,
            remedy="export the series with its geometry",
        )
    between = _number(values, "SpacingBetweenSlices", where, np.nan)
    return Instance(
        name=name,
        patient=values.get("PatientID", ""),
        series=int(_number(values, "SeriesNumber", where, 0)),
        series_uid=values.get("SeriesInstanceUID", ""),
        description=values.get("SeriesDescription", ""),
        number=int(_number(values, "InstanceNumber", where, 0)),
        size=(int(rows), int(columns)),
        spacing=(float(spacing[0]), float(spacing[1])),
        position=_numbers(values, "ImagePositionPatient", 3, where),
        orientation=orientation,
        trigger=_number(values, "TriggerTime", where) if values.get("TriggerTime") else None,
        beat=_number(values, "NominalInterval", where, np.nan),
        thickness=between if between > 0 else _number(values, "SliceThickness", where, np.nan),
    )


def _values(content: bytes, where: str) -> dict[str, str] | None:
    """Values by name, as text; None if the bytes end before the pixels."""
    from pydicom.filereader import data_element_generator

    if content[_PREAMBLE - 4 : _PREAMBLE] != b"DICM":
        raise DataError("this is no DICOM file", source=where, remedy=AGAIN)
    file = io.BytesIO(content)
    file.seek(_PREAMBLE)
    meta = data_element_generator(file, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    syntax = next((bytes(item.value).decode("ascii").rstrip("\0 ") for item in meta if item.tag == 0x00020010), "")
    for _ in meta:  # to the end of the meta information
        pass
    _check_syntax(syntax, where)
    stopped = []

    def at_pixels(tag: int, *_: object) -> bool:
        if tag >= _PIXELS:
            stopped.append(tag)
        return tag >= _PIXELS

    implicit = _UIDS.get(syntax) == "implicit"
    elements = data_element_generator(file, implicit, True, stop_when=at_pixels, specific_tags=list(_NAMES))
    values = {}
    for element in elements:
        key = _NAMES.get(element.tag)
        if key in _BINARY:
            values[key] = str(int.from_bytes(element.value or b"", "little"))
        elif key is not None:
            values[key] = (element.value or b"").decode("latin-1").strip(" \0")
    if stopped and stopped[0] != _PIXELS:
        raise DataError("there are no pixels in it", source=where, remedy="give the images of a cine")
    return values if stopped else None


def _check_syntax(syntax: str, where: str) -> None:
    from pydicom.config import IGNORE
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    kind = _UIDS.get(syntax)
    if kind in ("implicit", "explicit"):
        return
    uid = UID(syntax, validation_mode=IGNORE)
    missing = ["it is not read here"]
    try:
        decoder = get_decoder(uid)
        if kind != "deflated" and uid.is_little_endian and decoder.is_available:
            return
        missing = decoder.missing_dependencies or missing
    except NotImplementedError:  # unknown, with no decoder at all
        pass
    raise DataError(
        f"pixels in the transfer syntax {uid.name or 'that is not stated'} ({syntax})",
        source=where,
        remedy=f"convert it to Explicit VR Little Endian, e.g. with dcmdjpeg or gdcmconv --raw ({'; '.join(missing)})",
    )


def _check_kind(values: dict[str, str], where: str) -> None:
    for key, expected in (
        ("Modality", "MR"),
        ("PhotometricInterpretation", "MONOCHROME2"),
        ("SamplesPerPixel", "1"),
    ):
        if values.get(key) != expected:
            raise DataError(
                f"the {key} is {values.get(key)!r}, not {expected}",
                source=where,
                remedy="give the magnitude images of a short-axis cine alone",
            )
    if values.get("NumberOfFrames", "1") not in ("", "1"):
        raise DataError(
            f"{values['NumberOfFrames']} frames in one file", source=where, remedy="export it as one image a file"
        )


def _numbers(values: dict[str, str], key: str, count: int, where: str) -> np.ndarray:
    text = values.get(key, "")
    if not text:
        raise DataError(f"the {key} is missing", source=where, remedy="export the series with its geometry")
    try:
        numbers = np.array([float(part) for part in text.split("\\")])
    except ValueError:
        numbers = np.array([])
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise DataError(f"the {key} is {text!r}", source=where, remedy="export the series with its geometry and times")
    return numbers


def _number(values: dict[str, str], key: str, where: str, default: float | None = None) -> float:
    if default is not None and not values.get(key):
        return default
    return float(_numbers(values, key, 1, where)[0])


def _text(numbers: np.ndarray) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
