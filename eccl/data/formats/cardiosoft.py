"""CardioSoft XML (GE), the layout of UK Biobank's resting ECG at imaging, field 20205."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.guard import positive, same_length, whole_numbers
from eccl.data.formats.leads import lead_name
from eccl.files import replacing
from eccl.records import ECG, LEADS, Channels, DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "CardiologyXML"
RESOLUTION = 5  # uV per bit of the files written here, as the recorder has it


def read_cardiosoft(root: Element, path: Path) -> Channels:
    """The channels of the strip, in uV; the representative beat (MedianSamples) is left alone.

    Raises
    ------
    DataError
        If there is not one strip, a number or its unit is missing or wrong, or counts contradict the samples.
    """
    strips = root.findall("StripData")
    if len(strips) != 1:
        raise DataError(
            f"{len(strips)} StripData elements, not 1",
            source=path,
            remedy="export the resting ECG with its ten-second strip",
        )
    strip = strips[0]
    rate = _number(strip, "SampleRate", "Hz", path)
    resolution = _number(strip, "Resolution", "uVperLsb", path)
    leads = strip.findall("WaveformData")
    _check_count(strip, "NumberOfLeads", len(leads), path)
    names = tuple(lead.get("lead", "") for lead in leads)
    rows = {
        f"{place} {name}": whole_numbers(lead.text, ",", f"lead {name}", path)
        for place, (name, lead) in enumerate(zip(names, leads), start=1)
        if lead_name(name)
    }
    signal = same_length(rows, path) * resolution
    _check_count(strip, "ChannelSampleCountTotal", signal.shape[1], path)
    known = tuple(name for name in names if lead_name(name))
    others = tuple(name for name in names if not lead_name(name))
    return Channels(known, signal, ("uV",) * len(known), rate, str(path), others=others)


def write_cardiosoft(path: Path | str, ecg: ECG, heart_rate: float | None = None) -> Path:
    """The path of a CardioSoft XML file of an ECG, rounded to 5 uV; no date and no name is in it.

    Parameters
    ----------
    path : path
        Ends in .xml; its folder exists.
    ecg : ECG
        Rounded to 5 uV.
    heart_rate : float, optional
        Beats per minute, rounded to whole ones, for the recorder's own measurements.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    path = Path(path)
    digital = np.rint(ecg.signal.astype(float) * 1000 / RESOLUTION).astype(int)
    rate = "" if heart_rate is None else f'<VentricularRate units="BPM">{round(heart_rate)}</VentricularRate>'
    lines = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
        f"<{ROOT}>",
        "  <ObservationType>RestECG</ObservationType>",
        f"  <RestingECGMeasurements>{rate}</RestingECGMeasurements>",
        "  <StripData>",
        f"    <NumberOfLeads>{len(LEADS)}</NumberOfLeads>",
        f'    <SampleRate units="Hz">{ecg.sampling_rate:.10g}</SampleRate>',
        f"    <ChannelSampleCountTotal>{digital.shape[1]}</ChannelSampleCountTotal>",
        f'    <Resolution units="uVperLsb">{RESOLUTION}</Resolution>',
        *(
            f'    <WaveformData lead="{lead}">\n      {",".join(map(str, row.tolist()))}\n    </WaveformData>'
            for lead, row in zip(LEADS, digital)
        ),
        "  </StripData>",
        f"</{ROOT}>",
    ]
    with replacing(path) as beside:
        beside.write_bytes(("\n".join(lines) + "\n").encode("iso-8859-1"))
    return path


def _number(strip: Element, name: str, unit: str, path: Path) -> float:
    element = strip.find(name)
    remedy = f"export it again, with {name} in {unit}"
    if element is None:
        raise DataError(f"{name} is missing", source=path, remedy=remedy)
    stated = element.get("units")
    if stated != unit:
        found = f"has the unit {stated!r}, not {unit!r}" if stated else "has no unit"
        raise DataError(f"{name} {found}", source=path, remedy=remedy)
    return positive(element.text, name, unit, path)


def _check_count(strip: Element, name: str, there: int, path: Path) -> None:
    text = (strip.findtext(name) or str(there)).strip()
    if text != str(there):
        raise DataError(
            f"{name} is {text[:40]!r}, but there are {there}", source=path, remedy="copy or export it again, whole"
        )
