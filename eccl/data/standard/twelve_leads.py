"""What every ECG format shares: leads by name, voltages in mV, one rate, one length.

A reader of a format turns a file into `Channels`, as the file states them; `assemble` makes the ECG of them.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from eccl.data.formats.leads import check_rate, in_millivolts, lead_name
from eccl.data.formats.limb_leads import DERIVED, check_order, derived_leads
from eccl.records import DURATION, ECG, LEADS, SAMPLING_RATE, Channels, DataError, check_changes

RESOLUTION = 0.005  # mV, of the ECGs in a cohort; a lead that is flat once it is written there cannot be read again
MARGIN = 1.0  # s read beyond what is asked for, so that the filter has no edge at the cut
_DENOMINATORS = (1_000, 10_000, 100_000)  # of the ratio of two rates, tried in turn
_DRIFT = 0.05  # samples that the last one may be off because of a rounded ratio


def assemble(
    channels: Channels,
    sampling_rate: float = SAMPLING_RATE,
    duration: float = DURATION,
    resample: bool = True,
    unit: str | None = None,
    rate: float | None = None,
) -> ECG:
    """The first `duration` seconds of the 12 leads among the channels, in the order of `LEADS`, in mV.

    III, aVR, aVL and aVF are computed from I and II where they are missing (Einthoven's and Goldberger's laws).

    Parameters
    ----------
    channels : Channels
        As a reader gives them.
    sampling_rate : float
        Rate of the result, Hz.
    duration : float
        Length of the result, s.
    resample : bool
        Whether another rate is resampled (band-limited polyphase filter) or refused.
    unit, rate : str and float, optional
        Unit of the samples and rate in Hz, for a file that states none. They never override what it states.

    Raises
    ------
    DataError
        If a lead is missing and cannot be derived, or is there twice; a unit is absent or no voltage; the rate is
        absent, impossible or refused; there are too few samples, or one is not finite; a lead never changes, or
        rests for longer than any beat; the order of the rows is assumed and cannot be.
    """
    source = channels.source
    rows = _rows(channels)
    stated = channels.sampling_rate if channels.sampling_rate is not None else rate
    if stated is None:
        raise DataError(
            "the sampling rate is not stated",
            source=source,
            remedy="write it into the file (in a WFDB header after the number of signals), or state it: "
            "read_ecg(..., rate=500)",
        )
    check_rate(stated, source)
    kept = math.ceil((duration + MARGIN) * stated)
    with np.errstate(over="ignore", invalid="ignore"):  # ECG() says which lead is not finite
        signal = {
            lead: np.asarray(channels.signal[row, :kept], dtype=float)
            * in_millivolts(channels.units[row] or unit, f"lead {lead}", source)
            for lead, row in rows.items()
        }
        signal = derived_leads(signal["I"], signal["II"]) | signal
    leads = _recorded(np.stack([signal[lead] for lead in LEADS]), stated, sampling_rate, duration, source)
    if channels.order_assumed:
        check_order(leads, stated, source)
    ecg = ECG(_at_rate(leads, stated, sampling_rate, duration, resample, source), sampling_rate, source)
    check_changes(ecg.signal, sampling_rate, RESOLUTION, source)
    return ecg


def _rows(channels: Channels) -> dict[str, int]:
    """Row of each lead that is there."""
    found: dict[str, list[int]] = {lead: [] for lead in LEADS}
    for row, name in enumerate(channels.names):
        if lead := lead_name(name):
            found[lead].append(row)
    derivable = DERIVED if found["I"] and found["II"] else ()
    missing = [lead for lead in LEADS if not found[lead] and lead not in derivable]
    if missing:
        names = (*channels.names, *channels.others)[:40]
        some = ", ".join(name or "unnamed" for name in names) or "no channels"
        raise DataError(
            f"lead {', '.join(missing)} is missing among {some}",
            source=channels.source,
            remedy="give I, II and V1-V6, and III, aVR, aVL and aVF if they were recorded",
        )
    twice = [lead for lead in LEADS if len(found[lead]) > 1]
    if twice:
        raise DataError(
            f"lead {', '.join(twice)} is there more than once",
            source=channels.source,
            remedy="keep one channel of each lead",
        )
    return {lead: rows[0] for lead, rows in found.items() if rows}


def _recorded(leads: np.ndarray, stated: float, wanted: float, duration: float, source: str) -> np.ndarray:
    """The leads in mV (12, T) up to their first gap behind the stretch that is wanted, which is checked."""
    if leads.shape[1] * wanted / stated <= round(duration * wanted) - 1:
        raise DataError(
            f"{leads.shape[1] / stated:.5g} s long, shorter than {duration:g} s",
            source=source,
            remedy="leave it out; a short record is not padded, since that would invent signal",
        )
    # Before the filter, which would spread a gap over a lead and let a flat one follow what comes behind the cut.
    ECG(leads[:, : math.ceil(duration * stated)], stated, source)
    gaps = np.flatnonzero(~np.isfinite(leads).all(axis=0))
    return leads[:, : gaps[0]] if gaps.size else leads


def _at_rate(
    signal: np.ndarray, stated: float, wanted: float, duration: float, resample: bool, source: str
) -> np.ndarray:
    from scipy.signal import resample_poly

    samples = round(duration * wanted)
    if stated == wanted:
        return signal[:, :samples]
    if not resample:
        raise DataError(
            f"recorded at {stated:g} Hz, not {wanted:g} Hz",
            source=source,
            remedy="resample the file, or allow it: read_ecg(..., resample=True)",
        )
    ratio = _ratio(wanted, stated, samples, source)
    return resample_poly(signal, ratio.numerator, ratio.denominator, axis=1, padtype="line")[:, :samples]


def _ratio(wanted: float, stated: float, samples: int, source: str) -> Fraction:
    """The ratio of two rates, exact, or so close that the last sample is not off by more than `_DRIFT` of one."""
    exact = Fraction(wanted) / Fraction(stated)
    for limit in _DENOMINATORS:
        ratio = exact.limit_denominator(limit)
        if abs(ratio / exact - 1) * samples <= _DRIFT:
            return ratio
    raise DataError(
        f"a sampling rate of {stated!r} Hz, which cannot be brought to {wanted:g} Hz without drift",
        source=source,
        remedy="write the recorder's nominal rate into the file",
    )
