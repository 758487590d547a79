"""ECG files: WFDB read into checked records in mV at one rate, and written without loss at 5 uV per bit.

WFDB stores samples by leads, (T, 12); records hold leads by samples. They are transposed here and nowhere else.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.files import replacing
from eccl.records import DURATION, ECG, LEADS, SAMPLING_RATE, DataError

if TYPE_CHECKING:
    import wfdb

GAIN = 200  # ADC units per mV of the files written here: 5 uV per bit, as a resting ECG recorder has
_UNITS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3}  # in mV; micro is written as u and as two code points
_LEADS = {lead.upper(): lead for lead in LEADS}
_PREFIXES = ("MDC_ECG_LEAD_", "LEAD ")  # HL7 aECG and DICOM put these before the name
_SUFFIXES = (".hea", ".dat", ".mat")
_RECORD_LINE = re.compile(
    r"(?P<name>[\w-]+)(?P<segments>/\d+)? (?P<signals>\d+)( (?P<rate>[\d.eE+-]+)\S*)?( (?P<samples>\d+))?( .*)?$"
)


@dataclass(frozen=True)
class _Header:
    """What a header states itself, without the defaults of a reader."""

    rate: float  # Hz
    samples: int  # a signal; 0 if not stated
    units: tuple[str | None, ...]  # as written, one a signal
    calibrated: tuple[bool, ...]  # whether a gain other than 0 is written, one a signal


def read_ecg(
    path: Path | str,
    sampling_rate: float = SAMPLING_RATE,
    duration: float = DURATION,
    resample: bool = True,
    unit: str | None = None,
) -> ECG:
    """The first `duration` seconds of a WFDB record, its 12 leads in the order of `LEADS`, in mV.

    Leads are found by name whatever its case (AVR, aVR, avr); other channels are left out.

    Parameters
    ----------
    path : path
        The record, with or without the extension.
    sampling_rate : float
        Rate of the result, Hz.
    duration : float
        Length of the result, s. A longer record is cut at its start; a shorter one is an error.
    resample : bool
        Whether a record at another rate is resampled (band-limited polyphase filter) or refused.
    unit : str, optional
        mV or uV, for a record whose header states none. It never overrides a unit that is stated.

    Raises
    ------
    DataError
        If a file is missing or damaged, a lead is missing or there twice, a unit is absent or no voltage, the rate is
        absent or refused, the record is too short, or a sample is missing.
    """
    stem = record_stem(path)
    header = stem.with_name(stem.name + ".hea")
    stated = _read_header(header)
    record = _read_record(stem, header, stated, duration)
    columns = _lead_columns(record.sig_name, header)
    scales = [_scale(stated, column, unit, lead, header) for lead, column in zip(LEADS, columns)]
    signal = record.p_signal[:, columns].T * np.array(scales)[:, None]
    return ECG(_at_rate(signal, stated.rate, sampling_rate, duration, resample, header), sampling_rate, str(header))


def write_ecg(path: Path | str, ecg: ECG) -> Path:
    """The header of a WFDB record of an ECG: format 16, 200 units per mV, so that 5 uV is one unit.

    Parameters
    ----------
    path : path
        The record, with or without the extension; its folder exists. Letters, digits, `_` and `-` only.
    ecg : ECG
        Rounded to 5 uV.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    stem = record_stem(path)
    if not stem.name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"WFDB record names hold letters, digits, _ and - only; got {stem.name!r}")
    digital = np.rint(ecg.signal.T * GAIN).astype("<i2")
    checksums = digital.sum(axis=0, dtype=np.int64) % 65536
    lines = [f"{stem.name} {len(LEADS)} {ecg.sampling_rate:.10g} {len(digital)}"]
    for column, lead in enumerate(LEADS):
        lines.append(f"{stem.name}.dat 16 {GAIN}(0)/mV 16 0 {digital[0, column]} {checksums[column]} 0 {lead}")
    header = stem.with_name(stem.name + ".hea")
    with replacing(stem.with_name(stem.name + ".dat")) as beside:
        beside.write_bytes(digital.tobytes())
    with replacing(header) as beside:  # last: a header stands for a whole record
        beside.write_text("\n".join(lines) + "\n", encoding="ascii")
    return header


