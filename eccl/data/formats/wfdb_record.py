"""WFDB records, as PhysioNet distributes them: a header, and samples in .dat or in MATLAB's .mat (version 4).

WFDB stores samples by leads, (T, 12); records hold leads by samples. They are transposed as they are read or written.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np

from eccl.data.formats.leads import RATES, check_rate, lead_name
from eccl.data.formats.matlab import misplaced
from eccl.data.formats.wfdb_header import Header, Signal, read_header
from eccl.records import Channels, DataError

_HEAD = 84  # bytes of a MATLAB file that tell where its first matrix lies
_SUFFIXES = (".hea", ".dat", ".mat")
_BYTES = {  # of a sample, by format
    **{"8": Fraction(1), "16": Fraction(2), "24": Fraction(3), "32": Fraction(4), "61": Fraction(2), "80": Fraction(1)},
    **{"160": Fraction(2), "212": Fraction(3, 2), "310": Fraction(4, 3), "311": Fraction(4, 3)},
}
_MATLAB = {"16": "<i2", "61": ">i2", "32": "<i4", "80": "u1", "160": "<u2"}  # numbers of a matrix, by format
_FLAC = ("508", "516", "524")
MOST_SAMPLES = 20_000_000  # decoded of one file; eleven seconds of twelve leads at the highest rate are 6.6 million


def read_wfdb(path: Path, seconds: float) -> Channels:
    """The leads of a record, no more than their first `seconds`, each in the unit of its header.

    Samples of a frame are taken one by one, so that a lead's rate is that of the frames times the samples in each.

    Raises
    ------
    DataError
        If a file is missing or shorter than its header says, a lead has no gain, or leads differ in rate.
    """
    path = header_of(path)
    header = read_header(path)
    leads = [place for place, signal in enumerate(header.signals) if lead_name(signal.name)]
    names = tuple(signal.name for signal in header.signals)
    if not leads:  # `assemble` says so, with the names that are there
        return Channels(names, np.empty((0, 0)), (None,) * len(names), header.rate, str(path))
    many = _samples_a_frame(header, leads, path)
    rate = None if header.rate is None else check_rate(float(f"{header.rate * many:.12g}"), path)
    for place in leads:
        _check_gain(header.signals[place], path)
    kept = [header.signals[place] for place in leads]
    counts = _counts(header, leads, math.ceil(seconds * (rate or RATES[1]) / many), path)
    return Channels(
        tuple(signal.name for signal in kept),
        np.stack(counts),
        tuple(signal.unit for signal in kept),
        rate,
        str(path),
        others=tuple(name for name in names if not lead_name(name)),
    )


def record_stem(path: Path | str) -> Path:
    """The path of a WFDB record without .hea, .dat or .mat."""
    path = Path(path)
    return path.with_suffix("") if path.suffix in _SUFFIXES else path


def header_of(path: Path | str) -> Path:
    """The path of the header of a record."""
    stem = record_stem(path)
    return stem.parent / f"{stem.name}.hea"


def _samples_a_frame(header: Header, leads: list[int], path: Path) -> int:
    many = sorted({header.signals[place].many for place in leads})
    if len(many) > 1:
        rates = " and ".join(f"{(header.rate or 1) * each:g}" for each in many)
        raise DataError(
            f"leads at different rates ({rates} {'Hz' if header.rate else 'samples a frame'})",
            source=path,
            remedy="export all leads at one rate",
        )
    return many[0]


def _check_gain(signal: Signal, path: Path) -> None:
    if signal.gain == 0:
        absent, also = ("gain", "") if signal.unit else ("unit", ", nor a gain")
        raise DataError(
            f"no {absent} is stated for lead {lead_name(signal.name)}{also}, so its samples are ADC counts",
            source=path,
            remedy="write the recorder's gain (ADC units per mV) and unit into the header",
        )


def _counts(header: Header, leads: list[int], wanted: int, path: Path) -> list[np.ndarray]:
    """The first `wanted` frames of each lead, or as many as there are, in its own unit: one array (T,) a lead."""
    import wfdb

    found: dict[int, np.ndarray] = {}
    for name in {header.signals[place].file: None for place in leads}:
        group = [place for place, signal in enumerate(header.signals) if signal.file == name]
        of_file = [header.signals[place] for place in group]
        odd = {(signal.format, signal.offset) for signal in of_file}
        if len(odd) > 1 or group != list(range(group[0], group[-1] + 1)):
            raise DataError(
                f"the signals of {name} are not described together, in one format and with one offset",
                source=path,
                remedy="export the record again, as WFDB",
            )
        wanted_here = [number for number, place in enumerate(group) if place in leads]
        # As far as the lead that lags most; what is beyond the end of the file is missing from all.
        lag = max(of_file[number].skew for number in wanted_here)
        for number, samples in zip(wanted_here, _decoded(of_file, wanted_here, header.frames, wanted + lag, path)):
            found[group[number]] = samples[of_file[number].skew * of_file[number].many :]
    shortest = min(map(len, found.values()))
    kept = [header.signals[place] for place in leads]
    record = wfdb.Record(
        e_d_signal=[found[place][:shortest] for place in leads],
        n_sig=len(leads),
        fmt=[signal.format for signal in kept],
        adc_gain=[signal.gain for signal in kept],
        baseline=[signal.baseline for signal in kept],
    )
    return record.dac(expanded=True)


def _decoded(signals: list[Signal], wanted: list[int], stated: int, frames: int, path: Path) -> list[np.ndarray]:
    """ADC counts of the wanted signals of one file, no more than `frames` frames, not shifted by their skew."""
    from wfdb.io._signal import _rd_segment  # wfdb.rdrecord refuses a header for its date, and averages frames

    name, code, offset = signals[0].file, signals[0].format, signals[0].offset
    file, frame = path.parent / name, sum(signal.many for signal in signals)
    try:
        if not file.is_file():  # a pipe would be waited for
            raise DataError(
                f"the signal file {name} is missing",
                source=path,
                remedy="put it beside its header, or leave this record out",
            )
        _check_matlab(file, signals[0], frame, path)
        held = _frames_held(file.stat().st_size, signals[0], frame, stated, path)
        frames = min(frames, stated or held)
        if held < frames:
            raise DataError(
                f"header and signal file do not fit: {stated} frames of {frame} samples stated, {name} holds {held}",
                source=path,
                remedy="copy the record again, since a file may be truncated, or leave it out",
            )
        if frames * frame > MOST_SAMPLES:
            raise DataError(
                f"{frames} frames of {frame} samples to be read of {name}, more than {MOST_SAMPLES} samples",
                source=path,
                remedy="export the ECG by itself, with its rate in the header",
            )
        many = len(signals)
        return _rd_segment(
            file_name=[name] * many,
            dir_name=str(path.parent.absolute()),
            pn_dir=None,
            fmt=[code] * many,
            n_sig=many,
            sig_len=frames,
            byte_offset=[offset] * many,
            samps_per_frame=[signal.many for signal in signals],
            skew=[0] * many,
            init_value=[signal.first for signal in signals],
            sampfrom=0,
            sampto=frames,
            channels=wanted,
            ignore_skew=True,
        )
    except DataError:
        raise
    except OSError as error:
        raise DataError(
            f"the signal file {name} cannot be read ({error.strerror or error})",
            source=path,
            remedy="check that you may read it",
        ) from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise DataError(
            f"header and signal file {name} do not fit ({error})", source=path, remedy="copy the record again"
        ) from error


def _check_matlab(file: Path, signal: Signal, frame: int, path: Path) -> None:
    """Refuse a MATLAB file whose matrix does not lie where the header says: what is there instead would be read."""
    if file.suffix.lower() != ".mat":
        return
    with file.open("rb") as opened:
        wrong = misplaced(opened.read(_HEAD), _MATLAB.get(signal.format), frame, signal.offset)
    if wrong:
        raise DataError(
            f"the header states {frame} rows in format {signal.format} behind {signal.offset} bytes, but {file.name} "
            f"{wrong}",
            source=path,
            remedy="save the matrix again with save -v4, one row a lead, or read the .mat away from its header",
        )


def _frames_held(size: int, signal: Signal, frame: int, stated: int, path: Path) -> int:
    """How many frames of `frame` samples a file of `size` bytes holds; of compressed ones, the header must say it."""
    if signal.format in _BYTES:
        return max(0, math.floor((size - signal.offset) / (_BYTES[signal.format] * frame)))
    if signal.format in _FLAC and stated:
        return stated
    if signal.format in _FLAC:
        raise DataError(
            f"the number of samples in {signal.file}, a FLAC file, is not stated",
            source=path,
            remedy="write it into the header, behind the sampling rate",
        )
    raise DataError(
        f"the signal format {signal.format} is none that holds samples",
        source=path,
        remedy=f"export the record in one of the formats {', '.join((*_BYTES, *_FLAC))}",
    )
