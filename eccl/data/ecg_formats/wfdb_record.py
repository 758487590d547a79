"""WFDB records, as PhysioNet distributes them: a header, and samples in .dat or in MATLAB's .mat (version 4).

WFDB stores samples by leads, (T, 12); records hold leads by samples. They are transposed as they are read or written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.ecg_formats.content import read_content
from eccl.data.leads import Channels, check_rate, lead_name
from eccl.records import DataError

if TYPE_CHECKING:
    import wfdb

_SUFFIXES = (".hea", ".dat", ".mat")
_RECORD_LINE = re.compile(
    r"(?P<name>[\w-]+)(?P<segments>/\d+)? (?P<signals>\d{1,6})"
    r"( (?P<rate>-?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})([eE][+-]?\d{1,3})?)([/(]\S*)?)?( (?P<samples>\d{1,15}))?( .*)?$"
)
_FORMAT = re.compile(r"\d{1,3}(x\d{1,2})?(:\d{1,4})?(\+\d{1,9})?")  # bounded, so that no header asks for memory


@dataclass(frozen=True)
class _Header:
    """What a header states itself, without the defaults of a reader."""

    rate: float | None  # Hz
    samples: int  # a signal; 0 if not stated
    units: tuple[str | None, ...]  # as written, one a signal
    calibrated: tuple[bool, ...]  # whether a gain other than 0 is written, one a signal


def read_wfdb(path: Path, seconds: float) -> Channels:
    """All channels of a record, no more than their first `seconds`, each in the unit of its header.

    Raises
    ------
    DataError
        If a file is missing, header and samples do not fit, or a lead has no gain.
    """
    stem, header = record_stem(path), header_of(path)
    stated = _read_header(header)
    record = _read_record(stem, header, stated, seconds)
    names = tuple(name or "" for name in record.sig_name)
    for name, unit, calibrated in zip(names, stated.units, stated.calibrated):
        if lead_name(name) and not calibrated:
            absent, also = ("gain", "") if unit else ("unit", ", nor a gain")
            raise DataError(
                f"no {absent} is stated for lead {lead_name(name)}{also}, so its samples are ADC counts",
                source=header,
                remedy="write the recorder's gain (ADC units per mV) and unit into the header",
            )
    return Channels(names, np.asarray(record.p_signal).T, stated.units, stated.rate, str(header))


def record_stem(path: Path | str) -> Path:
    """The path of a WFDB record without .hea, .dat or .mat."""
    path = Path(path)
    return path.with_suffix("") if path.suffix in _SUFFIXES else path


def header_of(path: Path | str) -> Path:
    """The path of the header of a record."""
    stem = record_stem(path)
    return stem.parent / f"{stem.name}.hea"


def _read_header(header: Path) -> _Header:
    # wfdb fills in 250 Hz and mV where a header is silent, so the text itself is asked.
    text = read_content(header).decode("latin-1")
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    record = _RECORD_LINE.match(" ".join(lines[0])) if lines else None
    if record is None:
        raise DataError("this is no WFDB header", source=header, remedy="export the record again, as WFDB")
    if record["segments"]:
        raise DataError("a record of several segments", source=header, remedy="join its segments, or name one of them")
    signals = lines[1 : 1 + int(record["signals"])]
    if len(signals) < int(record["signals"]) or not signals:
        raise DataError(
            f"{record['signals']} signals stated, but {len(signals)} described",
            source=header,
            remedy="copy the header again, whole",
        )
    odd = [" ".join(line[:2]) for line in signals if len(line) < 2 or not _FORMAT.fullmatch(line[1])]
    if odd:
        raise DataError(
            f"header and signal file do not fit (the format in {odd[0][:60]!r})",
            source=header,
            remedy="copy the record again",
        )
    gains = [line[2] if len(line) > 2 else "" for line in signals]
    return _Header(
        rate=None if record["rate"] is None else check_rate(float(record["rate"]), header),
        samples=int(record["samples"] or 0),
        units=tuple(gain.partition("/")[2] or None for gain in gains),
        calibrated=tuple(re.match(r"0*(\.0*)?([(/]|$)", gain) is None for gain in gains),
    )


def _read_record(stem: Path, header: Path, stated: _Header, seconds: float) -> wfdb.Record:
    import wfdb

    wanted = math.ceil(seconds * stated.rate) if stated.rate else stated.samples
    try:
        return wfdb.rdrecord(str(stem), sampto=wanted if stated.samples > wanted else None)
    except FileNotFoundError as error:
        raise DataError(
            f"the signal file {Path(error.filename or '').name} is missing",
            source=header,
            remedy="put it beside its header, or leave this record out",
        ) from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OSError, ArithmeticError) as error:
        raise DataError(
            f"header and signal file do not fit ({error})",
            source=header,
            remedy="copy the record again, since a file may be truncated, or leave it out",
        ) from error
