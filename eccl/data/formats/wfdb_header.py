"""Headers of WFDB, read only for what the samples need: the record's name, time and date are left alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eccl.data.formats.guard import read_content
from eccl.data.formats.leads import lead_name
from eccl.data.formats.text import decoded
from eccl.records import DataError

# Numbers are bounded in length, since Python's are not.
_NUMBER = r"(?:\d{1,12}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?"
_WHOLE = r"[+-]?\d{1,15}(?=\s|$)"
_RECORD = re.compile(
    r"(?P<name>\S+?)(?P<segments>/\d+)?\s+(?P<signals>\d{1,4})(\s+(?P<rate>\S+)(\s+(?P<samples>\d{1,15})(?=\s|$))?.*)?"
)
_RATE = re.compile(rf"(?P<rate>-?{_NUMBER})(/\S*)?(\(\S*)?")  # /: a counter's rate, (: the counter at the start
_SIGNAL = re.compile(
    rf"""
    (?P<file>\S+) \s+ (?P<format>\d{{1,3}})
    (x (?P<many>\d{{1,9}}))? (: (?P<skew>\d{{1,9}}))? (\+ (?P<offset>\d{{1,12}}))?
    (\s+ (?=[-.\d(/]) (?P<gain>-?{_NUMBER})? (\( (?P<baseline>[+-]?{_NUMBER}) \))? (/ (?P<unit>\S*))? (?=\s|$)
      (\s+ {_WHOLE}                     # resolution of the ADC, bits
        (\s+ (?P<zero>{_WHOLE})
          (\s+ (?P<first>{_WHOLE})
            (\s+ {_WHOLE}               # checksum
              (\s+ {_WHOLE})?           # block size
    )?)?)?)?)?
    (\s+ (?P<name>\S.*))?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Signal:
    """What a header states of one signal, without the defaults of WFDB for gain and unit.

    Attributes
    ----------
    name : str
        Its description; empty if there is none.
    file : str
        Name of the file with its samples, within the folder of the header.
    format : str
        WFDB's number of the format of the samples.
    many : int
        Samples in a frame.
    skew : int
        Frames by which its samples lag in the file.
    offset : int
        Bytes (FLAC: samples) in front of the samples.
    gain : float
        ADC units per physical unit; 0 where none is stated.
    baseline : float
        ADC units of 0 physical units.
    unit : str or None
        As written.
    first : int
        The first sample, from which format 8 counts.
    """

    name: str
    file: str
    format: str
    many: int
    skew: int
    offset: int
    gain: float
    baseline: float
    unit: str | None
    first: int


@dataclass(frozen=True)
class Header:
    """What a header states: frames a second (None if silent), frames (0 if silent) and its signals."""

    rate: float | None
    frames: int
    signals: tuple[Signal, ...]


def read_header(path: Path) -> Header:
    """The header of a record of one segment.

    Raises
    ------
    DataError
        If it is none, describes fewer signals than it states, or a line that matters cannot be read.
    """
    text = decoded(read_content(path))
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    lines = [line for line in lines if line and not line.startswith("#")]
    record = _RECORD.fullmatch(lines[0]) if lines else None
    if record is None:
        raise DataError("this is no WFDB header", source=path, remedy="export the record again, as WFDB")
    if record["segments"]:
        raise DataError("a record of several segments", source=path, remedy="join its segments, or name one of them")
    described = lines[1 : 1 + int(record["signals"])]
    if len(described) < int(record["signals"]) or not described:
        raise DataError(
            f"{record['signals']} signals stated, but {len(described)} described",
            source=path,
            remedy="copy the header again, whole",
        )
    rate = _RATE.fullmatch(record["rate"]) if record["rate"] else None
    if record["rate"] and rate is None:
        raise DataError(
            f"the sampling rate {record['rate'][:40]!r} cannot be read",
            source=path,
            remedy="write the recorder's rate, in Hz, behind the number of signals",
        )
    return Header(
        rate=float(rate["rate"]) if rate else None,
        frames=int(record["samples"] or 0),
        signals=tuple(_signal(line, path) for line in described),
    )


def _signal(line: str, path: Path) -> Signal:
    match = _SIGNAL.fullmatch(line)
    if match is None:
        raise DataError(
            f"the line {line[:60]!r} describes no signal", source=path, remedy="copy or export the header again"
        )
    signal = Signal(
        name=match["name"] or "",
        file=match["file"],
        format=match["format"].lstrip("0") or "0",
        many=int(match["many"] or 1),
        skew=int(match["skew"] or 0),
        offset=int(match["offset"] or 0),
        gain=float(match["gain"] or 0),
        baseline=float(match["baseline"] or match["zero"] or 0),
        unit=match["unit"] or None,
        first=int(match["first"] or 0),
    )
    place = PurePosixPath(signal.file)
    if lead_name(signal.name) and (place.is_absolute() or ".." in place.parts or set(signal.file) & set("\\:")):
        raise DataError(
            f"the signal file {signal.file[:80]!r} is not in the folder of its header",
            source=path,
            remedy="put it beside its header, and its bare name into the header",
        )
    return signal
