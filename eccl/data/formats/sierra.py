"""Philips Sierra XML, of PageWriter recorders and TraceMaster (schema 1.03 and 1.04): 16-bit samples, mostly in XLI.

XLI packs each lead by itself: second differences, high bytes before low bytes, in LZW of 10 bits. Of III, aVR, aVL and
aVF it holds only what I and II do not foretell.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.guard import binary, positive
from eccl.data.formats.leads import check_rate
from eccl.data.formats.twelve import fitting
from eccl.records import LEADS, Channels, DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "restingecgdata"
_STANDARD = ("STD-12", "10-WIRE")  # sets of leads whose order is that of LEADS
_MOST_SAMPLES = 100_000  # of a lead: LZW may unpack a byte into hundreds
_HEADER = ((0, 4), (6, 8))  # where a lead's size and its first difference are, in bytes before its codes
_AGAIN = "copy or export it again, whole"


def read_sierra(root: Element, path: Path) -> Channels:
    """The leads of the parsed waveforms, in uV, as the schema has them; representative beats are left alone.

    Raises
    ------
    DataError
        If there are not one such waveforms, they are damaged or shorter than stated, or what they need is not stated.
    """
    found = root.findall("{*}waveforms/{*}parsedwaveforms")
    if len(found) != 1:
        raise DataError(
            f"{len(found)} parsedwaveforms elements, not 1", source=path, remedy="export the ECG with its waveforms"
        )
    waves, signal = found[0], root.find("{*}dataacquisition/{*}signalcharacteristics")
    rate = check_rate(_stated(waves, signal, ("samplespersecond", "samplingrate"), "Hz", path), path)
    resolution = _stated(waves, signal, ("resolution", "signalresolution"), "uV", path)
    for names, wanted in ((("signaloffset",), "0"), (("bitspersample", "nbitspersample"), "16")):
        for text in _texts(waves, signal, names):
            if text != wanted:
                raise DataError(
                    f"{names[0]} is {text[:40]!r}, not {wanted}", source=path, remedy="export signed samples of 16 bits"
                )
    for text in _texts(waves, signal, ("signalsigned",)):
        if text.lower() not in ("true", "t", "1"):
            raise DataError(f"signalsigned is {text[:40]!r}", source=path, remedy="export signed samples of 16 bits")
    names = _names(waves, signal, path)
    milliseconds = positive(waves.get("durationperchannel"), "durationperchannel", "ms", path)
    samples = round(min(milliseconds * rate / 1000, _MOST_SAMPLES + 1))
    if not 0 < samples <= _MOST_SAMPLES:
        raise DataError(
            f"{milliseconds:g} ms at {rate:g} Hz, more than the {_MOST_SAMPLES} samples that are read of a lead",
            source=path,
            remedy="export the resting ECG alone",
        )
    counts = _counts(waves, names, samples, path)
    return fitting(Channels(names, counts * resolution, ("uV",) * len(names), rate, str(path)))


def _texts(waves: Element, signal: Element | None, names: tuple[str, ...]) -> list[str]:
    """What attributes of the waveforms and elements of the signal's description state under these names."""
    described = [] if signal is None else [signal.findtext("{*}" + name) for name in names]
    return [text.strip() for text in (*(waves.get(name) for name in names), *described) if text and text.strip()]


def _stated(waves: Element, signal: Element | None, names: tuple[str, ...], unit: str, path: Path) -> float:
    values = {positive(text, names[-1], unit, path) for text in _texts(waves, signal, names)}
    if len(values) != 1:
        stated = " and ".join(f"{value:g} {unit}" for value in sorted(values)) or "not stated"
        raise DataError(f"{names[-1]} is {stated}", source=path, remedy=f"export the ECG again, with one {names[-1]}")
    return values.pop()


