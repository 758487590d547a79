"""MATLAB .mat without a WFDB header (CPSC 2018's ECG.data, val): versions 4 and 5 by hand; 7.3 is HDF5.

Only matrices of numbers are looked at, and what is packed is unpacked no further than a recording can need.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eccl.data.formats.guard import LARGEST, read_content
from eccl.data.formats.twelve import bare, has_twelve, one_of
from eccl.records import Channels, DataError

MARK = b"MATLAB 5.0 MAT-file"
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_MATRIX, _PACKED = 14, 15  # types of an element
_STRUCT, _NUMBERS = 2, range(6, 16)  # classes of a matrix
_COMPLEX = 0x800
_TYPES_4 = ("f8", "f4", "i4", "i2", "u2", "u1")  # version 4: the tens of its type
_MOST = 1000  # fields of a structure, variables of a file


def read_matlab(path: Path) -> Channels:
    """The only matrix of twelve leads among the variables and the fields of structures, in no stated unit or rate.

    Raises
    ------
    DataError
        If it is damaged, or there is no such matrix, or more than one.
    """
    content = read_content(path)
    try:
        pairs = _version_5(content) if content.startswith(MARK) else _version_4(content)
        found = {f"{place} {name}": array for place, (name, array) in enumerate(pairs) if has_twelve(array.shape)}
        return bare(found[one_of(list(found), path)], path)
    except DataError:
        raise
    except (struct.error, zlib.error, ValueError, IndexError, OverflowError) as error:
        raise DataError(
            f"damaged, or no MATLAB file ({error})", source=path, remedy="copy or save it again, with save -v7"
        ) from error


def is_version_4(head: bytes) -> bool:
    """Whether a file starts as MATLAB 4 does, with the header of a full matrix of numbers."""
    try:
        _, rows, columns, imaginary, length = _header_4(head, 0)
    except (struct.error, ValueError):
        return False
    return rows > 0 and columns > 0 and imaginary in (0, 1) and 1 < length <= 64


def misplaced(head: bytes, kind: str | None, rows: int, offset: int) -> str | None:
    """What a MATLAB file is or holds other than a header beside it says, as words; None if they agree, or it is none.

    Parameters
    ----------
    head : bytes
        The first bytes of the file.
    kind : str or None
        The numbers that the header states, as numpy writes them; None for what no matrix holds.
    rows : int
        Samples in a frame: one column of the matrix.
    offset : int
        Bytes in front of the samples.
    """
    if head.startswith((b"MATLAB ", b"\x89HDF")):
        return "is MATLAB of version 5 or later, whose numbers lie elsewhere or are packed"
    if not is_version_4(head):
        return None
    numbers, there, columns, imaginary, length = _header_4(head, 0)
    if imaginary or kind is None or np.dtype(numbers) != kind or (there, 20 + length) != (rows, offset):
        return f"holds a matrix of {there} x {columns} numbers of type {np.dtype(numbers)} behind {20 + length} bytes"
    return None


def _header_4(content: bytes, place: int) -> tuple[str, int, int, int, int]:
    """Type of the numbers, rows, columns, whether complex, and the length of the name."""
    for order, machine in (("<", 0), (">", 1000)):
        kind, *rest = struct.unpack_from(f"{order}5i", content, place)
        if kind - machine in range(0, 10 * len(_TYPES_4), 10):
            return order + _TYPES_4[(kind - machine) // 10], *rest
    raise ValueError("another type of matrix")


def _version_4(content: bytes) -> Iterator[tuple[str, np.ndarray]]:
    place = 0
    for _ in range(_MOST):
        if place == len(content):
            return
        kind, rows, columns, imaginary, length = _header_4(content, place)
        place += 20 + length
        count, size = rows * columns, np.dtype(kind).itemsize
        if min(rows, columns, length) < 0 or place + count * size > len(content):
            raise ValueError(f"{rows} x {columns} numbers, more than are there")
        numbers = np.frombuffer(content, kind, count, place).reshape(columns, rows).T
        place += count * size * (2 if imaginary else 1)
        if not imaginary:
            yield "", numbers


def _version_5(content: bytes) -> Iterator[tuple[str, np.ndarray]]:
    order = "<" if content[126:128] == b"IM" else ">"
    room, place = round(LARGEST * 1e6), 128
    for _ in range(_MOST):
        if place + 8 > len(content):
            return
        kind, body, place = _element(content, place, order)
        if kind == _PACKED:
            unpacker = zlib.decompressobj()
            body = unpacker.decompress(body, room + 1)
            room -= len(body)
            if room < 0 or not unpacker.eof:
                raise ValueError(f"it unpacks to more than {LARGEST} MB" if room < 0 else "it ends before its checksum")
            kind, body, _ = _element(body, 0, order)
        if kind == _MATRIX:
            yield from _matrix(body, order, fields=True)


def _element(content: bytes, place: int, order: str) -> tuple[int, bytes, int]:
    """Type and content of an element, and where the next one starts."""
    kind, size = struct.unpack_from(f"{order}2I", content, place)
    if kind >> 16:  # a small one: size and content share its head
        size, kind = kind >> 16, kind & 0xFFFF
        if size > 4:
            raise ValueError(f"a small element of {size} bytes")
        return kind, content[place + 4 : place + 4 + size], place + 8
    body = content[place + 8 : place + 8 + size]
    if len(body) < size:
        raise ValueError(f"an element of {size} bytes, of which {len(body)} are there")
    return kind, body, place + 8 + size + (0 if kind == _PACKED else -size % 8)


def _matrix(body: bytes, order: str, fields: bool) -> Iterator[tuple[str, np.ndarray]]:
    """A matrix of real numbers, or those that are fields of one structure."""
    _, flags, place = _element(body, 0, order)
    _, extents, place = _element(body, place, order)
    _, name, place = _element(body, place, order)
    (flag,) = struct.unpack_from(f"{order}I", flags)
    shape = tuple(np.frombuffer(extents, f"{order}i4").tolist())
    if flag & 0xFF in _NUMBERS and not flag & _COMPLEX:
        kind, numbers, _ = _element(body, place, order)
        if kind in _TYPES and len(shape) == 2 and has_twelve(shape):
            yield name.decode("latin-1"), np.frombuffer(numbers, order + _TYPES[kind]).reshape(shape[::-1]).T
    elif flag & 0xFF == _STRUCT and fields and all(extent == 1 for extent in shape):
        _, width, place = _element(body, place, order)
        _, names, place = _element(body, place, order)
        (size,) = struct.unpack_from(f"{order}i", width)
        for _ in range(min(len(names) // size if size > 0 else 0, _MOST)):
            kind, field, place = _element(body, place, order)
            if kind == _MATRIX and field:
                yield from _matrix(field, order, fields=False)
