"""EDF and EDF+ (continuous): of all signals only the leads are read, and of them only the seconds that are wanted."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.ecg_formats.content import check_file
from eccl.data.leads import Channels, check_rate, lead_name
from eccl.records import DataError

if TYPE_CHECKING:
    from edfio import Edf, EdfSignal


def read_edf_leads(path: Path, seconds: float) -> Channels:
    """The leads among the signals, no more than their first `seconds`, each in its physical dimension.

    Raises
    ------
    DataError
        If the file is damaged, truncated, no EDF, discontinuous, or its leads differ in rate.
    """
    from edfio import read_edf

    check_file(path, largest=None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # edfio only warns of a truncated file
            return _channels(read_edf(path, lazy_load_data=True, header_encoding="latin-1"), path, seconds)
    except DataError:
        raise
    except (UserWarning, OSError, ValueError, IndexError, KeyError, TypeError, ArithmeticError, UnboundLocalError) as e:
        raise DataError(f"damaged, or no EDF ({e})", source=path, remedy="copy or export it again, whole") from e


def _channels(file: Edf, path: Path, seconds: float) -> Channels:
    if file.reserved.startswith("EDF+D"):
        raise DataError(
            "an EDF+D file, which has gaps in time", source=path, remedy="export a continuous stretch, as EDF+C"
        )
    leads = [signal for signal in file.signals if lead_name(signal.label)]
    rates = {signal.sampling_frequency for signal in leads}
    if len(rates) > 1:
        some = ", ".join(f"{rate:g}" for rate in sorted(rates))
        raise DataError(f"leads at different rates ({some} Hz)", source=path, remedy="export all leads at one rate")
    if not leads:  # `assemble` says so, with the names that are there
        return Channels(tuple(signal.label for signal in file.signals), np.empty((0, 0)), (), None, str(path))
    rate = check_rate(float(f"{rates.pop():.9g}"), path)
    # edfio gives ADC counts for a range it cannot read, so the ranges are checked here.
    signal = np.stack([_physical(signal, math.ceil(seconds * rate), file.num_data_records, path) for signal in leads])
    units = tuple(signal.physical_dimension.strip() or None for signal in leads)
    return Channels(tuple(signal.label for signal in leads), signal, units, rate, str(path))


def _physical(signal: EdfSignal, wanted: int, records: int, path: Path) -> np.ndarray:
    """The first samples (T,) in the signal's physical dimension."""
    low, high = float(signal.digital_min), float(signal.digital_max)
    bottom, top = signal.physical_min, signal.physical_max
    gain = (top - bottom) / (high - low) if high > low else 0.0
    if gain == 0 or not math.isfinite(gain):
        raise DataError(
            f"signal {signal.label} spans {bottom:g} to {top:g} {signal.physical_dimension} "
            f"for counts of {low:g} to {high:g}",
            source=path,
            remedy="export it with its physical and digital range",
        )
    samples = min(wanted, records * signal.samples_per_data_record)
    digital = signal.get_digital_slice(0, samples / signal.sampling_frequency)
    return bottom + gain * (digital.astype(float) - low)
