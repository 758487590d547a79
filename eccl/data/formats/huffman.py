"""The Huffman codes of SCP-ECG: the table of the standard, or tables that the file brings."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eccl.records import DataError

_STANDARD = 19_999  # in place of a number of tables
_AGAIN = "copy or export it again, whole"


@dataclass(frozen=True)
class _Code:
    """What a prefix means: a value, to which bits behind it are added, or that another table follows."""

    value: int
    more: int = 0  # bits
    table: bool = False


Table = dict[str, _Code]  # by the prefix, as text of 0 and 1


def _standard() -> Table:
    table = {"0": _Code(0), "1111111110": _Code(0, 8), "1111111111": _Code(0, 16)}
    for value in range(1, 9):
        table["1" * value + "00"], table["1" * value + "01"] = _Code(value), _Code(-value)
    return table


def read_tables(body: bytes, path: Path) -> list[Table]:
    """The tables of section 2.

    Raises
    ------
    DataError
        If there are none, or a prefix is longer than 32 bits.
    """
    (count,) = struct.unpack_from("<H", body)
    if count == _STANDARD:
        return [_standard()]
    tables, place = [], 2
    for _ in range(count):
        (codes,) = struct.unpack_from("<H", body, place)
        place, table = place + 2, {}
        for _ in range(codes):
            prefix, length, value_follows, value, code = struct.unpack_from("<BBBhI", body, place)
            place += 9
            prefix, length = sorted((prefix, length))  # some writers change their places
            if not 1 <= prefix <= 32 or length - prefix > 32:
                raise DataError(f"a Huffman prefix of {prefix} of {length} bits", source=path, remedy=_AGAIN)
            bits = f"{code & (2**prefix - 1):0{prefix}b}"[::-1]  # the first bit is the lowest one
            table[bits] = _Code(value, length - prefix, not value_follows)
        tables.append(table)
    if not all(tables) or not tables:
        raise DataError("no Huffman table", source=path, remedy=_AGAIN)
    return tables


def decode(packed: bytes, wanted: int, tables: list[Table], path: Path) -> np.ndarray:
    """The first values, shape (T,), int64; fewer than wanted if the bits end before.

    Raises
    ------
    DataError
        If bits are no code.
    """
    bits = f"{int.from_bytes(packed, 'big'):0{8 * len(packed)}b}" if packed else ""
    lengths = [sorted({len(prefix) for prefix in table}) for table in tables]
    current, place, values = 0, 0, []
    while len(values) < wanted and place < len(bits):
        for length in lengths[current]:
            if (code := tables[current].get(bits[place : place + length])) is not None:
                break
        else:
            if place + lengths[current][-1] > len(bits):
                break
            raise DataError(f"no Huffman code at bit {place} of a lead", source=path, remedy=_AGAIN)
        place += length
        if code.table:
            if not 1 <= code.value <= len(tables):
                raise DataError(f"no Huffman table {code.value}", source=path, remedy=_AGAIN)
            current = code.value - 1
            continue
        if place + code.more > len(bits):
            break
        value = code.value
        if code.more:
            value += int(bits[place : place + code.more], 2) - (bits[place] == "1") * 2**code.more
            place += code.more
        values.append(value)
    return np.array(values, dtype=np.int64)
