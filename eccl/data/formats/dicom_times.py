"""When the images of a DICOM cine were taken: their order over the beat, and the time from one to the next."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from eccl.data.formats.dicom_header import Instance
from eccl.data.formats.zips import AGAIN
from eccl.records import DataError

COVERED = (0.4, 1.5)  # of the stated beat, that many phases last: some scans leave out its end, and no beat is the same
MOST_SPREAD = 2.0  # between the slices of a heart that beats unevenly
_WHOLE_BEAT = 10  # phases from which on they are a cine, and no choice of a few
_TIMES = "export the series with its times (TriggerTime, or NominalInterval)"


def order_phases(slices: list[list[Instance]], path: Path) -> list[list[Instance]]:
    """The images of each slice in the order in which they were taken.

    By their time after the R wave. Where no image states one, by TemporalPositionIdentifier (TemporalPositionIndex of a
    frame), and where that does not tell them apart, by InstanceNumber.

    Raises
    ------
    DataError
        If two images have one place in that order, or one has none.
    """
    every = [instance for slice_ in slices for instance in slice_]
    timed = [instance for instance in every if instance.trigger is not None]
    if timed:
        if untimed := [instance for instance in every if instance.trigger is None]:
            problem = f"the TriggerTime is missing in {untimed[0].name}, which other images have"
            raise DataError(problem, source=path, remedy=AGAIN)
        return [_ordered(slice_, "trigger", "TriggerTime", " ms", path) for slice_ in slices]
    if all(len({each.order for each in slice_} - {None}) == len(slice_) for slice_ in slices):
        return [_ordered(slice_, "order", "TemporalPositionIdentifier", "", path) for slice_ in slices]
    return [_ordered(slice_, "number", "InstanceNumber", "", path) for slice_ in slices]


def phase_intervals(phases: list[list[Instance]], path: Path) -> tuple[float, ...]:
    """Time between phases of each slice, ms: of TriggerTime, else the stated beat over the number of phases.

    Raises
    ------
    DataError
        If a phase is missing, the time is not stated, or what states it contradicts itself.
    """
    timed = phases[0][0].trigger is not None and len(phases[0]) > 1
    intervals = [_timed(slice_, path) if timed else _shared(slice_, path) for slice_ in phases]
    if max(intervals) > MOST_SPREAD * min(intervals):
        raise DataError(
            f"{min(intervals):g} ms between the phases of one slice, {max(intervals):g} ms between those of another",
            source=path,
            remedy=f"they cannot be of one heart at rest: {_TIMES}",
        )
    return tuple(intervals)


def _ordered(slice_: list[Instance], key: str, what: str, unit: str, path: Path) -> list[Instance]:
    ordered = sorted(slice_, key=lambda instance: getattr(instance, key))
    values = [getattr(instance, key) for instance in ordered]
    for (before, one), (instance, other) in pairwise(zip(ordered, values)):
        if one == other:
            frames = before.pixels == instance.pixels
            raise DataError(
                f"{before.name} and {instance.name} have the same {what}, {one:g}{unit}, in one series "
                f"({len(set(values))} different ones of {len(values)})",
                source=path,
                remedy=_TIMES if frames else "remove what is there twice; a still image is no cine",
            )
    return ordered


def _timed(slice_: list[Instance], path: Path) -> float:
    times = [instance.trigger for instance in slice_]
    gaps = np.diff(times)
    if gaps.max() > 1.5 * (usual := np.sort(gaps)[(len(gaps) - 1) // 2]):
        raise DataError(
            f"{gaps.max():g} ms between {slice_[gaps.argmax()].name} and the next phase, {usual:g} ms between "
            "others: a phase is missing",
            source=path,
            remedy=AGAIN,
        )
    if len(times) >= _WHOLE_BEAT:
        _check_whole(slice_, path)
    interval = (times[-1] - times[0]) / len(gaps)
    lasting = interval * len(times)
    beat = slice_[0].beat
    low, high = COVERED
    if len(times) >= _WHOLE_BEAT and not (np.isnan(beat) or low * beat <= lasting <= high * beat):
        raise DataError(
            f"by their TriggerTime the {len(times)} phases from {slice_[0].name} on last {lasting:g} ms, where a beat "
            f"of {beat:g} ms is stated (NominalInterval)",
            source=path,
            remedy="both are in ms: repair the one that is not, or empty NominalInterval",
        )
    return interval


def _shared(slice_: list[Instance], path: Path) -> float:
    beats, first = [instance.beat for instance in slice_], slice_[0].name
    if np.isnan(beats).any():
        problem = f"neither TriggerTime nor NominalInterval says how long a phase lasts, from {first} on"
        raise DataError(problem, source=path, remedy=_TIMES)
    if max(beats) > 1.1 * min(beats):
        problem = f"a NominalInterval of {min(beats):g} ms, and of {max(beats):g} ms in the slice of {first}"
        raise DataError(problem, source=path, remedy=_TIMES)
    _check_whole(slice_, path)
    return float(np.mean(beats)) / len(slice_)


def _check_whole(slice_: list[Instance], path: Path) -> None:
    if (images := max(instance.images for instance in slice_)) > len(slice_):
        raise DataError(
            f"{len(slice_)} phases, from {slice_[0].name} on, of the {images} that CardiacNumberOfImages states",
            source=path,
            remedy=AGAIN,
        )
