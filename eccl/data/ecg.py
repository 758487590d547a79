"""ECG files of every format read into checked records in mV at one rate, and WFDB written without loss at 5 uV per bit.

The formats themselves are in `eccl.data.formats`; what they share is in `eccl.data.standard.twelve_leads`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eccl.data.formats import aecg, cardiosoft, muse, sierra
from eccl.data.formats.arrays import read_csv, read_npy
from eccl.data.formats.dicom_ecg import read_dicom_ecg
from eccl.data.formats.edf import read_edf_leads
from eccl.data.formats.guard import parse_xml, read_content
from eccl.data.formats.hdf5 import read_hdf5
from eccl.data.formats.kinds import kind_of, unknown_root
from eccl.data.formats.matlab import read_matlab
from eccl.data.formats.scp import read_scp
from eccl.data.formats.wfdb_record import read_wfdb, record_stem
from eccl.data.standard.twelve_leads import MARGIN, assemble
from eccl.files import replacing
from eccl.records import DURATION, ECG, LEADS, SAMPLING_RATE, Channels, DataError

__all__ = ["GAIN", "read_ecg", "record_stem", "write_ecg"]

GAIN = 200  # ADC units per mV of the files written here: 5 uV per bit, as a resting ECG recorder has
_XML = {
    muse.ROOT: muse.read_muse,
    cardiosoft.ROOT: cardiosoft.read_cardiosoft,
    sierra.ROOT: sierra.read_sierra,
    aecg.ROOT: aecg.read_aecg,
}
_OF_SECONDS = {"wfdb": read_wfdb, "edf": read_edf_leads, "scp": read_scp}  # read only what is wanted of a long file
_WHOLE = {"dicom": read_dicom_ecg, "csv": read_csv, "npy": read_npy, "matlab": read_matlab}


def read_ecg(
    path: Path | str,
    sampling_rate: float = SAMPLING_RATE,
    duration: float = DURATION,
    resample: bool = True,
    unit: str | None = None,
    rate: float | None = None,
    record: int | None = None,
) -> ECG:
    """The first `duration` seconds of a recording, its 12 leads in the order of `LEADS`, in mV.

    WFDB (with or without the extension), XML of GE MUSE, CardioSoft, Philips Sierra and HL7 aECG, SCP-ECG, DICOM, EDF
    and BDF, HDF5 (CODE-15 %, SPH), MATLAB, CSV and NPY. The format is told by the content, whatever the file is called;
    WFDB and CSV by their names. Leads are found by name, as `formats.leads.lead_name` says; other channels are left
    out; the limb leads other than I and II are computed from these where they are missing. Where leads have no names
    (HDF5, MATLAB, NPY) their order is taken to be that of `LEADS`, and must keep Einthoven's and Goldberger's laws.

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
        Unit of the samples (mV, uV, V or nV) and rate in Hz, for a file that states none, as CSV, NPY, HDF5, MATLAB and
        some WFDB headers. They never override what is stated.
    record : int, optional
        Which recording of an HDF5 file of many: its `exam_id` if the file has them, else its row, counted from 0.

    Raises
    ------
    DataError
        If a file is missing, damaged or of a format that is not read, a lead is missing, flat or there twice, limb
        leads contradict one another, a unit is absent or no voltage, the rate is absent or refused, the record is too
        short or not named among many, or a sample is missing.

    Examples
    --------
    >>> cohort = eccl.Cohort.load(eccl.simulate_cohort(eccl.preset("smoke").simulation))
    >>> read_ecg(cohort.path(0, "ecg"))
    ECG(12 leads, 10 s at 500 Hz, -0.86 to 1.18 mV)
    """
    channels = _read_channels(Path(path), duration + MARGIN, record)
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


def _read_channels(path: Path, seconds: float, record: int | None) -> Channels:
    kind = kind_of(path)
    if kind == "hdf5":
        return read_hdf5(path, record)
    if record is not None:
        raise DataError(f"one recording, so that there is no record {record}", source=path, remedy="leave record= out")
    if kind == "xml":
        return _read_xml(path)
    if kind in _OF_SECONDS:
        return _OF_SECONDS[kind](path, seconds)
    return _WHOLE[kind](path)


def _read_xml(path: Path) -> Channels:
    root = parse_xml(read_content(path), path)
    name = root.tag.rpartition("}")[2]
    if name not in _XML:
        raise unknown_root(name, _XML, path)
    return _XML[name](root, path)
