"""The same ECG written in each format, by an independent writer or by hand: what readers are tested against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from edfio import Bdf, BdfSignal, Edf, EdfSignal
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from eccl.data.ecg import write_ecg
from eccl.data.formats.cardiosoft import write_cardiosoft
from eccl.records import ECG, LEADS

TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
AECG_LEAD = """<component><sequence><code code="MDC_ECG_LEAD_{name}"/><value xsi:type="SLIST_PQ">
<origin value="{origin:g}" unit="uV"/><scale value="5" unit="uV"/>
<digits>{digits}</digits></value></sequence></component>
"""
AECG = """<?xml version="1.0" encoding="utf-8"?>
<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<component><series><code code="RHYTHM"/><component><sequenceSet>
<component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS">
<head value="20200101"/><increment value="{increment:g}" unit="s"/></value></sequence></component>
{leads}</sequenceSet></component></series></component></AnnotatedECG>
"""


def counts(ecg: ECG) -> np.ndarray:
    """The signal in steps of 5 uV, (12, T)."""
    return np.rint(ecg.signal.astype(float) * 200).astype(int)


def write_aecg(path: Path, ecg: ECG, origin: float = 0.0) -> Path:
    """HL7 aECG by hand; the origin (uV) is taken off the digits again."""
    leads = "".join(
        AECG_LEAD.format(
            name=lead.upper(), origin=origin, digits=" ".join(str(int(value - origin / 5)) for value in row)
        )
        for lead, row in zip(LEADS, counts(ecg))
    )
    path.write_text(AECG.format(increment=1 / ecg.sampling_rate, leads=leads))
    return path


def coded(value: str, meaning: str) -> Sequence:
    """A DICOM sequence of one code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "UCUM", meaning
    return Sequence([item])


def dicom_group(
    digital: np.ndarray, rate: float, names: tuple[str, ...], baseline: float = 0.0, factor: float = 1.0, kind="<i2"
) -> Dataset:
    """A multiplex group of 5 uV a count."""
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = digital.shape
    group.SamplingFrequency = rate
    group.WaveformBitsAllocated = 8 * np.dtype(kind).itemsize
    group.WaveformSampleInterpretation = "SS" if np.dtype(kind).itemsize == 2 else "SL"
    channels = []
    for name in names:
        channel = Dataset()
        channel.ChannelSourceSequence = coded("x", name)
        channel.ChannelSensitivity = 5 / factor
        channel.ChannelSensitivityUnitsSequence = coded("uV", "microvolt")
        channel.ChannelSensitivityCorrectionFactor = factor
        channel.ChannelBaseline = baseline
        channels.append(channel)
    group.ChannelDefinitionSequence = Sequence(channels)
    group.add_new(0x54001010, "OW" if np.dtype(kind).itemsize == 2 else "OL", digital.T.astype(kind).tobytes())
    return group


def write_dicom(path: Path, groups: list[Dataset], kind: str = TWELVE_LEAD, big_endian: bool = False) -> Path:
    """A DICOM file of waveform groups."""
    data, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRBigEndian if big_endian else ExplicitVRLittleEndian
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = kind, "1.2.3", "ECG"
    if groups:
        data.WaveformSequence = Sequence(groups)
    data.save_as(path, enforce_file_format=True)
    return path


def dicom_names() -> tuple[str, ...]:
    """The labels of the leads as recorders write them."""
    return ("Lead I (Einthoven)", *(f"Lead {lead}" for lead in LEADS[1:]))


def edf_signal(row: np.ndarray, rate: float, label: str, unit: str = "uV") -> EdfSignal:
    """A signal of EDF, one count 5 uV (or of another unit)."""
    return EdfSignal(
        row * 5.0,
        rate,
        label=label,
        physical_dimension=unit,
        physical_range=(-32768 * 5, 32767 * 5),
    )


def write_edf(path: Path, ecg: ECG, **others) -> Path:
    """EDF by edfio, each lead as "ECG aVR"; `others` go to edfio.Edf."""
    Edf([edf_signal(row, ecg.sampling_rate, f"ECG {lead}") for lead, row in zip(LEADS, counts(ecg))], **others).write(
        path
    )
    return path


def write_bdf(path: Path, ecg: ECG) -> Path:
    """BDF by edfio, of whose 24 bits one count is 5 uV."""
    limits = {"digital_range": (-99_999, 99_999), "physical_range": (-99_999 * 5, 99_999 * 5)}
    rows = zip(LEADS, counts(ecg))
    Bdf(
        [BdfSignal(row * 5.0, ecg.sampling_rate, label=lead, physical_dimension="uV", **limits) for lead, row in rows]
    ).write(path)
    return path


def write_csv(path: Path, ecg: ECG, titles: list[str] | None = None) -> Path:
    """CSV in mV, its unit in each title."""
    titles = titles or [f"{lead} (mV)" for lead in LEADS]
    rows = [",".join(f"{value:.3f}" for value in row) for row in ecg.signal.T.astype(float)]
    path.write_text("\n".join([",".join(titles), *rows]) + "\n")
    return path


def write_npy(path: Path, ecg: ECG) -> Path:
    """NPY (12, T) in mV."""
    np.save(path, ecg.signal)
    return path


def write_dicom_ecg(path: Path, ecg: ECG) -> Path:
    """DICOM by pydicom."""
    return write_dicom(path, [dicom_group(counts(ecg), ecg.sampling_rate, dicom_names())])


WRITERS = {  # suffix or name: (file name, writer, what the caller must state)
    "wfdb": ("a.hea", write_ecg, {}),
    "cardiosoft": ("a.xml", write_cardiosoft, {}),
    "aecg": ("b.xml", write_aecg, {}),
    "dicom": ("a.dcm", write_dicom_ecg, {}),
    "edf": ("a.edf", write_edf, {}),
    "bdf": ("a.bdf", write_bdf, {}),
    "csv": ("a.csv", write_csv, {"rate": 500}),
    "npy": ("a.npy", write_npy, {"rate": 500, "unit": "mV"}),
}
