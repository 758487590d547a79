"""Recordings, checked on construction: an ECG in mV, a cine or stack in arbitrary intensity with its geometry.

A record knows no file format and no data source. Readers build records; everything downstream trusts them.
"""

from eccl.errors import DataError
from eccl.records.cine import BEAT, FRAMES, PIXEL, Cine, Stack, check_beat, check_slices, shifted
from eccl.records.ecg import (
    DURATION,
    ECG,
    LARGEST_VOLTAGE,
    LEADS,
    SAMPLES,
    SAMPLING_RATE,
    SMALLEST_CHANGE,
    Channels,
    check_changes,
    stretches,
)

__all__ = [
    "BEAT",
    "DURATION",
    "ECG",
    "FRAMES",
    "LARGEST_VOLTAGE",
    "LEADS",
    "PIXEL",
    "SAMPLES",
    "SAMPLING_RATE",
    "SMALLEST_CHANGE",
    "Channels",
    "Cine",
    "DataError",
    "Stack",
    "check_beat",
    "check_changes",
    "check_slices",
    "shifted",
    "stretches",
]