def _names(waves: Element, signal: Element | None, path: Path) -> tuple[str, ...]:
    """The channels in the order of the samples."""
    labels = (waves.get("leadlabels") or "").split()
    counts = _texts(waves, None, ("numberofleads",)) or _texts(waves, signal, ("numberchannelsallocated",))
    kinds = _texts(waves, signal, ("acquisitiontype", "leadset"))
    if not labels and kinds and kinds[0] in _STANDARD and counts == [str(len(LEADS))]:
        labels = list(LEADS)
    if not labels or (counts and (not counts[0].isdecimal() or not 0 < int(counts[0]) <= len(labels))):
        raise DataError(
            f"{len(labels)} labels of leads for {(counts or ['an unknown number of'])[0][:40]} channels",
            source=path,
            remedy="export a standard ECG of 12 leads, with leadlabels",
        )
    return tuple(labels[: int(counts[0])] if counts else labels)


def _counts(waves: Element, names: tuple[str, ...], samples: int, path: Path) -> np.ndarray:
    """ADC counts, shape (L, T)."""
    encoding = waves.get("dataencoding") or ""
    method = waves.get("compression") or waves.get("compressmethod") or ""
    if method.lower() in ("uncompressed", "none") or (waves.get("compressflag") or "").lower() in ("false", "f", "0"):
        method = ""
    if encoding.lower() != "base64" or method.upper() not in ("", "XLI"):
        raise DataError(
            f"waveforms in {encoding[:40]!r}, packed by {method[:40]!r}", source=path, remedy="export them in Base64"
        )
    content = binary(waves.text, "parsedwaveforms", path)
    if not method:
        if len(content) != 2 * samples * len(names):
            raise DataError(
                f"{len(content)} bytes for {samples} samples of {len(names)} leads", source=path, remedy=_AGAIN
            )
        return np.frombuffer(content, "<i2").reshape(len(names), samples).astype(float)
    if names[:6] != LEADS[:6]:
        raise DataError(
            f"XLI of leads in the order {', '.join(names[:6])[:80]}", source=path, remedy="export a standard ECG"
        )
    counts = np.stack([lead[:samples] for lead in _unpack(content, len(names), samples, path)])
    one, two = counts[0], counts[1]
    counts[2] = two - one - counts[2]
    counts[3] = -counts[3] - (one + two) // 2
    counts[4] = (one - counts[2]) // 2 - counts[4]
    counts[5] = (two + counts[2]) // 2 - counts[5]
    return counts.astype(float)


def _unpack(content: bytes, leads: int, samples: int, path: Path) -> list[np.ndarray]:
    """The first leads of XLI, as int64, each of at least this many samples."""
    from ecgdatakit.exceptions import CorruptedFileError
    from ecgdatakit.parsing.codecs.lzw import LzwDecoder
    from ecgdatakit.parsing.codecs.xli import xli_unpack

    found, place = [], 0
    while len(found) < leads:
        size, first = (int.from_bytes(content[place + at : place + to], "little", signed=True) for at, to in _HEADER)
        packed = content[place + 8 : place + 8 + max(size, 0)]
        if not packed or len(packed) != size:
            raise DataError(f"XLI of {len(found)} leads, not {leads}", source=path, remedy=_AGAIN)
        place += 8 + size
        decoder, plain = LzwDecoder(packed, bits=10), bytearray()
        try:
            while len(plain) <= 2 * _MOST_SAMPLES and (byte := decoder.read()) >= 0:
                plain.append(byte)
        except CorruptedFileError as error:
            raise DataError(f"damaged XLI ({error})", source=path, remedy=_AGAIN) from error
        if not 2 * samples <= len(plain) <= 2 * _MOST_SAMPLES:
            raise DataError(f"XLI of {len(plain) // 2} samples, but {samples} are stated", source=path, remedy=_AGAIN)
        found.append(_sum_up(xli_unpack(plain).astype(np.int64), first))
    return found


def _sum_up(deltas: np.ndarray, first: int) -> np.ndarray:
    """Samples of their second differences: two samples, then each difference 64 too high, the first one apart."""
    bends = -np.concatenate([[first], deltas[2:-1] - 64])
    slopes = deltas[1] - deltas[0] + np.concatenate([[0], np.cumsum(bends)])
    return deltas[0] + np.concatenate([[0], np.cumsum(slopes)])
