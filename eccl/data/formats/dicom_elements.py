"""The elements of a DICOM file that place its images in a cine, as they stand in the file, up to its pixels.

A file says itself how deep it nests and how often it repeats. Of what it says nothing is kept here but the values asked
for, and every element that is passed counts against an allowance, so that memory and time have bounds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from eccl.data.formats.zips import MOST_MEMBERS, is_dicom, starts_bare

MOST_ELEMENTS = 2**23  # of all files of a cine; one of 20,000 images has 5 million
DEEPEST = 12  # sequences within sequences
LONGEST = 4096  # bytes of a value that is kept
PIXELS = 0x7FE00010
_PREAMBLE = 132
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_GROUPS = {  # sequences of the functional groups, of one item each, whose values are kept
    0x00189118: "CardiacSynchronizationSequence",
    0x00189226: "MRImageFrameTypeSequence",
    0x00209111: "FrameContentSequence",
    0x00209113: "PlanePositionSequence",
    0x00209116: "PlaneOrientationSequence",
    0x00209170: "UnassignedSharedConvertedAttributesSequence",
    0x00209171: "UnassignedPerFrameConvertedAttributesSequence",
    0x00289110: "PixelMeasuresSequence",
    0x00289145: "PixelValueTransformationSequence",
}
_TAGS = {  # name and, of a value that is no text, how its numbers are written
    0x00020002: ("MediaStorageSOPClassUID", ""),
    0x00020010: ("TransferSyntaxUID", ""),
    0x00080008: ("ImageType", ""),
    0x00080016: ("SOPClassUID", ""),
    0x00080060: ("Modality", ""),
    0x0008103E: ("SeriesDescription", ""),
    0x00089007: ("FrameType", ""),
    0x00089208: ("ComplexImageComponent", ""),
    0x00100020: ("PatientID", ""),
    0x00180050: ("SliceThickness", ""),
    0x00180088: ("SpacingBetweenSlices", ""),
    0x00181060: ("TriggerTime", ""),
    0x00181062: ("NominalInterval", ""),
    0x00181090: ("CardiacNumberOfImages", ""),
    0x0020000D: ("StudyInstanceUID", ""),
    0x0020000E: ("SeriesInstanceUID", ""),
    0x00200011: ("SeriesNumber", ""),
    0x00200013: ("InstanceNumber", ""),
    0x00200032: ("ImagePositionPatient", ""),
    0x00200037: ("ImageOrientationPatient", ""),
    0x00200100: ("TemporalPositionIdentifier", ""),
    0x00209128: ("TemporalPositionIndex", "I"),
    0x00209153: ("NominalCardiacTriggerDelayTime", "d"),
    0x00209241: ("NominalPercentageOfCardiacPhase", "f"),
    0x00209251: ("RRIntervalTimeNominal", "d"),
    0x00209252: ("ActualCardiacTriggerDelayTime", "d"),
    0x00280002: ("SamplesPerPixel", "H"),
    0x00280004: ("PhotometricInterpretation", ""),
    0x00280008: ("NumberOfFrames", ""),
    0x00280010: ("Rows", "H"),
    0x00280011: ("Columns", "H"),
    0x00280030: ("PixelSpacing", ""),
    0x00280100: ("BitsAllocated", "H"),
    0x00280101: ("BitsStored", "H"),
    0x00280102: ("HighBit", "H"),
    0x00280103: ("PixelRepresentation", "H"),
    0x00281052: ("RescaleIntercept", ""),
    0x00281053: ("RescaleSlope", ""),
} | {0x60000102 + (plane << 17): ("OverlayBitPosition", "H") for plane in range(16)}
_MODALITY_LUT = 0x00283000
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # whose length takes four bytes more
_IMPLICIT = "1.2.840.10008.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"

_explicit = struct.Struct("<HH2sH").unpack_from
_implicit = struct.Struct("<HHI").unpack_from
_length = struct.Struct("<I").unpack_from


@dataclass
class Allowance:
    """How many elements may still be passed."""

    elements: int = MOST_ELEMENTS


@dataclass
class Elements:
    """Values by name, as text; several numbers of one value have a backslash between them, and what is empty is absent.

    Attributes
    ----------
    meta, top, shared : dict
        Of the file, of the data set and of its functional groups that all frames share.
    frames : list of dict
        Of the functional groups of each frame.
    offset : int
        Of the first byte of the pixels; 0 where the bytes end before.
    length : int, optional
        Of the pixels in bytes; None where they are packed.
    """

    meta: dict[str, str] = field(default_factory=dict)
    top: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    frames: list[dict[str, str]] = field(default_factory=list)
    offset: int = 0
    length: int | None = None

    @property
    def syntax(self) -> str:
        """The UID of the transfer syntax."""
        return self.meta.get("TransferSyntaxUID", "")

    @property
    def sop_class(self) -> str:
        """The UID of what kind of object it is."""
        return self.top.get("SOPClassUID") or self.meta.get("MediaStorageSOPClassUID", "")


class Scan:
    """Goes through the bytes of one file and fills `elements`.

    Raises
    ------
    EOFError
        From `meta` and `data` if the bytes end too early.
    ValueError
        If they are no elements, or more than the allowance.
    """

    def __init__(self, content: bytes, allowance: Allowance):
        self.content, self.allowance, self.elements = content, allowance, Elements()
        self._place = 0 if starts_bare(content) and content[128:_PREAMBLE] != b"DICM" else _PREAMBLE

    def meta(self) -> Elements:
        """The elements, of which those of the file are filled."""
        if not is_dicom(self.content):
            raise ValueError("no DICM at byte 128")
        first = self._place
        with _ends_early():
            self._place = self._data_set(first, None, False, self.elements.meta, 0, 0x00030000)
        if not self.elements.syntax and (first == 0 or self._place == first):  # nothing says how it is written
            explicit = self.content[self._place + 4 : self._place + 6] in _SHORT
            self.elements.meta["TransferSyntaxUID"] = _EXPLICIT if explicit else _IMPLICIT
        return self.elements

    def data(self) -> Elements:
        """The elements, all filled, after `meta`."""
        with _ends_early():
            self._data_set(self._place, None, self.elements.syntax == _IMPLICIT, self.elements.top, 0, PIXELS)
        return self.elements

    def _data_set(
        self, place: int, end: int | None, implicit: bool, into: dict[str, str] | None, depth: int, stop: int = 0
    ) -> int:
        """The byte behind a data set that ends at `end`, at its delimiter, or before the tag `stop`."""
        content, allowance = self.content, self.allowance
        while end is None or place < end:
            allowance.elements -= 1
            if allowance.elements < 0:
                raise ValueError(f"more than {MOST_ELEMENTS} elements, as no cine has")
            group, number, kind, length = _explicit(content, place)
            tag = group << 16 | number
            if stop and tag >= stop:
                return self._pixels(place, tag, implicit) if stop == PIXELS else place
            if tag == _END_OF_ITEM and end is None and not stop:
                return place + 8
            if implicit or tag >> 16 == 0xFFFE or kind not in _SHORT:
                if not implicit and kind in _LONG:
                    length, value = _length(content, place + 8)[0], place + 12
                else:
                    if not implicit and kind.isalpha() and kind.isupper():
                        raise ValueError(f"an unknown kind of value, {kind.decode()}")
                    length, value = _length(content, place + 4)[0], place + 8
            else:
                value = place + 8
            if length == _UNDEFINED or (
                into is not None and length and (tag in _GROUPS or tag in (_SHARED, _PER_FRAME))
            ):
                # Elements of undefined length and unknown kind are written implicitly.
                nested = implicit or kind == b"UN"
                after = None if length == _UNDEFINED else value + length
                place = self._sequence(value, after, nested, tag, into, depth + 1)
                continue
            if into is not None and length and tag in _TAGS:
                self._keep(tag, value, length, into)
            elif into is not None and length and tag == _MODALITY_LUT:
                into["ModalityLUTSequence"] = "there"
            place = value + length
        if end is not None and place != end:
            raise ValueError("an element that reaches beyond what holds it")
        return place

    def _sequence(
        self, place: int, end: int | None, implicit: bool, tag: int, into: dict[str, str] | None, depth: int
    ) -> int:
        """The byte behind the items of a sequence, from which what is asked for is kept."""
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} sequences within each other")
        count = 0
        top = into is self.elements.top
        while end is None or place < end:
            group, number, length = _implicit(self.content, place)
            marker, place = group << 16 | number, place + 8
            if marker == _END_OF_SEQUENCE and end is None:
                return place
            if marker != _ITEM:
                raise ValueError(f"{marker:08x} where an item of a sequence should begin")
            self.allowance.elements -= 1
            count += 1
            inside = None
            if into is not None and tag == _MODALITY_LUT:
                into["ModalityLUTSequence"] = "there"
            elif top and tag == _PER_FRAME:
                if count > MOST_MEMBERS:
                    raise ValueError(f"more than {MOST_MEMBERS} frames")
                inside = {}
                self.elements.frames.append(inside)
            elif top and tag == _SHARED:
                inside = self.elements.shared
            elif into is not None and not top and tag in _GROUPS:
                inside = into
            if inside is not None and count > 1 and tag != _PER_FRAME:
                raise ValueError(f"{_GROUPS.get(tag, 'SharedFunctionalGroupsSequence')} has several items")
            if length == _UNDEFINED:
                place = self._data_set(place, None, implicit, inside, depth)
            elif inside is not None and length:
                place = self._data_set(place, place + length, implicit, inside, depth)
            else:
                place += length
        return place

    def _keep(self, tag: int, place: int, length: int, into: dict[str, str]) -> None:
        name, written = _TAGS[tag]
        if length > LONGEST:
            raise ValueError(f"the {name} has {length} bytes")
        value = self.content[place : place + length]
        if len(value) < length:
            raise EOFError("it ends before its pixels")
        if written:
            count, rest = divmod(length, struct.calcsize(f"<{written}"))
            if rest:
                raise ValueError(f"the {name} has {length} bytes")
            text = "\\".join(map(repr, struct.unpack(f"<{count}{written}", value)))
        else:
            text = value.decode("latin-1").strip(" \0")
        if text and (name != "OverlayBitPosition" or text != "0"):
            into[name] = text

    def _pixels(self, place: int, tag: int, implicit: bool) -> int:
        if tag != PIXELS:
            raise ValueError("there are no pixels in it")
        kind = self.content[place + 4 : place + 6]
        head = 12 if not implicit and kind in _LONG else 8
        length = _length(self.content, place + head - 4)[0]
        self.elements.offset = place + head
        self.elements.length = None if length == _UNDEFINED else length
        return place


@contextmanager
def _ends_early() -> Iterator[None]:
    try:
        yield
    except struct.error as error:
        raise EOFError("it ends before its pixels") from error
