"""What a file calls its leads, units and rates, and what these mean: names of leads, mV, seconds and Hz."""

from __future__ import annotations

import re

from eccl.records import LEADS, DataError

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}  # of one unit of time
RATES = (50.0, 50_000.0)  # Hz that an ECG can have; a rate beyond them was read in the wrong unit
_PREFIX = re.compile(r"MDC_ECG_LEAD_|((ECG|EKG|LEAD)[ _]+)+")  # HL7 aECG; DICOM, EDF+
_SUFFIX = re.compile(r"( \(EINTHOVEN\)|, AUGMENTED VOLTAGE, (RIGHT|LEFT|FOOT))$")  # DICOM's context group 3001
_LEADS = {lead.upper(): lead for lead in LEADS} | {"DI": "I", "DII": "II", "DIII": "III"}  # D: derivation, CODE-15 %
_VOLTAGE = re.compile(r"(milli|micro|nano|[mun\u00b5\u03bc\u00e6]?)v(?:olts?)?")
_MILLIVOLTS = {"": 1e3, "m": 1.0, "milli": 1.0, "n": 1e-6, "nano": 1e-6}  # of one unit, by what stands before volt
# Micro sign; Greek mu; the micro sign of DOS, read as Latin-1.
_MILLIVOLTS |= dict.fromkeys(("u", "micro", "\u00b5", "\u03bc", "\u00e6"), 1e-3)


def lead_name(label: str | None) -> str | None:
    """Which of `LEADS` a channel's label means, in any case and with the usual words about it; None if it means none.

    Labels of other leads that look alike (-aVR, MLII, V3R) mean none.
    """
    plain = _SUFFIX.sub("", " ".join((label or "").split()).upper())
    prefix = _PREFIX.match(plain)
    return _LEADS.get(plain[prefix.end() :] if prefix else plain)


def check_rate(sampling_rate: float, source: object) -> float:
    """The sampling rate, Hz, if an ECG can have it.

    Raises
    ------
    DataError
        If it is beyond `RATES`, or no number.
    """
    if not RATES[0] <= sampling_rate <= RATES[1]:
        raise DataError(
            f"a sampling rate of {sampling_rate:g} Hz, outside of the {RATES[0]:g} to {RATES[1]:g} Hz an ECG can have",
            source=source,
            remedy="write the recorder's rate, in Hz, into the file",
        )
    return sampling_rate


def in_millivolts(unit: str | None, what: str, source: object) -> float:
    """How many mV one of a unit is.

    Raises
    ------
    DataError
        If there is no unit, or it is no voltage known here.
    """
    if not unit:
        raise DataError(
            f"no unit is stated for {what}",
            source=source,
            remedy="write the unit into the file (in a WFDB header /mV or /uV after the gain), or state it: "
            'read_ecg(..., unit="mV")',
        )
    if not is_voltage(unit):
        raise DataError(
            f"{what} has the unit {unit[:40]!r}, which is no voltage known here",
            source=source,
            remedy="convert it to mV or uV; ADC counts need the recorder's gain",
        )
    return _MILLIVOLTS[_VOLTAGE.fullmatch(unit.lower())[1]]


def is_voltage(unit: str) -> bool:
    """Whether a text is a unit of voltage, short (uV) or in a word (Microvolts), in any case."""
    return _VOLTAGE.fullmatch(unit.lower()) is not None
