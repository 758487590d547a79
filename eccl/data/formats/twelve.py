"""Twelve leads: arrays of them without names, in the order of `LEADS`; and limb leads that must not contradict."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eccl.data.formats.leads import lead_name
from eccl.data.formats.limb_leads import law_broken
from eccl.records import LEADS, Channels, DataError


def has_twelve(shape: tuple[int, ...] | None) -> bool:
    """Whether an array of this shape holds twelve leads, as rows or columns; a third axis, the first, of recordings.

    A lead has more than twelve samples, so that twelve numbers in a row are something else, as gains.
    """
    if shape is None or len(shape) not in (2, 3) or shape[0] < 1:
        return False
    return min(shape[-2:]) == len(LEADS) < max(shape[-2:])


def one_of(found: list[str], path: Path) -> str:
    """The only array of twelve leads among those that a file holds.

    Raises
    ------
    DataError
        If there is none, or more than one.
    """
    if len(found) != 1:
        raise DataError(
            f"{len(found) or 'no'} array{'s' * (len(found) != 1)} of numbers with 12 rows or columns",
            source=path,
            remedy=f"save one array alone, with one row for each of {', '.join(LEADS)}, in this order",
        )
    return found[0]


def bare(array: np.ndarray, path: Path) -> Channels:
    """The leads of an array (12, T) or (T, 12), in no stated unit, at no stated rate."""
    rows = array if array.shape[0] == len(LEADS) else array.T
    return Channels(LEADS, rows, (None,) * len(LEADS), None, str(path), order_assumed=True)


def fitting(channels: Channels) -> Channels:
    """The channels of a recorder's file, if the limb leads among them do not contradict one another.

    Recorders compute four of the six, so that a contradiction is damage that no checksum told of.

    Raises
    ------
    DataError
        If all six are there, in one unit, and break Einthoven's or one of Goldberger's laws.
    """
    rows = {lead_name(name): row for row, name in enumerate(channels.names)}
    limbs = [rows.get(lead) for lead in LEADS[:6]]
    if None in limbs or channels.sampling_rate is None or len({channels.units[row] for row in limbs}) > 1:
        return channels
    if broken := law_broken(channels.signal[limbs], channels.sampling_rate):
        raise DataError(
            f"limb leads that contradict one another: {broken}",
            source=channels.source,
            remedy="copy or export it again; if it stays so, leave it out",
        )
    return channels
