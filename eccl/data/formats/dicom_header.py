"""The header of a DICOM file: where and when each of its images was taken, checked, without touching its pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from eccl.data.formats.dicom_elements import Allowance, Elements, Scan
from eccl.data.formats.dicom_pixels import Pixels, check_pixels, check_syntax
from eccl.data.formats.nifti import LARGEST_SIDE
from eccl.data.formats.zips import AGAIN, MOST_MEMBERS, Members, damaged, is_dicom
from eccl.records import DataError

OVERLAY = "InlineVF"  # in the description of a series of the scanner's own contours, drawn into the image
_STARTS = (2**14, 2**20, 2**25)  # bytes in which a header ends most often, most often of many frames, and at most
_CLASSIC = "1.2.840.10008.5.1.4.1.1.4"  # MR Image Storage, one image a file
_ENHANCED = ("1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")  # Enhanced MR, Legacy Converted Enhanced MR
_NO_MAGNITUDE = {  # ComplexImageComponent, or the third or fourth value of ImageType
    *("P", "PHASE", "PHASE MAP", "P_FFE", "P_SE", "VELOCITY", "VELOCITY MAP"),
    *("R", "REAL", "R_FFE", "R_SE", "I", "IMAGINARY", "I_FFE", "I_SE"),
}
_LOCALISER = "LOCALIZER"  # among the values of an ImageType
_SUFFIXES = (".dcm", ".dicom", ".ima")  # of files that claim to be DICOM
_MAGNITUDE = "give the magnitude images of a short-axis cine alone"
_GEOMETRY = "export the series with its geometry"
_REPAIR = "export the series again, or repair or empty that element"
_SHOWN = 60  # characters of a value in a message


class Instance(NamedTuple):
    """Where and when one image was taken, and where its pixels are."""

    name: str  # of the file, with the number of the frame where there are several
    patient: str
    study: str  # StudyInstanceUID
    series: int  # SeriesNumber
    series_uid: str
    number: int  # InstanceNumber
    position: np.ndarray  # (3,) mm, of the first pixel: to the patient's left, back and head
    orientation: np.ndarray  # (6,) cosines of the direction along a row, then along a column
    spacing: tuple[float, float]  # mm, (row, column)
    thickness: float  # mm from one slice to the next; NaN if not stated
    trigger: float | None  # ms after the R wave
    order: int | None  # TemporalPositionIdentifier, or TemporalPositionIndex of a frame
    beat: float  # ms from R wave to R wave; NaN if not stated
    images: int  # CardiacNumberOfImages, of one beat; 0 if not stated
    pixels: Pixels
    index: int  # of the image among those of its file
    slope: float
    intercept: float

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.size


def read_images(name: str, members: Members, allowance: Allowance) -> tuple[list[Instance], str]:
    """The images of a file; or none, and what it is instead.

    A file that is of another kind than MR images (a directory, a report, a secondary capture) holds none, nor do a
    localiser and a series with "InlineVF" in its description, which shows the scanner's own contours.

    Raises
    ------
    DataError
        If it is damaged, or holds MR images that are not grey magnitude images which say where they lie, packed in a
        way that can be read.
    """
    elements = _elements(name, members, allowance)
    if elements is None:
        if name.lower().endswith(_SUFFIXES):
            raise DataError("this is no DICOM file", source=members.where(name), remedy=AGAIN)
        return [], ""
    if kind := _other_kind(elements):
        return [], kind
    where, top = members.where(name), elements.top
    _check_kind(top, where)
    frames = _frames(elements, where)
    allocated, stored = (_whole(top, key, where) for key in ("BitsAllocated", "BitsStored"))
    signed = _whole(top, "PixelRepresentation", where, 0)
    if signed not in (0, 1) or _whole(top, "HighBit", where, stored - 1) != stored - 1:
        problem = f"a PixelRepresentation of {signed} and a HighBit of {top.get('HighBit')} with {stored} BitsStored"
        raise DataError(problem, source=where, remedy=AGAIN)
    pixels = Pixels(
        member=name,
        offset=elements.offset,
        length=elements.length,
        syntax=elements.syntax,
        frames=len(frames),
        size=_size(top, where),
        allocated=allocated,
        stored=stored,
        signed=signed == 1,
        overlay="OverlayBitPosition" in top,
    )
    check_pixels(pixels, members.sizes[name], where)
    called = name or members.path.name
    numbers = [""] if len(frames) == 1 else [f", frame {index + 1}" for index in range(len(frames))]
    images = [
        _instance(called + number, frame, pixels, index, where + number)
        for index, (frame, number) in enumerate(zip(frames, numbers))
        if _LOCALISER not in _image_type(frame)
    ]
    return images, "" if images else "localisers"


def _elements(name: str, members: Members, allowance: Allowance) -> Elements | None:
    """The elements of a file, or of another kind of object its first; None if it is no DICOM."""
    where = members.where(name)
    for count in _STARTS:
        content = members.start(name, count)
        if not is_dicom(content):
            return None
        scan = Scan(content, allowance)
        try:
            elements = scan.meta()
            if _other_kind(elements):
                return elements
            check_syntax(elements.syntax, where)
            return scan.data()
        except DataError:
            raise
        except EOFError as error:
            if len(content) < count:
                raise damaged(where, error) from error
        except ValueError as error:
            raise damaged(where, error) from error
    raise damaged(where, f"no pixels within {_STARTS[-1]} bytes")


def _other_kind(elements: Elements) -> str:
    """What a file is, if it holds no MR image of the heart."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    kind = elements.sop_class
    if kind and kind != _CLASSIC and kind not in _ENHANCED:
        return UID(kind[:_SHOWN], validation_mode=IGNORE).name
    if OVERLAY.lower() in elements.top.get("SeriesDescription", "").lower():
        return f"the scanner's own contours ({OVERLAY})"
    return "localisers" if _LOCALISER in _image_type(elements.top) else ""


