"""Pixels of DICOM images: found in a file by what its header declares, checked against its size, decoded one by one."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from eccl.data.formats.zips import Members, damaged
from eccl.records import DataError

LARGEST_PACKED = 2**27  # bytes of packed pixels in one file
LARGEST_PACKED_FRAME = 2**20  # pixels of a packed image: a few of its bytes may declare a row of thousands
_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")  # Implicit and Explicit VR Little Endian
_DEFLATED = "1.2.840.10008.1.2.1.99"
_RUN_LENGTH = "1.2.840.10008.1.2.5"
_PILLOW = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 90, 91))  # JPEG and JPEG 2000
_DAMAGE = (
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


class Pixels(NamedTuple):
    """Where the pixels of a file are, and how they are written."""

    member: str
    offset: int  # of the first byte
    length: int | None  # bytes; None where they are packed
    syntax: str  # UID of the transfer syntax
    frames: int
    size: tuple[int, int]  # rows, columns
    allocated: int  # bits
    stored: int  # bits, the lowest of those allocated
    signed: bool
    overlay: bool  # whether the bits above hold a drawing

    @property
    def frame_bytes(self) -> int:
        """Bytes of an image."""
        return self.size[0] * self.size[1] * self.allocated // 8


def check_syntax(syntax: str, where: str) -> None:
    """Raise unless pixels in this transfer syntax can be decoded.

    Raises
    ------
    DataError
        If it is unknown, or its decoder is not installed.
    """
    from pydicom.config import IGNORE
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    if syntax in _NATIVE:
        return
    uid = UID(syntax[:64], validation_mode=IGNORE)
    missing = ["it is not read here"]
    with suppress(NotImplementedError):  # unknown, with no decoder at all
        decoder = get_decoder(uid if uid.is_valid else "")
        if syntax != _DEFLATED and uid.is_little_endian and decoder.is_available:
            return
        missing = decoder.missing_dependencies or missing
    raise DataError(
        f"pixels in the transfer syntax {uid.name or 'that is not stated'} ({uid})",
        source=where,
        remedy=f"convert it to Explicit VR Little Endian, e.g. with dcmdjpeg or gdcmconv --raw ({'; '.join(missing)})",
    )


def check_pixels(pixels: Pixels, size: int, where: str) -> None:
    """Raise unless a file of `size` bytes can hold the pixels that its header declares.

    Raises
    ------
    DataError
        If it cannot, or they are written in a way that is not read.
    """
    bits = f"{pixels.stored} bits of {pixels.allocated}"
    if pixels.allocated not in (8, 16, 32) or not 0 < pixels.stored <= pixels.allocated:
        raise DataError(f"pixels of {bits}", source=where, remedy="export it with 8 or 16 bits a pixel")
    native = pixels.syntax in _NATIVE
    if native != (pixels.length is not None):
        raise damaged(where, f"pixels that are {'' if native else 'not '}packed, against its transfer syntax")
    if native:
        needed = pixels.frames * pixels.frame_bytes
        if min(pixels.length, size - pixels.offset) < needed:
            held = min(pixels.length, size - pixels.offset)
            raise damaged(where, f"{held} bytes of pixel data, where {needed} are declared")
        return
    rows, columns = pixels.size
    if rows * columns > LARGEST_PACKED_FRAME or size - pixels.offset > LARGEST_PACKED:
        raise DataError(
            f"{size - pixels.offset} bytes of compressed images of {rows} x {columns} pixels, above the "
            f"{LARGEST_PACKED} bytes and {LARGEST_PACKED_FRAME} pixels that are read",
            source=where,
            remedy="decompress it first, e.g. with gdcmconv --raw",
        )
    if 8 * pixels.frames > size - pixels.offset:
        raise damaged(where, f"{size - pixels.offset} bytes of pixel data for {pixels.frames} images")


def read_pixels(pixels: Pixels, frames: list[int], members: Members) -> Iterator[np.ndarray]:
    """The images (H, W) of a file, as stored; `frames` ascend.

    Raises
    ------
    DataError
        If the file is damaged or cannot be decoded, or bits above those stored hold what is no drawing.
    """
    where = members.where(pixels.member)
    if pixels.length is not None:
        kind = np.dtype(f"<{'i' if pixels.signed else 'u'}{pixels.allocated // 8}")
        offsets = [pixels.offset + index * pixels.frame_bytes for index in frames]
        for piece in members.pieces(pixels.member, offsets, pixels.frame_bytes):
            yield _stored(np.frombuffer(piece, kind).reshape(pixels.size), pixels, where)
        return
    length = members.sizes[pixels.member] - pixels.offset
    (packed,) = members.pieces(pixels.member, [pixels.offset], length)
    try:
        for image in _unpacked(packed, frames, pixels):
            yield _stored(image, pixels, where)
    except DataError:
        raise
    except _DAMAGE as error:
        raise damaged(where, error) from error


def _unpacked(packed: bytes, frames: list[int], pixels: Pixels) -> Iterator[np.ndarray]:
    from pydicom.encaps import encapsulate, generate_fragments, generate_frames, parse_basic_offsets, parse_fragments
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    stream = BytesIO(packed)
    offsets = parse_basic_offsets(stream)
    if parse_fragments(stream)[0] == pixels.frames:
        every = generate_fragments(stream)
    elif len(offsets) in (0, pixels.frames):
        every = generate_frames(packed, number_of_frames=pixels.frames)
    else:
        raise ValueError(f"{len(offsets)} offsets of {pixels.frames} images")
    options: dict[str, Any] = {
        "number_of_frames": 1,
        "rows": pixels.size[0],
        "columns": pixels.size[1],
        "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2",
        "bits_allocated": pixels.allocated,
        "bits_stored": pixels.stored,
        "pixel_representation": int(pixels.signed),
        "pixel_keyword": "PixelData",
    }
    decoder = get_decoder(UID(pixels.syntax))
    before = 0
    for index in frames:
        frame = next(islice(every, index - before, None), None)
        before = index + 1
        if frame is None:
            raise ValueError(f"image {index + 1} of {pixels.frames} is not there")
        _check_frame(frame, pixels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of padding, and of what a packed image says of itself
            image, _ = decoder.as_array(encapsulate([frame]), index=0, **options)
        if image.shape != pixels.size:
            raise ValueError(f"pixels of shape {image.shape}, not {pixels.size}")
        yield image


def _check_frame(frame: bytes, pixels: Pixels) -> None:
    """Refuse what would unpack to more than the header declares."""
    if pixels.syntax == _RUN_LENGTH:
        if len(frame) > 2 * pixels.frame_bytes + 4096:
            raise ValueError(f"{len(frame)} bytes of a packed image that has {pixels.frame_bytes}")
        return
    if pixels.syntax not in _PILLOW:
        return
    try:
        from PIL import Image
    except ImportError:  # another decoder is used
        return
    try:
        with Image.open(BytesIO(frame)) as image:
            size = image.size[::-1]
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error
    if size != pixels.size:
        raise ValueError(f"pixels of shape {size}, not {pixels.size}")


def _stored(image: np.ndarray, pixels: Pixels, where: str) -> np.ndarray:
    """An image without the bits that are not stored, where these repeat the sign, are 0 or hold a drawing."""
    unused = pixels.allocated - pixels.stored
    if not unused:
        return image
    if not pixels.signed and image.max() < 1 << pixels.stored:
        return image
    image = image.astype(np.int64)
    low = image & ((1 << pixels.stored) - 1)
    half = 1 << (pixels.stored - 1)
    value = np.where(low >= half, low - 2 * half, low) if pixels.signed else low
    if not pixels.overlay and not ((value == image) | (low == image)).all():
        raise DataError(
            f"pixels above the {pixels.stored} bits that the header declares (BitsStored)",
            source=where,
            remedy="export the series again: the header does not say what the other bits are",
        )
    return value
