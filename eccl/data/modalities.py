"""The modalities of a cohort, one row each: its files, and how a recording is packed into an array and unpacked.

A new modality is one row of `MODALITIES`: cohort, store and batch take it from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eccl.data.cmr import read_cine
from eccl.data.ecg import GAIN, read_ecg
from eccl.data.standard.intensity import scale_intensity
from eccl.data.standard.plane import SIZE
from eccl.records import ECG, FRAMES, LEADS, SAMPLES, Cine


@dataclass(frozen=True)
class Modality:
    """One kind of recording of a participant.

    Attributes
    ----------
    name : str
        In a description, a store and a batch: "ecg".
    folder : str
        Of its files inside a cohort.
    endings : tuple of str
        Of the files of one participant; the first is the one that `read` takes.
    read : callable (path) -> record
        In a cohort's standard.
    dtype, shape : str and tuple of int
        Of one participant in the packed array.
    encode : callable (record) -> ndarray
        As it is packed.
    decode : callable (ndarray) -> ndarray of float32
        Of a batch (B, *shape), in the units of a model's input.
    """

    name: str
    folder: str
    endings: tuple[str, ...]
    read: Callable[[Path], Any]
    dtype: str
    shape: tuple[int, ...]
    encode: Callable[[Any], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]

    def names(self, participant_id: str) -> list[str]:
        """Names of a participant's files, in the folder."""
        return [f"{participant_id}{ending}" for ending in self.endings]


def _encode_ecg(ecg: ECG) -> np.ndarray:
    return np.rint(ecg.signal * GAIN)  # steps of 5 uV


def _encode_cine(cine: Cine) -> np.ndarray:
    return np.rint(scale_intensity(cine.frames, cine.source) * 255)


# Divided in numpy: one pass, three times as fast as to convert and then divide in torch.
_ROWS = (
    Modality(
        name="ecg",  # mV
        folder="ecg",
        endings=(".hea", ".dat"),
        read=read_ecg,
        dtype="<i2",
        shape=(len(LEADS), SAMPLES),
        encode=_encode_ecg,
        decode=lambda packed: np.divide(packed, np.float32(GAIN)),
    ),
    Modality(
        name="cine",  # intensity, 0 to 1
        folder="cmr",
        endings=(".nii.gz",),
        read=read_cine,
        dtype="|u1",
        shape=(FRAMES, SIZE, SIZE),
        encode=_encode_cine,
        decode=lambda packed: np.divide(packed, np.float32(255)),
    ),
)
MODALITIES = {modality.name: modality for modality in _ROWS}
FORMER_NAMES = {"cmr": "cine"}  # in descriptions and options written before a modality had one name everywhere
