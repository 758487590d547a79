"""DICOM waveforms: 12-lead, general (16 and 32 bit) and ambulatory ECG, and others that hold the twelve leads."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.dicom_waveform import (
    calibration,
    check_group,
    counts_of,
    labels_of,
    leads_of,
    missing,
    offset_of,
    padded,
    skew_of,
    text_of,
    unit_of,
)
from eccl.data.formats.guard import check_file
from eccl.data.formats.limb_leads import DERIVED
from eccl.records import LEADS, Channels, DataError

if TYPE_CHECKING:
    from pydicom import Dataset

    _Groups = list[tuple[Dataset, dict[int, str]]]  # multiplex groups, each with the leads of its channels by place

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
_NEEDED = set(LEADS) - set(DERIVED)


def read_dicom_ecg(path: Path) -> Channels:
    """The leads of the rhythm, which is the longest that was recorded; the median beat is left alone.

    Raises
    ------
    DataError
        If the file is damaged, no DICOM, no ECG, or without waveform, scale or as many samples as it states; if the
        leads are not simultaneous, or one channel is called by the names of two.
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


def _channels(dataset: Dataset, byte_order: str, path: Path) -> Channels:
    kind = text_of(dataset.get("SOPClassUID"))
    groups = list(dataset.get("WaveformSequence") or [])
    rhythm = _rhythm(groups, path)
    if kind not in _CLASSES and not _names(rhythm) >= _NEEDED:  # a catheter laboratory's waveforms may hold an ECG
        raise DataError(
            f"the DICOM class {getattr(dataset.get('SOPClassUID'), 'name', kind)} is no ECG",
            source=path,
            remedy=f"give a {', '.join(_CLASSES.values())} waveform",
        )
    if not groups:
        raise DataError("no waveform in this DICOM file", source=path, remedy="export the ECG with its waveform")
    taken = {id(group): leads for group, leads in rhythm}
    others = tuple(
        label
        for group in groups
        for place, label in enumerate(labels_of(group))
        if place not in taken.get(id(group), {})
    )
    if not rhythm:  # `assemble` says so, with the names that are there
        for group in groups:
            check_group(group, path)
        return Channels((), np.empty((0, 0)), (), None, str(path), others)
    return _joined(rhythm, byte_order, others, path)


def _joined(rhythm: _Groups, byte_order: str, others: tuple[str, ...], path: Path) -> Channels:
    """The leads of groups that were recorded together; one that is in two of them, sample by sample, counts once."""
    rate = float(rhythm[0][0].SamplingFrequency)
    names, counts, held, definitions = [], [], [], []
    for group, leads in rhythm:
        samples = counts_of(group, byte_order, path)
        padding = padded(group, samples)
        for place, lead in leads.items():
            definition = group.ChannelDefinitionSequence[place]
            if lead in names:
                again = names.index(lead)
                same = calibration(definitions[again], path) == calibration(definition, path)
                if same and np.array_equal(counts[again], samples[place]):
                    continue
            names.append(lead)
            counts.append(samples[place])
            held.append(padding[place])
            definitions.append(definition)
    _check_skew({lead: skew_of(definition, rate) for lead, definition in zip(names, definitions)}, rate, path)
    scales, offsets = np.array([calibration(definition, path) for definition in definitions]).T
    signal = np.stack(counts) * scales[:, None] + offsets[:, None]
    signal[missing(np.stack(counts), np.stack(held), rate)] = np.nan
    units = tuple(unit_of(definition) for definition in definitions)
    return Channels(tuple(names), signal, units, rate, str(path), others)


def _rhythm(groups: list[Dataset], path: Path) -> _Groups:
    """The groups that hold the ECG, with the leads of each.

    Derived groups, as the median beat, are left alone. Leads may be spread over groups of one rate, length and time.
    Of several ECGs, the longest counts; where none is whole, the longest part of one.

    Raises
    ------
    DataError
        If the leads are all there, but not at one time.
    """
    original = [group for group in groups if text_of(group.get("WaveformOriginality")) != "DERIVED"] or groups
    told = [(group, leads) for group in original if (leads := leads_of(group, path))]
    together: dict[tuple[float, int, int], _Groups] = {}
    for group, leads in told:
        check_group(group, path)
        rate, samples = float(group.SamplingFrequency), int(group.NumberOfWaveformSamples)
        together.setdefault((rate, samples, round(offset_of(group) * rate / 1000)), []).append((group, leads))
    ways = [*([each] for each in told), *together.values()]
    whole = [way for way in ways if _names(way) >= _NEEDED]
    if not whole and _names(told) >= _NEEDED:
        parts = "; ".join(
            f"{', '.join(lead for lead in LEADS if lead in _names(way))} from {offset / rate:g} to "
            f"{(offset + samples) / rate:g} s at {rate:g} Hz"
            for (rate, samples, offset), way in together.items()
        )
        raise DataError(
            f"the leads are not simultaneous ({parts})",
            source=path,
            remedy="export the ten seconds of all twelve leads, not the parts that are printed",
        )
    return max(whole or ways, key=_seconds, default=[])


def _names(groups: _Groups) -> set[str]:
    return {lead for _, leads in groups for lead in leads.values()}


def _seconds(groups: _Groups) -> float:
    return int(groups[0][0].NumberOfWaveformSamples) / float(groups[0][0].SamplingFrequency)


def _check_skew(skews: dict[str, float], rate: float, path: Path) -> None:
    """Refuse leads that were sampled at different times; within one sample, as an ADC that takes turns, they may."""
    early, late = min(skews, key=skews.get), max(skews, key=skews.get)
    if skews[late] - skews[early] >= 1:
        raise DataError(
            f"the leads are not simultaneous ({late} lags {1000 * (skews[late] - skews[early]) / rate:g} ms "
            f"behind {early})",
            source=path,
            remedy="export the ECG with its leads aligned",
        )