def _check_kind(top: Mapping[str, str], where: str) -> None:
    for key, expected, remedy in (
        ("Modality", "MR", _MAGNITUDE),
        ("PhotometricInterpretation", "MONOCHROME2", f"{_MAGNITUDE}, in which high values are bright"),
        ("SamplesPerPixel", "1", _MAGNITUDE),
    ):
        if top.get(key) != expected:
            raise DataError(f"the {key} is {_shown(top.get(key))}, not {expected}", source=where, remedy=remedy)


def _frames(elements: Elements, where: str) -> list[dict[str, str]]:
    """Values of each image: its own before those that the images of the file share."""
    top = elements.top
    declared = _whole(top, "NumberOfFrames", where, 1)
    if elements.sop_class not in _ENHANCED:
        if declared != 1:
            raise DataError(
                f"{declared} frames in one file",
                source=where,
                remedy="export it as one image a file, or as Enhanced MR, which says where and when each was taken",
            )
        return [top]
    if not 0 < declared <= MOST_MEMBERS:
        raise DataError(f"{declared} frames, not 1 to {MOST_MEMBERS}", source=where, remedy=AGAIN)
    if len(elements.frames) != declared:
        raise damaged(where, f"{declared} frames, of which {len(elements.frames)} are described")
    return [top | elements.shared | frame for frame in elements.frames]


def _size(top: Mapping[str, str], where: str) -> tuple[int, int]:
    rows, columns = (_whole(top, key, where) for key in ("Rows", "Columns"))
    if not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE):
        raise DataError(
            f"{rows} rows and {columns} columns, not 1 to {LARGEST_SIDE}", source=where, remedy="export it again"
        )
    return rows, columns


