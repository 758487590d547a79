"""GE MUSE XML, what most hospitals export: the rhythm strip, mostly of eight leads, as 16-bit samples in Base64.

`LeadDataCRC32` is not compared: which checksum it is has not been published, and files in use do not have zlib's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.guard import binary, positive, same_length
from eccl.data.formats.leads import check_rate, lead_name
from eccl.data.formats.twelve import fitting
from eccl.records import Channels, DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "RestingECG"
_EXPONENTS = range(-6, 7)  # of ten: the rate is SampleBase times it


def read_muse(root: Element, path: Path) -> Channels:
    """The leads of the waveform of type Rhythm, each in its own unit; the median beat is left alone.

    A lead's FirstSampleBaseline is added to its samples.

    Raises
    ------
    DataError
        If there is not one rhythm, its samples are not continuous, or a count, a scale or the rate is missing or wrong.
    """
    rhythms = [item for item in root.findall("{*}Waveform") if _text(item, "WaveformType").lower() == "rhythm"]
    if len(rhythms) != 1:
        raise DataError(
            f"{len(rhythms)} waveforms of type Rhythm, not 1",
            source=path,
            remedy="export one resting ECG with its ten-second rhythm",
        )
    rhythm = rhythms[0]
    kind = _text(rhythm, "SampleType") or "CONTINUOUS_SAMPLES"
    if kind != "CONTINUOUS_SAMPLES":
        raise DataError(f"samples of type {kind[:40]!r}", source=path, remedy="export the rhythm as CONTINUOUS_SAMPLES")
    leads = rhythm.findall("{*}LeadData")
    _check("NumberofLeads", rhythm, len(leads), "the waveform", path)
    named = [(_text(lead, "LeadID"), lead) for lead in leads]
    known = [(name, lead) for name, lead in named if lead_name(name)]
    rows = {f"{place} {name}": _samples(lead, name, path) for place, (name, lead) in enumerate(known, start=1)}
    delays = {_text(lead, "LeadTimeOffset") or "0" for _, lead in known}
    if len(delays) > 1:
        raise DataError(
            f"leads that are not simultaneous (LeadTimeOffset {', '.join(sorted(delays)[:6])[:80]})",
            source=path,
            remedy="export the ten seconds of all leads, not the parts that are printed",
        )
    return fitting(
        Channels(
            tuple(name for name, _ in known),
            same_length(rows, path),
            tuple(_text(lead, "LeadAmplitudeUnits") for _, lead in known),
            _rate(rhythm, path),
            str(path),
            others=tuple(name for name, _ in named if not lead_name(name)),
        )
    )


def _rate(rhythm: Element, path: Path) -> float:
    base = positive(_text(rhythm, "SampleBase"), "SampleBase", "", path)
    exponent = _whole(_text(rhythm, "SampleExponent") or "0", "SampleExponent", path)
    if exponent not in _EXPONENTS:
        raise DataError(
            f"SampleExponent is {exponent}", source=path, remedy="export the ECG again, with the recorder's rate"
        )
    return check_rate(float(f"{base * 10.0**exponent:.9g}"), path)


def _samples(lead: Element, name: str, path: Path) -> np.ndarray:
    """The samples (T,) in the unit of the lead."""
    size = _text(lead, "LeadSampleSize") or "2"
    skipped = _text(lead, "LeadOffsetFirstSample") or "0"
    if size != "2" or _whole(skipped, f"LeadOffsetFirstSample of lead {name}", path):
        raise DataError(
            f"lead {name} has {size[:40]} bytes a sample and starts at byte {skipped[:40]}, not 2 and 0",
            source=path,
            remedy="export the ECG again, with 16-bit samples from its start",
        )
    content = binary(lead.findtext("{*}WaveFormData"), f"lead {name}", path)
    _check("LeadByteCountTotal", lead, len(content), f"lead {name}", path)
    _check("LeadSampleCountTotal", lead, len(content) / 2, f"lead {name}", path)
    if len(content) % 2:
        raise DataError(
            f"lead {name} has {len(content)} bytes, no whole number of samples",
            source=path,
            remedy="copy or export it again, whole",
        )
    scale = positive(_text(lead, "LeadAmplitudeUnitsPerBit"), f"LeadAmplitudeUnitsPerBit of lead {name}", "", path)
    baseline = _whole(_text(lead, "FirstSampleBaseline") or "0", f"FirstSampleBaseline of lead {name}", path)
    return (np.frombuffer(content, "<i2").astype(float) + baseline) * scale


def _check(name: str, element: Element, there: float, of: str, path: Path) -> None:
    """Compare a count with what is there, if it is stated."""
    if (text := _text(element, name)) and _whole(text, f"{name} of {of}", path) != there:
        raise DataError(
            f"{name} of {of} is {text}, but there are {there:g}", source=path, remedy="copy or export it again, whole"
        )


def _whole(text: str, what: str, path: Path) -> int:
    if not re.fullmatch(r"[+-]?\d{1,17}", text):
        raise DataError(
            f"{what} is {text[:40]!r}, which is no whole number", source=path, remedy="copy or export it again"
        )
    return int(text)


def _text(element: Element, name: str) -> str:
    return (element.findtext("{*}" + name) or "").strip()
