"""SCP-ECG (EN 1064, ISO 11073-91064), of European recorders: told by its structure, held to its checksums.

Samples may be differences, Huffman codes, and what is left of the beats when a reference beat is taken off.
"""

from __future__ import annotations

import binascii
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eccl.data.formats.guard import read_content
from eccl.data.formats.huffman import decode, read_tables
from eccl.data.formats.leads import check_rate, lead_name
from eccl.data.formats.twelve import fitting
from eccl.records import Channels, DataError

_LEADS = {1: "I", 2: "II", **{code: f"V{code - 2}" for code in range(3, 9)}, 61: "III", 62: "aVR", 63: "aVL", 64: "aVF"}
_HEADER = 16  # bytes before the content of a section
_SIGNAL = (2, 3, 4, 5, 6)  # the sections that the samples are made of
_MOST_CODES = 150_000  # of a lead: five minutes at 500 Hz; each takes half a microsecond
_AGAIN = "copy or export it again, whole"


@dataclass(frozen=True)
class _Lead:
    """What section 3 says of a lead: its name, and its first and last sample, counted from 1."""

    name: str
    first: int
    last: int


def is_scp(head: bytes) -> bool:
    """Whether a file starts as SCP-ECG does: a section 0 that points to itself."""
    if len(head) < 32:
        return False
    number, length, itself, place = struct.unpack_from("<HI8xH4xI", head, 8)
    return number == 0 and length >= 26 and length % 10 == 6 and itself == 0 and place == 7


def read_scp(path: Path, seconds: float) -> Channels:
    """The leads of the rhythm, no more than their first `seconds`, in nV; what is not of the signal is passed over.

    Raises
    ------
    DataError
        If it is damaged or truncated, the leads are not simultaneous, or samples are decimated (bimodal compression).
    """
    content = read_content(path)
    try:
        return _channels(_sections(content, path), seconds, path)
    except (struct.error, IndexError) as error:
        raise DataError(f"damaged, or no SCP-ECG ({error})", source=path, remedy=_AGAIN) from error


def _sections(content: bytes, path: Path) -> dict[int, bytes]:
    """The content of the sections that the signal is made of, each vouched for by its checksum or the record's."""
    if not is_scp(content):
        raise DataError("damaged, or no SCP-ECG", source=path, remedy=_AGAIN)
    size, length = struct.unpack_from("<I", content, 2)[0], struct.unpack_from("<I", content, 10)[0]
    if not 6 + length <= size <= len(content):
        raise DataError(f"{size} bytes stated, but {len(content)} there", source=path, remedy=_AGAIN)
    record, found = content[:size], {}
    for place in range(6 + _HEADER, 6 + length - 9, 10):
        number, stated, index = struct.unpack_from("<HII", record, place)
        if not stated or number not in _SIGNAL:
            continue
        section = record[index - 1 : index - 1 + stated] if index else b""
        here, own = struct.unpack_from("<HI", section, 2)
        if number in found or here != number or len(section) != stated or not _HEADER <= own <= stated:
            raise DataError(
                f"section {number} of {stated} bytes at byte {index} is not there", source=path, remedy=_AGAIN
            )
        if not _sound(section[:own], record):
            raise DataError(f"the checksum of section {number} does not fit", source=path, remedy=_AGAIN)
        found[number] = section[_HEADER:own]
    absent = [str(number) for number in (3, 6) if number not in found]
    if absent:
        raise DataError(
            f"section {', '.join(absent)} is missing", source=path, remedy="export a resting ECG with its rhythm"
        )
    return found


def _sound(section: bytes, record: bytes) -> bool:
    """Whether one of two checksums vouches for a section: its own or that of the record; one of 0 is not calculated."""
    stated = [struct.unpack_from("<H", part)[0] for part in (section, record)]
    fit = [binascii.crc_hqx(part[2:], 0xFFFF) == sum_ for part, sum_ in zip((section, record), stated)]
    return any(fit) or not any(stated)


