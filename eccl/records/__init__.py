"""Recordings, checked on construction: an ECG in mV, a cine or stack in arbitrary intensity with its geometry.

A record knows no file format and no data source. Readers build records; everything downstream trusts them.
"""

from eccl.errors import DataError
from eccl.records.cine import BEAT, FRAMES, PIXEL, Cine, check_beat
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
from eccl.records.stack import ShortAxis, Stack, check_slices, shifted

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
    "ShortAxis",
    "Stack",
    "check_beat",
    "check_changes",
    "check_slices",
    "shifted",
    "stretches",
]
