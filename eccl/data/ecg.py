"""ECG files of every format read into checked records in mV at one rate, and WFDB written without loss at 5 uV per bit.

The formats themselves are in `eccl.data.ecg_formats`; what they share is in `eccl.data.leads`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eccl.data.ecg_formats import aecg, cardiosoft
from eccl.data.ecg_formats.arrays import read_csv, read_npy
from eccl.data.ecg_formats.content import parse_xml, read_content
from eccl.data.ecg_formats.dicom_ecg import is_dicom, read_dicom_ecg
from eccl.data.ecg_formats.edf import read_edf_leads
from eccl.data.ecg_formats.wfdb_record import header_of, read_wfdb, record_stem
from eccl.data.files import replacing
from eccl.data.leads import MARGIN, Channels, assemble
from eccl.records import DURATION, ECG, LEADS, SAMPLING_RATE, DataError

__all__ = ["GAIN", "read_ecg", "record_stem", "write_ecg"]

GAIN = 200  # ADC units per mV of the files written here: 5 uV per bit, as a resting ECG recorder has
_WFDB = ("", ".hea", ".dat", ".mat")
_XML = {cardiosoft.ROOT: cardiosoft.read_cardiosoft, aecg.ROOT: aecg.read_aecg}


def read_ecg(
    path: Path | str,
    sampling_rate: float = SAMPLING_RATE,
    duration: float = DURATION,
    resample: bool = True,
    unit: str | None = None,
    rate: float | None = None,
) -> ECG:
    """The first `duration` seconds of a recording, its 12 leads in the order of `LEADS`, in mV.

    WFDB (with or without the extension), CardioSoft and HL7 aECG (.xml), DICOM (.dcm, or without an extension), EDF
    (.edf), CSV and NPY. Leads are found by name, as `eccl.data.leads.lead_name` says; other channels are left out; the
    limb leads other than I and II are computed from these where they are missing.

    Parameters
    ----------
    path : path
        The recording.
    sampling_rate : float
        Rate of the result, Hz.
    duration : float
        Length of the result, s. A longer record is cut at its start; a shorter one is an error.
    resample : bool
        Whether a record at another rate is resampled (band-limited polyphase filter) or refused.
    unit, rate : str and float, optional
        Unit of the samples (mV, uV, V or nV) and rate in Hz, for a file that states none, as CSV, NPY and some WFDB
        headers. They never override what is stated.

    Raises
    ------
    DataError
        If a file is missing, damaged or of an unknown format, a lead is missing or there twice, a unit is absent or no
        voltage, the rate is absent or refused, the record is too short, or a sample is missing.
    """
    channels = _read_channels(Path(path), duration + MARGIN)
    return assemble(channels, sampling_rate, duration, resample, unit, rate)


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


def _read_channels(path: Path, seconds: float) -> Channels:
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return _read_xml(path)
    if suffix == ".dcm" or (not suffix and is_dicom(path)):
        return read_dicom_ecg(path)
    if suffix == ".edf":
        return read_edf_leads(path, seconds)
    if suffix == ".csv":
        return read_csv(path)
    if suffix == ".npy":
        return read_npy(path)
    if suffix not in _WFDB:
        raise DataError(
            f"the ECG format {suffix!r} is not known",
            source=path,
            remedy="give WFDB (.hea), CardioSoft or HL7 aECG (.xml), DICOM (.dcm), EDF (.edf), CSV or NPY",
        )
    if path.is_dir() and not header_of(path).is_file():
        raise DataError("this is a folder", source=path, remedy="give the path of one recording")
    return read_wfdb(path, seconds)


def _read_xml(path: Path) -> Channels:
    root = parse_xml(read_content(path), path)
    name = root.tag.rpartition("}")[2]
    if name not in _XML:
        raise DataError(
            f"the root element is {name[:40]!r}, neither {' nor '.join(_XML)}",
            source=path,
            remedy="export it as CardioSoft XML or HL7 aECG",
        )
    return _XML[name](root, path)