def _channels(sections: dict[int, bytes], seconds: float, path: Path) -> Channels:
    subtracted, leads = sections[3][1] & 1, list(_leads(sections[3]))
    known = [place for place, lead in enumerate(leads) if lead_name(lead.name)]
    spans = {(leads[place].first, leads[place].last) for place in known}
    if len(spans) > 1:
        some = ", ".join(f"{first} to {last}" for first, last in sorted(spans)[:6])
        raise DataError(
            f"leads that are not simultaneous (samples {some})", source=path, remedy="export simultaneous leads"
        )
    names = tuple(leads[place].name for place in known)
    others = tuple(lead.name for lead in leads if not lead_name(lead.name))
    if not known:  # `assemble` says so, with the names that are there
        return Channels((), np.empty((0, 0)), (), None, str(path), others)
    first, last = spans.pop()
    multiplier, interval, _, bimodal = struct.unpack_from("<HHBB", sections[6])
    beat_interval = struct.unpack_from("<H", sections[5], 2)[0] if 5 in sections else None
    if (bimodal or subtracted) and beat_interval != interval:
        other = "is missing" if beat_interval is None else "has another rate (bimodal compression), which is not read"
        raise DataError(
            f"the reference beat that the rhythm is packed with {other}",
            source=path,
            remedy="export it without compression",
        )
    if not interval or not multiplier or not 0 <= first <= last:
        raise DataError(
            f"{multiplier} nV a count, {interval} us between samples, samples {first} to {last}",
            source=path,
            remedy="export the ECG again, with its scale and rate",
        )
    rate = check_rate(_rate(interval), path)
    wanted = min(last - first + 1, math.ceil(seconds * rate))
    rhythm = _samples(sections, 6, len(leads), known, wanted, path) * multiplier
    if subtracted:
        _add_beats(rhythm, sections, len(leads), known, first, interval, path)
    return fitting(Channels(names, rhythm.astype(float), ("nV",) * len(names), rate, str(path), others))


def _leads(body: bytes) -> Iterator[_Lead]:
    for number in range(body[0]):
        first, last, code = struct.unpack_from("<IIB", body, 2 + 9 * number)
        yield _Lead(_LEADS.get(code, f"lead of code {code}"), first, last)


def _rate(interval: int) -> float:
    """Hz, of whole us between samples: the whole number whose interval it is, if there is one."""
    whole = round(1e6 / interval)
    return float(whole if abs(1e6 / whole - interval) < 1 else 1e6 / interval) if whole else 1e6 / interval


def _samples(
    sections: dict[int, bytes], number: int, leads: int, known: list[int], wanted: int, path: Path
) -> np.ndarray:
    """The first samples of the known leads of section 5 or 6, in counts, (L, T)."""
    body = sections[number]
    differences = body[4]
    if differences > 2:
        raise DataError(f"differences of order {differences}", source=path, remedy=_AGAIN)
    sizes = struct.unpack_from(f"<{leads}H", body, 6)
    starts = 6 + 2 * leads + np.concatenate([[0], np.cumsum(sizes)])
    if starts[-1] > len(body):
        raise DataError(f"{starts[-1]} bytes in a section {number} of {len(body)}", source=path, remedy=_AGAIN)
    tables = read_tables(sections[2], path) if 2 in sections else None
    if tables and wanted > _MOST_CODES:
        raise DataError(
            f"{wanted} Huffman codes of a lead, more than the {_MOST_CODES} that are read",
            source=path,
            remedy="export the resting ECG alone",
        )
    rows = []
    for place in known:
        packed = body[starts[place] : starts[place + 1]]
        if tables is None:
            values = np.frombuffer(packed[: 2 * wanted], "<i2", count=min(wanted, len(packed) // 2)).astype(np.int64)
        else:
            values = decode(packed, wanted, tables, path)
        if len(values) < wanted:
            raise DataError(
                f"{len(values)} samples in section {number}, fewer than {wanted}", source=path, remedy=_AGAIN
            )
        rows.append(_sum_up(values, differences).astype(np.int16).astype(np.int64))  # 16 bits, whatever the sums
    return np.stack(rows)


def _sum_up(values: np.ndarray, order: int) -> np.ndarray:
    """Samples of their first or second differences; the first one or two stand as they are."""
    if order == 0 or len(values) < order:
        return values
    if order == 2:
        values = np.concatenate([values[:1], np.cumsum(np.concatenate([values[1:2] - values[:1], values[2:]]))])
    return np.cumsum(values)


def _add_beats(
    rhythm: np.ndarray,
    sections: dict[int, bytes],
    leads: int,
    known: list[int],
    first: int,
    interval: int,
    path: Path,
) -> None:
    """Put the reference beat back wherever it was taken off, in nV."""
    if 4 not in sections or not (multiplier := struct.unpack_from("<H", sections[5])[0]):
        raise DataError("a reference beat without place or scale", source=path, remedy="export it without compression")
    milliseconds, middle, beats = struct.unpack_from("<HHH", sections[4])
    beat = _samples(sections, 5, leads, known, round(milliseconds * 1000 / interval), path) * multiplier
    for number in range(beats):
        kind, start, peak, end = struct.unpack_from("<HIII", sections[4], 6 + 14 * number)
        if kind:  # another kind of beat: nothing was taken off
            continue
        shift = peak - middle + 1  # sample of the rhythm at which the beat's first one lies, both counted from 1
        low = max(start, first, shift)
        high = min(end + 1, first + rhythm.shape[1], shift + beat.shape[1])
        if low < high:
            rhythm[:, low - first : high - first] += beat[:, low - shift : high - shift]