def record_stem(path: Path | str) -> Path:
    """The path of a WFDB record without .hea, .dat or .mat."""
    path = Path(path)
    return path.with_suffix("") if path.suffix in _SUFFIXES else path


def remove_baseline(ecg: ECG) -> ECG:
    """The ECG without its baseline wander: a zero-phase Butterworth high-pass of order 2 at 0.5 Hz.

    References
    ----------
    Kligfield et al., Circulation 2007 (0.5 Hz is safe for the ST segment with a zero-phase filter, 0.05 Hz without).
    """
    from scipy.signal import butter, sosfiltfilt

    sections = butter(2, 0.5, btype="highpass", fs=ecg.sampling_rate, output="sos")
    edge = min(int(2 * ecg.sampling_rate), ecg.signal.shape[1] - 1)
    filtered = sosfiltfilt(sections, ecg.signal, axis=1, padlen=edge)
    return ECG(filtered, ecg.sampling_rate, ecg.source)


def r_peaks(signal: np.ndarray, sampling_rate: float = SAMPLING_RATE) -> np.ndarray:
    """Indices of the QRS complexes of an ECG: of the largest deflection of each between 8 and 30 Hz, leads summed.

    Parameters
    ----------
    signal : ndarray, shape (T,) or (L, T)
        mV; with several leads their QRS energies are added, so that a small QRS in one lead is still found.
    sampling_rate : float
        Hz.

    References
    ----------
    Pan and Tompkins, IEEE Trans Biomed Eng 1985 (band-pass, slope, square, integrate).
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import butter, find_peaks, sosfiltfilt

    leads = np.atleast_2d(np.asarray(signal, dtype=float))
    band = butter(2, (8.0, 30.0), btype="bandpass", fs=sampling_rate, output="sos")
    filtered = sosfiltfilt(band, leads, axis=1)
    energy = (np.gradient(filtered, axis=1) ** 2).sum(axis=0)
    window = max(1, round(0.10 * sampling_rate))  # a QRS lasts about 0.1 s
    envelope = uniform_filter1d(energy, window)
    # The median of the maxima of pieces of 1.5 s stands for a QRS: one artefact or ectopic beat does not move it.
    pieces = np.array_split(envelope, max(1, int(len(envelope) / (1.5 * sampling_rate))))
    threshold = 0.25 * np.median([piece.max() for piece in pieces])
    candidates, _ = find_peaks(envelope, height=threshold, distance=max(1, round(0.25 * sampling_rate)))
    reach = round(0.06 * sampling_rate)
    size = np.abs(filtered).sum(axis=0)
    starts = np.maximum(candidates - reach, 0)
    peaks = [start + int(size[start : peak + reach + 1].argmax()) for start, peak in zip(starts, candidates)]
    return np.unique(np.asarray(peaks, dtype=np.int64))


def _read_header(header: Path) -> _Header:
    # wfdb fills in 250 Hz and mV where a header is silent, so the text itself is asked.
    try:
        text = header.read_text(encoding="latin-1")
    except OSError as error:
        raise DataError(
            f"no header can be read ({error.strerror})",
            source=header,
            remedy="check the path: a record is .hea and .dat",
        ) from error
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    record = _RECORD_LINE.match(" ".join(lines[0])) if lines else None
    if record is None:
        raise DataError("this is no WFDB header", source=header, remedy="export the record again, as WFDB")
    if record["segments"]:
        raise DataError("a record of several segments", source=header, remedy="join its segments, or name one of them")
    if record["rate"] is None or not float(record["rate"]) > 0:
        raise DataError(
            f"the sampling rate is {'not stated' if record['rate'] is None else record['rate'] + ' Hz'}",
            source=header,
            remedy="write the rate in Hz after the number of signals",
        )
    gains = [line[2] if len(line) > 2 else "" for line in lines[1 : 1 + int(record["signals"])]]
    return _Header(
        rate=float(record["rate"]),
        samples=int(record["samples"] or 0),
        units=tuple(gain.partition("/")[2] or None for gain in gains),
        calibrated=tuple(re.match(r"0*(\.0*)?([(/]|$)", gain) is None for gain in gains),
    )


def _read_record(stem: Path, header: Path, stated: _Header, duration: float) -> wfdb.Record:
    import wfdb

    wanted = math.ceil((duration + 1.0) * stated.rate)  # one second more, so that the filter has no edge at the cut
    try:
        return wfdb.rdrecord(str(stem), sampto=wanted if stated.samples > wanted else None)
    except FileNotFoundError as error:
        raise DataError(
            f"the signal file {Path(error.filename).name} is missing",
            source=header,
            remedy="put it beside its header, or leave this record out",
        ) from error
    except (ValueError, IndexError, KeyError, TypeError, OSError) as error:
        raise DataError(
            f"header and signal file do not fit ({error})",
            source=header,
            remedy="copy the record again, since a file may be truncated, or leave it out",
        ) from error


def _lead_columns(names: list[str | None], header: Path) -> list[int]:
    found: dict[str, list[int]] = {lead: [] for lead in LEADS}
    for column, name in enumerate(names):
        plain = (name or "").strip().upper()
        for prefix in _PREFIXES:
            plain = plain.removeprefix(prefix)
        if plain in _LEADS:
            found[_LEADS[plain]].append(column)
    missing = [lead for lead in LEADS if not found[lead]]
    if missing:
        there = ", ".join(str(name) for name in names)
        raise DataError(
            f"lead {', '.join(missing)} is missing among {there}",
            source=header,
            remedy="give all 12 leads, named I II III aVR aVL aVF V1-V6",
        )
    twice = [lead for lead in LEADS if len(found[lead]) > 1]
    if twice:
        raise DataError(
            f"lead {', '.join(twice)} is there more than once", source=header, remedy="keep one channel of each lead"
        )
    return [found[lead][0] for lead in LEADS]


def _scale(stated: _Header, column: int, given: str | None, lead: str, header: Path) -> float:
    unit = stated.units[column] or given
    if unit is None:
        raise DataError(
            f"no unit is stated for lead {lead}",
            source=header,
            remedy='write /mV or /uV after the gain in the header, or state it: read_ecg(..., unit="mV")',
        )
    if unit.lower() not in _UNITS:
        raise DataError(
            f"lead {lead} has the unit {unit!r}, which is no voltage known here",
            source=header,
            remedy="convert it to mV or uV; ADC counts need the recorder's gain",
        )
    if not stated.calibrated[column]:
        raise DataError(
            f"no gain is stated for lead {lead}, so its samples are ADC counts",
            source=header,
            remedy="write the recorder's gain (ADC units per mV) into the header",
        )
    return _UNITS[unit.lower()]


def _at_rate(
    signal: np.ndarray, stated: float, wanted: float, duration: float, resample: bool, header: Path
) -> np.ndarray:
    from scipy.signal import resample_poly

    seconds = signal.shape[1] / stated
    samples = round(duration * wanted)
    if seconds < duration - 0.5 / stated:
        raise DataError(
            f"{seconds:.2f} s long, shorter than {duration:g} s",
            source=header,
            remedy="leave it out; a short record is not padded, since that would invent signal",
        )
    if stated == wanted:
        return signal[:, :samples]
    if not resample:
        raise DataError(
            f"recorded at {stated:g} Hz, not {wanted:g} Hz",
            source=header,
            remedy="resample the file, or allow it: read_ecg(..., resample=True)",
        )
    if not np.isfinite(signal).all():
        return signal[:, :samples]  # the filter would spread the gap over the leads; ECG() names the lead and refuses
    ratio = Fraction(wanted / stated).limit_denominator(1000)
    return resample_poly(signal, ratio.numerator, ratio.denominator, axis=1, padtype="line")[:, :samples]
