"""Einthoven's and Goldberger's laws: limb leads that follow from I and II, and rows that cannot be the limb leads."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from eccl.records import LEADS, DataError

DERIVED = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}  # of I and of II
DEPARTURE = 0.2  # of the limb leads' amplitude; as recorded it is below 0.02, cleaned lead by lead mostly below 0.15
SUSPECT = 0.1  # of it, from which on the rows may not fit another order twice as well

_LAWS = {"III": "II - I", "aVR": "-(I + II)/2", "aVL": "I - II/2", "aVF": "II - I/2"}
_LIMBS = LEADS[:6]
_KNOWN = {  # rows to take, and the sign of aVR: whose order it is
    ((0, 1, 2, 3, 5, 4), 1): "I, II, III, aVR, aVF, aVL of MIMIC-IV-ECG",
    ((1, 3, 5, 2, 0, 4), 1): "aVL, I, aVR, II, aVF, III of Cabrera",
    ((1, 3, 5, 2, 0, 4), -1): "aVL, I, -aVR, II, aVF, III of Cabrera",
}


def derived_leads(one: np.ndarray, two: np.ndarray) -> dict[str, np.ndarray]:
    """III, aVR, aVL and aVF by name, each of the shape and in the unit of I and II."""
    return {lead: of_one * one + of_two * two for lead, (of_one, of_two) in DERIVED.items()}


def law_broken(limbs: np.ndarray, sampling_rate: float) -> str | None:
    """Which law the limb leads break and by how much, as words; None if they keep all four.

    Offsets of single leads do not count, nor does what rounding to the signal's own steps explains. Each second is
    looked at by itself and the median counts, so that a clipped beat or a loose electrode breaks nothing.

    Parameters
    ----------
    limbs : ndarray, shape (6, T)
        I, II, III, aVR, aVL and aVF in one unit, whichever.
    sampling_rate : float
        Hz.
    """
    products = _products(limbs, sampling_rate)
    if not len(products):
        return None  # nothing but gaps or flat lines, which the record refuses
    return _words(_gaps(products), products) if _above(_gaps(products), products, limbs, DEPARTURE) else None


def check_order(leads: np.ndarray, sampling_rate: float, source: object) -> None:
    """Refuse rows that were taken to be in the order of `LEADS` and cannot be.

    They cannot if they break a law by more than `DEPARTURE`, or by more than `SUSPECT` where another order of the six
    keeps it.

    Parameters
    ----------
    leads : ndarray, shape (12, T)
        Rows whose order nobody stated, in one unit, whichever.
    sampling_rate : float
        Hz.
    source : object
        The file.

    Raises
    ------
    DataError
        If the first six cannot be the limb leads; the remedy names the order that they do fit, if there is one.
    """
    limbs = np.asarray(leads[:6], dtype=float)
    products = _products(limbs, sampling_rate)
    if not len(products):
        return
    gaps = _gaps(products)
    if not _above(gaps, products, limbs, SUSPECT):
        return
    orders = [(rows, sign) for rows in permutations(range(6)) for sign in (1, -1)]
    best = min(orders, key=lambda order: _gaps(products, *order).max())
    left = _gaps(products, *best)
    if 2 * left.max() > gaps.max() and not _above(gaps, products, limbs, DEPARTURE):
        return
    remedy = f"save one row for each of {', '.join(LEADS)}, in this order"
    if 2 * left.max() < gaps.max() and not _above(left, products, limbs, DEPARTURE):
        rows, sign = best
        known = f"the order {_KNOWN[best]}" if best in _KNOWN else "another order"
        turned = " and change the sign of aVR" if sign < 0 else ""
        remedy = f"they fit {known}: put rows {', '.join(map(str, rows))} (counted from 0) first, so{turned}"
    raise DataError(
        f"the first six rows are not {', '.join(_LIMBS)}, the order that is assumed: {_words(gaps, products)}",
        source=source,
        remedy=remedy,
    )


def _products(limbs: np.ndarray, sampling_rate: float) -> np.ndarray:
    """Mean products of each two rows, (S, 6, 6), in each second that holds a signal, after its mean is taken off."""
    seconds = np.array_split(limbs, max(1, round(limbs.shape[1] / sampling_rate)), axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        products = np.array([np.cov(second, bias=True) for second in seconds if second.shape[1] > 1])
        told = np.isfinite(products).all(axis=(1, 2)) & (np.trace(products, axis1=1, axis2=2) > 0)
    return products[told]


def _gaps(products: np.ndarray, rows: tuple[int, ...] = tuple(range(6)), sign: int = 1) -> np.ndarray:
    """By how much (RMS) each law is broken, shape (4,), if these rows, aVR with this sign, are the limb leads."""
    signs = np.array([1, 1, 1, sign, 1, 1])
    weights = np.array([_departure(lead) for lead in DERIVED]) * signs
    taken = products[:, rows][:, :, rows]
    squares = np.einsum("li,sij,lj->sl", weights, taken, weights)
    return np.sqrt(np.maximum(np.median(squares, axis=0), 0))


def _above(gaps: np.ndarray, products: np.ndarray, limbs: np.ndarray, part: float) -> bool:
    """Whether a gap is larger than a part of the amplitude, beyond what rounding explains: half a step (RMS)."""
    steps = np.diff(np.unique(limbs[np.isfinite(limbs)]))
    return bool(gaps.max() > np.hypot(part * _amplitude(products), steps.min() / 2))


def _amplitude(products: np.ndarray) -> float:
    """RMS of the six rows."""
    return float(np.sqrt(np.median(np.trace(products, axis1=1, axis2=2)) / 6))


def _words(gaps: np.ndarray, products: np.ndarray) -> str:
    lead = list(DERIVED)[int(gaps.argmax())]
    return f"{lead} = {_LAWS[lead]} is off by {gaps.max() / _amplitude(products):.0%} of their amplitude"


def _departure(lead: str) -> list[float]:
    """What the six limb leads are weighed with to give a lead less what follows from I and II."""
    one, two = DERIVED[lead]
    return [-one, -two, *(float(limb == lead) for limb in _LIMBS[2:])]
