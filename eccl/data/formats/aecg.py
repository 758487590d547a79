"""HL7 v3 annotated ECG (aECG), the format of drug trials and of several recorders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eccl.data.formats.guard import positive, same_length, whole_numbers
from eccl.data.formats.leads import SECONDS, in_millivolts, lead_name
from eccl.records import Channels, DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "AnnotatedECG"

_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def read_aecg(root: Element, path: Path) -> Channels:
    """The leads of the rhythm, in the unit of their scale; the representative beat (derivedSeries) is left alone.

    Raises
    ------
    DataError
        If there is not one rhythm with one set of simultaneous sequences, or an increment, scale, origin or one of
        their units is missing or wrong.
    """
    series = [
        item
        for item in root.findall("{*}component/{*}series")
        if (code := item.find("{*}code")) is not None and code.get("code") == "RHYTHM"
    ]
    sets = [found for item in series for found in item.findall("{*}component/{*}sequenceSet")]
    if len(sets) != 1:
        raise DataError(
            f"{len(sets)} sets of sequences in {len(series)} rhythm series, not 1 in 1",
            source=path,
            remedy="export one ECG with all its leads at the same time",
        )
    rate, names, units, rows = None, [], [], {}
    for sequence in sets[0].findall("{*}component/{*}sequence"):
        code, value = sequence.find("{*}code"), sequence.find("{*}value")
        name = "" if code is None else code.get("code", "")
        kind = "" if value is None else value.get(_TYPE, "").rpartition(":")[2]
        if kind in ("GLIST_TS", "GLIST_PQ"):
            rate = _rate(value, path)
        elif lead_name(name):
            if kind != "SLIST_PQ":
                raise DataError(
                    f"lead {name} has values of type {kind!r}, not SLIST_PQ",
                    source=path,
                    remedy="export it with a scale and an origin for each lead",
                )
            digits = whole_numbers(value.findtext("{*}digits"), None, f"lead {name}", path)
            scale, unit = _quantity(value, "scale", name, path)
            origin, origin_unit = _quantity(value, "origin", name, path)
            ratio = in_millivolts(origin_unit, f"the origin of {name}", path) / in_millivolts(unit, name, path)
            if not 0 < scale < float("inf"):
                raise DataError(
                    f"lead {name} has a scale of {scale:g} {unit}", source=path, remedy="export it with its scale"
                )
            names.append(name)
            units.append(unit)
            rows[f"{len(names)} {name}"] = origin * ratio + scale * digits
    return Channels(tuple(names), same_length(rows, path), tuple(units), rate, str(path))


def _rate(value: Element, path: Path) -> float:
    increment = value.find("{*}increment")
    text, unit = (None, None) if increment is None else (increment.get("value"), increment.get("unit"))
    if unit not in SECONDS:
        raise DataError(
            f"the time between samples has the unit {unit!r}, not s, ms or us",
            source=path,
            remedy="export it with the increment of time in s",
        )
    seconds = positive(text, "the time between samples", unit, path) * SECONDS[unit]
    return float(f"{1 / seconds:.9g}")  # 1 / 0.002 is 500 whatever the last bit says


def _quantity(value: Element, what: str, name: str, path: Path) -> tuple[float, str]:
    element = value.find("{*}" + what)
    try:
        return float("" if element is None else element.get("value", "")), element.get("unit", "")
    except ValueError as error:
        stated = "is missing" if element is None else f"is {element.get('value', '')[:40]!r}"
        raise DataError(
            f"the {what} of lead {name} {stated}", source=path, remedy="export it with a scale and an origin, in uV"
        ) from error
