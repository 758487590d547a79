"""EDF and EDF+ (continuous), BDF and BDF+: of all signals only the leads are read, and of them only what is wanted."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.guard import check_file
from eccl.data.formats.leads import check_rate, lead_name
from eccl.data.formats.text import decoded
from eccl.records import Channels, DataError

if TYPE_CHECKING:
    from edfio import BdfSignal, EdfSignal

_BDF = b"\xffBIOSEMI"
_UNKNOWN = -1  # data records, in the header of a recorder that was switched off before it could count them
_ANNOTATIONS = (b"EDF Annotations", b"BDF Annotations")


@dataclass(frozen=True)
class _Samples:
    """Where the samples of a signal lie in each data record of a file.

    Attributes
    ----------
    records : ndarray of uint8, shape (R, B)
        The data records, mapped from the file.
    start : int
        Bytes of a record in front of the signal's samples.
    many : int
        Samples of the signal in a record.
    width : int
        Bytes of a sample: 2 in EDF, 3 in BDF.
    """

    records: np.ndarray
    start: int
    many: int
    width: int

    def first(self, wanted: int) -> np.ndarray:
        """Counts of the first samples (T,), no more than are there."""
        count = min(self.many, wanted)
        part = self.records[: math.ceil(wanted / self.many), self.start : self.start + self.width * count]
        wide = np.zeros((part.size // self.width, 4), np.uint8)
        wide[:, 4 - self.width :] = part.reshape(-1, self.width)
        return (wide.view("<i4")[:, 0] >> 8 * (4 - self.width))[:wanted]  # the sign comes down with the highest byte


def read_edf_leads(path: Path, seconds: float) -> Channels:
    """The leads among the signals, no more than their first `seconds`, each in its physical dimension.

    Raises
    ------
    DataError
        If the file is damaged, truncated, neither EDF nor BDF, discontinuous, or its leads differ in rate.
    """
    check_file(path, largest=None)
    try:
        return _channels(path, seconds)
    except DataError:
        raise
    except (OSError, ValueError, IndexError, KeyError, TypeError, ArithmeticError, UnboundLocalError) as error:
        raise DataError(
            f"damaged, or neither EDF nor BDF ({error})", source=path, remedy="copy or export it again, whole"
        ) from error


def _channels(path: Path, seconds: float) -> Channels:
    signals = _signals(path)
    names = [_text(signal.label) for signal, _ in signals]
    leads = [(name, *signal) for name, signal in zip(names, signals) if lead_name(name)]
    others = tuple(name for name in names if not lead_name(name))
    rates = {signal.sampling_frequency for _, signal, _ in leads}
    if len(rates) > 1:
        some = ", ".join(f"{rate:g}" for rate in sorted(rates))
        raise DataError(f"leads at different rates ({some} Hz)", source=path, remedy="export all leads at one rate")
    if not leads:  # `assemble` says so, with the names that are there
        return Channels((), np.empty((0, 0)), (), None, str(path), others)
    rate = check_rate(float(f"{rates.pop():.9g}"), path)
    wanted = math.ceil(seconds * rate)
    return Channels(
        tuple(name for name, _, _ in leads),
        np.stack([_physical(signal, samples.first(wanted), path) for _, signal, samples in leads]),
        tuple(_text(signal.physical_dimension) or None for _, signal, _ in leads),
        rate,
        str(path),
        others,
    )


def _signals(path: Path) -> list[tuple[EdfSignal | BdfSignal, _Samples]]:
    """The signals as the header describes them, without annotations, and where the samples of each are."""
    from edfio import read_bdf, read_edf

    with path.open("rb") as opened:
        head = opened.read(256)
        number = int(head[252:256])
        head += opened.read(256 * max(0, number))
    seconds = float(head[244:252])
    if not 0 < seconds < math.inf:
        raise DataError(
            f"data records of {seconds:g} s", source=path, remedy="export it with the duration of a data record"
        )
    width, read = (3, read_bdf) if head.startswith(_BDF) else (2, read_edf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a header alone holds no samples
        file = read(io.BytesIO(head), header_encoding="latin-1")
    if file.reserved.startswith(("EDF+D", "BDF+D")):
        raise DataError(
            f"an {file.reserved[:5]} file, which has gaps in time",
            source=path,
            remedy=f"export a continuous stretch, as {file.reserved[:4]}C",
        )
    labels = [head[256 + 16 * place :][:16].rstrip() for place in range(number)]
    many = [int(head[256 + 216 * number + 8 * place :][:8]) for place in range(number)]
    start = file.bytes_in_header_record
    if start < len(head) or min(many) < 0:
        raise ValueError(f"a header of {start} bytes for {number} signals")
    held = (path.stat().st_size - start) // (width * sum(many))
    stated = int(head[236:244])
    records = held if stated == _UNKNOWN else stated
    if not 0 < records <= held:
        raise DataError(
            f"{stated} data records stated, but {held} whole ones are there",
            source=path,
            remedy="copy or export it again, whole",
        )
    data = np.memmap(path, np.uint8, "r", start, (records, width * sum(many)))
    starts = accumulate(many, initial=0)
    samples = [_Samples(data, width * first, count, width) for first, count in zip(starts, many)]
    kept = [place for place, label in enumerate(labels) if label not in _ANNOTATIONS]
    return list(zip(file.signals, [samples[place] for place in kept], strict=True))


def _physical(signal: EdfSignal | BdfSignal, digital: np.ndarray, path: Path) -> np.ndarray:
    """Samples (T,) in the signal's physical dimension; edfio itself gives ADC counts for a range it cannot read."""
    low, high = float(signal.digital_min), float(signal.digital_max)
    bottom, top = signal.physical_min, signal.physical_max
    gain = (top - bottom) / (high - low) if high > low else 0.0
    if gain == 0 or not math.isfinite(gain):
        raise DataError(
            f"signal {_text(signal.label)} spans {bottom:g} to {top:g} {_text(signal.physical_dimension)} "
            f"for counts of {low:g} to {high:g}",
            source=path,
            remedy="export it with its physical and digital range",
        )
    return bottom + gain * (digital.astype(float) - low)


def _text(field: str) -> str:
    """A field that was read as Latin-1, in the encoding it is written in: UTF-8 has two bytes for a micro sign."""
    return decoded(field.encode("latin-1")).strip(" \0")
