"""One multiplex group of a DICOM waveform: which channels are leads, their samples, and where these are missing."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.leads import lead_name
from eccl.records import LEADS, DataError, stretches

if TYPE_CHECKING:
    from pydicom import Dataset

LONGEST_PAUSE = 1.0  # s that all leads may lie on the padding value; between two beats they can, if nothing is noisy
SHORTEST_GAP = 0.02  # s; for less, all leads may cross a padding value of 0 together, as at the turn of the QRS
LONGEST_REST = 2.0  # s that one lead may lie on the padding value; a beat falls into them
_STEP = 3  # counts between two samples, more than a wave has where it leaves a resting line

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
_NUMBERS = dict(zip(LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)))  # of the leads, in SCP-ECG and in MDC alike
_BY_NUMBER = {number: lead for lead, number in _NUMBERS.items()}
_CODES = (  # (start of the scheme's designator, codes of it)
    ("SCP", re.compile(r"(?:5\.6\.3-9-)?(\d{1,3})")),
    ("MDC", re.compile(r"2:\s?(\d{1,3})")),
    ("", re.compile(r"5\.6\.3-9-(\d{1,3})")),
)
_PARTITION = 2 << 16  # of MDC's codes that are written as one number


def text_of(element: object) -> str:
    """An element as text, without what fills it up to an even length; empty if it is absent or empty."""
    return "" if element is None else str(element).strip(" \0")


def leads_of(group: Dataset, path: Path) -> dict[int, str]:
    """Lead of each channel that is one, by its place in the group.

    The coded value counts first, then its meaning, then the channel's label.

    Raises
    ------
    DataError
        If they name different leads.
    """
    found = {}
    for place, definition in enumerate(group.get("ChannelDefinitionSequence") or []):
        sources = list(definition.get("ChannelSourceSequence") or [])
        numbers = {number for source in sources if (number := _number(source))}
        if numbers and not numbers & set(_BY_NUMBER):
            continue  # a coded lead that is none of the twelve, whatever it is called: Frank's I, -aVR, V3R
        words = [*(text_of(source.get("CodeValue")) for source in sources), *_labels(definition)]
        named = {_BY_NUMBER.get(number, str(number)) for number in numbers} | {*map(lead_name, words)} - {None}
        if len(named) > 1:
            raise DataError(
                f"one channel is called lead {' and '.join(sorted(named))} by its code, its meaning or its label",
                source=path,
                remedy="export the ECG again; which of them is right cannot be told",
            )
        if named:
            found[place] = named.pop()
    return found


def labels_of(group: Dataset) -> list[str]:
    """What each channel is called, for messages."""
    return [next(iter(_labels(item)), "") for item in group.get("ChannelDefinitionSequence") or []]


def check_group(group: Dataset, path: Path) -> None:
    """Refuse a group without what its samples need.

    Raises
    ------
    DataError
        If an element is absent or empty, or the rate is none.
    """
    absent = [name for name in _REQUIRED if group.get(name) is None]
    if absent:
        raise DataError(f"a waveform without {', '.join(absent)}", source=path, remedy="export the ECG again")
    if not group.SamplingFrequency > 0:
        raise DataError(
            f"a sampling rate of {group.SamplingFrequency} Hz", source=path, remedy="export the ECG with its rate"
        )


def counts_of(group: Dataset, byte_order: str, path: Path) -> np.ndarray:
    """ADC counts, shape (L, T), as they are stored.

    Raises
    ------
    DataError
        If the channels, the type or the number of samples are not as stated.
    """
    stated, channels = int(group.NumberOfWaveformChannels), len(group.ChannelDefinitionSequence)
    if stated != channels or stated < 1:
        raise DataError(
            f"{stated} channels stated, but {channels} defined", source=path, remedy="copy or export it again"
        )
    code = (text_of(group.WaveformSampleInterpretation), int(group.WaveformBitsAllocated))
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
    return np.frombuffer(content[:expected], kind).reshape(samples, channels).T


def padded(group: Dataset, counts: np.ndarray) -> np.ndarray:
    """Where counts have the padding value, shape (L, T); nowhere if none is stated."""
    padding = group.get("WaveformPaddingValue")
    if not isinstance(padding, bytes) or len(padding) < counts.itemsize:
        return np.zeros(counts.shape, bool)
    return counts == np.frombuffer(padding[: counts.itemsize], counts.dtype)[0]


def missing(counts: np.ndarray, held: np.ndarray, sampling_rate: float) -> np.ndarray:
    """Where samples are missing, (L, T), of those that have the padding value, which a line may cross as well.

    The lowest and the highest count are no part of a line. Any other value is padding where all leads hold it at once,
    for longer than a pause between beats, or suddenly; and where one lead holds it for so long that a beat is missing.
    """
    limits = np.iinfo(counts.dtype)
    gaps = held & ((counts == limits.min) | (counts == limits.max))
    steps = np.abs(np.diff(counts.astype(float), axis=1)).max(axis=0) >= _STEP  # from each sample to the next
    for start, end in stretches(held.all(axis=0)):
        sudden = steps[start - 1 : start].any() or steps[end - 1 : end].any()
        if end - start >= (SHORTEST_GAP if sudden else LONGEST_PAUSE) * sampling_rate:
            gaps[:, start:end] = True
    for lead, row in enumerate(held):
        for start, end in stretches(row):
            if end - start >= LONGEST_REST * sampling_rate:
                gaps[lead, start:end] = True
    return gaps


def calibration(definition: Dataset, path: Path) -> tuple[float, float]:
    """Units per count, and the value of a count of 0.

    Raises
    ------
    DataError
        If there is no sensitivity, or none that an ADC can have.
    """
    name = next(iter(_labels(definition)), "a channel")
    if definition.get("ChannelSensitivity") is None:
        raise DataError(
            f"no sensitivity is stated for {name}, so its samples are ADC counts",
            source=path,
            remedy="export the ECG with its channel sensitivity",
        )
    scale = float(definition.ChannelSensitivity) * _optional(definition, "ChannelSensitivityCorrectionFactor", 1.0)
    if not 0 < scale < math.inf:
        raise DataError(
            f"a sensitivity of {scale:g} for {name}", source=path, remedy="export the ECG with its channel sensitivity"
        )
    return scale, _optional(definition, "ChannelBaseline", 0.0)


def unit_of(definition: Dataset) -> str | None:
    """The unit of the sensitivity, as written."""
    units = list(definition.get("ChannelSensitivityUnitsSequence") or [])
    return text_of(units[0].get("CodeValue")) or None if units else None


def skew_of(definition: Dataset, sampling_rate: float) -> float:
    """By how many samples a channel lags behind the group."""
    seconds = _optional(definition, "ChannelTimeSkew", 0.0)
    return seconds * sampling_rate + _optional(definition, "ChannelSampleSkew", 0.0)


def offset_of(group: Dataset) -> float:
    """Time of the group's first sample, ms; 0 where none is stated."""
    return _optional(group, "MultiplexGroupTimeOffset", 0.0)


def _optional(dataset: Dataset, name: str, otherwise: float) -> float:
    value = dataset.get(name)
    return otherwise if value is None or value == "" else float(value)


def _labels(definition: Dataset) -> list[str]:
    sources = definition.get("ChannelSourceSequence") or []
    words = [*(item.get("CodeMeaning") for item in sources), definition.get("ChannelLabel")]
    return [word for word in map(text_of, words) if word]


def _number(source: Dataset) -> int:
    """The number of a coded lead, the same in SCP-ECG and in MDC; 0 if it is unspecified or no code of theirs."""
    value = text_of(source.get("CodeValue")) or text_of(source.get("LongCodeValue"))
    scheme = text_of(source.get("CodingSchemeDesignator")).upper()
    for start, code in _CODES:
        if scheme.startswith(start) and (match := code.fullmatch(value)):
            return int(match[1])
    if scheme.startswith("MDC") and re.fullmatch(r"\d{6}", value) and 0 < int(value) - _PARTITION < 1000:
        return int(value) - _PARTITION
    return 0
