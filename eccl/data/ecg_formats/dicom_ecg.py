"""DICOM waveforms: 12-lead, general (16 and 32 bit) and ambulatory ECG."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.ecg_formats.content import check_file
from eccl.data.leads import Channels, lead_name
from eccl.records import DataError

if TYPE_CHECKING:
    from pydicom import Dataset

_CLASSES = {  # SOP class UID: name
    "1.2.840.10008.5.1.4.1.1.9.1.1": "12-lead ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.2": "general ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.3": "ambulatory ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.4": "general 32-bit ECG",
}
_BYTE_ORDERS = {  # transfer syntax UID: numpy's mark; a deflated file can be a bomb and holds no ECG in practice
    "1.2.840.10008.1.2": "<",
    "1.2.840.10008.1.2.1": "<",
    "1.2.840.10008.1.2.2": ">",
}
_SAMPLES = {("SB", 8): "i1", ("UB", 8): "u1", ("SS", 16): "i2", ("US", 16): "u2", ("SL", 32): "i4", ("UL", 32): "u4"}
_REQUIRED = (
    "NumberOfWaveformChannels",
    "NumberOfWaveformSamples",
    "SamplingFrequency",
    "WaveformBitsAllocated",
    "WaveformSampleInterpretation",
    "ChannelDefinitionSequence",
    "WaveformData",
)


def read_dicom_ecg(path: Path) -> Channels:
    """The channels of the rhythm, which is the longest original group; the median beat is left alone.

    Raises
    ------
    DataError
        If the file is damaged, no DICOM, no ECG, or without waveform, scale or as many samples as it states.
    """
    from pydicom import config, dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    # What pydicom raises on damaged files, at opening and, since it converts late, at each access.
    damage = (
        *(InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, TypeError, KeyError, AttributeError),
        *(IndexError, LookupError, NotImplementedError, OverflowError, MemoryError, RecursionError, struct.error),
    )
    check_file(path)
    try:
        with config.disable_value_validation():
            syntax = str(read_file_meta_info(path).get("TransferSyntaxUID"))
            if syntax not in _BYTE_ORDERS:
                raise DataError(
                    f"the transfer syntax {syntax} is not read",
                    source=path,
                    remedy="export it uncompressed, e.g. Explicit VR Little Endian",
                )
            return _channels(dcmread(path), _BYTE_ORDERS[syntax], path)
    except DataError:
        raise
    except damage as error:
        raise DataError(
            f"damaged, or no DICOM ({type(error).__name__}: {error})", source=path, remedy="copy or export it again"
        ) from error


def is_dicom(path: Path) -> bool:
    """Whether a file bears the mark of DICOM, for those without an extension."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except (OSError, ValueError):
        return False


def _channels(dataset: Dataset, byte_order: str, path: Path) -> Channels:
    kind = str(dataset.get("SOPClassUID"))
    if kind not in _CLASSES:
        raise DataError(
            f"the DICOM class {getattr(dataset.get('SOPClassUID'), 'name', kind)} is no ECG",
            source=path,
            remedy=f"give a {', '.join(_CLASSES.values())} waveform",
        )
    groups = list(dataset.get("WaveformSequence") or [])
    if not groups:
        raise DataError("no waveform in this DICOM file", source=path, remedy="export the ECG with its waveform")
    for group in groups:
        absent = [name for name in _REQUIRED if group.get(name) is None]
        if absent:
            raise DataError(f"a waveform without {', '.join(absent)}", source=path, remedy="export the ECG again")
        if not group.SamplingFrequency > 0:
            raise DataError(
                f"a sampling rate of {group.SamplingFrequency} Hz", source=path, remedy="export the ECG with its rate"
            )
    group = max(
        groups,
        key=lambda item: (
            item.get("WaveformOriginality") == "ORIGINAL",
            item.NumberOfWaveformSamples / float(item.SamplingFrequency),
        ),
    )
    definitions = list(group.ChannelDefinitionSequence)
    counts = _counts(group, len(definitions), byte_order, path)
    scales, offsets = np.array([_calibration(item, path) for item in definitions]).T
    return Channels(
        tuple(_label(item) for item in definitions),
        counts.T * scales[:, None] + offsets[:, None],
        tuple(_unit(item) for item in definitions),
        float(group.SamplingFrequency),
        str(path),
    )


def _counts(group: Dataset, channels: int, byte_order: str, path: Path) -> np.ndarray:
    """ADC counts (T, L); NaN where the sample is stated to be missing."""
    stated = int(group.NumberOfWaveformChannels)
    if stated != channels or stated < 1:
        raise DataError(
            f"{stated} channels stated, but {channels} defined", source=path, remedy="copy or export it again"
        )
    code = (str(group.WaveformSampleInterpretation), int(group.WaveformBitsAllocated))
    if code not in _SAMPLES:
        raise DataError(
            f"samples of type {code[0]} with {code[1]} bits",
            source=path,
            remedy="export linear samples, e.g. SS with 16 bits",
        )
    kind = np.dtype(byte_order + _SAMPLES[code])
    samples, content = int(group.NumberOfWaveformSamples), bytes(group.WaveformData)
    expected = samples * channels * kind.itemsize
    if samples < 1 or len(content) not in (expected, expected + expected % 2):
        raise DataError(
            f"{samples} samples of {channels} channels stated ({expected} bytes), but {len(content)} bytes there",
            source=path,
            remedy="copy or export it again, whole",
        )
    digital = np.frombuffer(content[:expected], kind).reshape(samples, channels)
    counts = digital.astype(float)
    padding = group.get("WaveformPaddingValue")
    if isinstance(padding, bytes) and len(padding) >= kind.itemsize:
        counts[digital == np.frombuffer(padding[: kind.itemsize], kind)[0]] = np.nan
    return counts


def _calibration(definition: Dataset, path: Path) -> tuple[float, float]:
    """Units per count, and the value of a count of 0."""
    if definition.get("ChannelSensitivity") is None:
        raise DataError(
            f"no sensitivity is stated for {_label(definition) or 'a channel'}, so its samples are ADC counts",
            source=path,
            remedy="export the ECG with its channel sensitivity",
        )
    scale = float(definition.ChannelSensitivity) * float(definition.get("ChannelSensitivityCorrectionFactor") or 1)
    if not 0 < scale < float("inf"):
        raise DataError(
            f"a sensitivity of {scale:g} for {_label(definition) or 'a channel'}",
            source=path,
            remedy="export the ECG with its channel sensitivity",
        )
    return scale, float(definition.get("ChannelBaseline") or 0)


def _label(definition: Dataset) -> str:
    sources = definition.get("ChannelSourceSequence") or []
    labels = [*(str(item.get("CodeMeaning", "")) for item in sources), str(definition.get("ChannelLabel", ""))]
    return next((label for label in labels if lead_name(label)), next(filter(None, labels), ""))


def _unit(definition: Dataset) -> str | None:
    units = definition.get("ChannelSensitivityUnitsSequence") or []
    return str(units[0].get("CodeValue", "")).strip() or None if len(units) else None