def _instance(name: str, values: Mapping[str, str], pixels: Pixels, index: int, where: str) -> Instance:
    kinds = [values.get("ComplexImageComponent", "").upper(), *_image_type(values)[2:4]]
    if kind := next((kind for kind in kinds if kind in _NO_MAGNITUDE), ""):
        raise DataError(
            f"an image of the kind {kind}",
            source=where,
            remedy=_MAGNITUDE,
        )
    spacing = _numbers(values, "PixelSpacing", 2, where)
    if not spacing.min() > 0:
        raise DataError(f"a PixelSpacing of {_text(spacing)} mm", source=where, remedy=_GEOMETRY)
    orientation = _numbers(values, "ImageOrientationPatient", 6, where)
    across, down = orientation[:3], orientation[3:]
    if abs(across @ across - 1) > 0.01 or abs(down @ down - 1) > 0.01 or abs(across @ down) > 0.01:
        raise DataError(
            f"an ImageOrientationPatient of {_text(orientation)}, which is no pair of perpendicular directions",
            source=where,
            remedy=_GEOMETRY,
        )
    between = _number(values, "SpacingBetweenSlices", where, np.nan)
    order = next((key for key in ("TemporalPositionIndex", "TemporalPositionIdentifier") if values.get(key)), None)
    return Instance(
        name=name,
        patient=values.get("PatientID", ""),
        study=values.get("StudyInstanceUID", ""),
        series=_whole(values, "SeriesNumber", where, 0),
        series_uid=values.get("SeriesInstanceUID", ""),
        number=_whole(values, "InstanceNumber", where, 0),
        position=_numbers(values, "ImagePositionPatient", 3, where),
        orientation=orientation,
        spacing=(float(spacing[0]), float(spacing[1])),
        thickness=between if between > 0 else _number(values, "SliceThickness", where, np.nan),
        trigger=_trigger(values, where),
        order=_whole(values, order, where) if order else None,
        beat=_beat(values, where),
        images=_whole(values, "CardiacNumberOfImages", where, 0),
        pixels=pixels,
        index=index,
        slope=_slope(values, where),
        intercept=_number(values, "RescaleIntercept", where, 0.0),
    )


def _trigger(values: Mapping[str, str], where: str) -> float | None:
    """Time after the R wave, ms."""
    for key in ("NominalCardiacTriggerDelayTime", "ActualCardiacTriggerDelayTime", "TriggerTime"):
        if values.get(key):
            return _number(values, key, where)
    share = _number(values, "NominalPercentageOfCardiacPhase", where, np.nan)
    beat = _beat(values, where)
    return share / 100 * beat if share * beat >= 0 else None


def _beat(values: Mapping[str, str], where: str) -> float:
    """Time from R wave to R wave, ms; NaN if not stated."""
    for key in ("RRIntervalTimeNominal", "NominalInterval"):
        if (beat := _number(values, key, where, np.nan)) > 0:
            return beat
    return np.nan


def _slope(values: Mapping[str, str], where: str) -> float:
    if values.get("ModalityLUTSequence"):
        raise DataError(
            "a ModalityLUTSequence, which is not applied here",
            source=where,
            remedy="export the series with RescaleSlope and RescaleIntercept, or none",
        )
    slope = _number(values, "RescaleSlope", where, 1.0)
    if slope == 0:
        raise DataError("a RescaleSlope of 0, which leaves no image", source=where, remedy="export the series again")
    return slope


def _image_type(values: Mapping[str, str]) -> list[str]:
    return (values.get("FrameType") or values.get("ImageType", "")).upper().split("\\")


def _numbers(values: Mapping[str, str], key: str, count: int, where: str) -> np.ndarray:
    text = values.get(key)
    if not text:
        raise DataError(f"the {key} is missing", source=where, remedy=f"export the series with its {key}")
    try:
        numbers = np.array([float(part) for part in text.split("\\")])
    except ValueError:
        numbers = np.array([])
    if len(numbers) != count or not np.isfinite(numbers).all():
        wanted = "one number" if count == 1 else f"{count} numbers"
        raise DataError(f"the {key} is {_shown(text)}, not {wanted}", source=where, remedy=_REPAIR)
    return numbers


def _number(values: Mapping[str, str], key: str, where: str, default: float | None = None) -> float:
    """A value; the default where the element is absent or empty."""
    if default is not None and not values.get(key):
        return default
    return float(_numbers(values, key, 1, where)[0])


def _whole(values: Mapping[str, str], key: str, where: str, default: int | None = None) -> int:
    number = _number(values, key, where, default)
    if number != int(number):
        raise DataError(f"the {key} is {_shown(values[key])}, not a whole number", source=where, remedy=_REPAIR)
    return int(number)


def _shown(value: str | None) -> str:
    return repr(value) if value is None or len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."


def _text(numbers: np.ndarray) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
