"""Plausible recordings and cohorts made in a few lines, independent of the simulator; and what a refusal must say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eccl.data.cmr import write_cine
from eccl.data.ecg import write_ecg
from eccl.records import ECG, FRAMES, SAMPLES, SAMPLING_RATE, Cine, DataError
from eccl.traits import DIAGNOSES, TRAITS

PARTICIPANTS = 24


def make_ecg(rng: np.random.Generator, heart_rate: float = 65.0) -> ECG:
    """A plain sinus rhythm: Gaussian waves on two limb leads and six chest leads, the others by Einthoven's law."""
    seconds = np.arange(SAMPLES) / SAMPLING_RATE
    phase = (seconds - rng.uniform(0.2, 0.6)) % (60.0 / heart_rate)
    waves = [(-0.16, 0.025, 0.12), (0.0, 0.012, 1.0), (0.03, 0.010, -0.25), (0.28, 0.05, 0.3)]  # P, R, S, T
    beat = 60.0 / heart_rate
    shapes = [
        height * np.exp(-0.5 * (((phase - at + beat / 2) % beat - beat / 2) / width) ** 2)
        for at, width, height in waves
    ]
    sources = rng.uniform(0.5, 1.2, size=(8, 1, 4)) * np.array(shapes).T[None]
    independent = sources.sum(axis=-1) + rng.normal(0, 0.01, (8, SAMPLES))
    one, two, chest = independent[0], independent[1], independent[2:]
    limb = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    return ECG(np.round(np.concatenate([limb, chest]) * 200) / 200)


def einthoven(ecg: ECG) -> float:
    """Largest departure from Einthoven's and Goldberger's laws, mV."""
    one, two, three, right, left, foot = ecg.signal[:6]
    gaps = (two - one - three, right + (one + two) / 2, left - one + two / 2, foot - two + one / 2)
    return max(np.abs(gap).max() for gap in gaps)


def make_cine(rng: np.random.Generator, heart_rate: float = 65.0) -> Cine:
    """A bright ring's cavity that shrinks and grows once over the beat, right ventricle on the left."""
    row, column = np.mgrid[:80, :80]
    turn = np.sin(np.pi * np.arange(FRAMES) / FRAMES)[:, None, None] ** 2
    cavity = rng.uniform(12, 16) - 5 * turn
    distance = np.hypot(row - 40, column - 44)
    right = np.hypot((row - 38) / 16, (column - 20) / 7) < 1
    image = 40 + 130 * (distance < cavity) - 25 * ((distance >= cavity) & (distance < 20)) + 110 * right
    frames = np.clip(np.rint(image + rng.normal(0, 6, (FRAMES, 80, 80))), 0, 255)
    return Cine(frames, (1.8, 1.8), 60000.0 / heart_rate / FRAMES)


def cohort_table(rng: np.random.Generator, participants: int = PARTICIPANTS) -> pd.DataFrame:
    """A table that passes every check: traits in the middle of their ranges, every diagnosis there."""
    columns = {
        "participant_id": [f"p{number:03d}" for number in range(participants)],
        "sex": rng.integers(0, 2, participants),
        "age": rng.uniform(45, 75, participants).round(1),
        "height": rng.normal(170, 8, participants).round(),
        "weight": rng.normal(75, 10, participants).round(1),
        "systolic": rng.normal(135, 10, participants).round(),
        "diastolic": rng.normal(80, 6, participants).round(),
    }
    for trait in TRAITS:
        middle, width = (trait.low + trait.high) / 2, trait.high - trait.low
        columns[trait.name] = (middle + width * rng.uniform(-0.2, 0.2, participants)).round(3)
    for place, code in enumerate(DIAGNOSES):
        columns[code] = (np.arange(participants) % 4 == place).astype(int)
    return pd.DataFrame(columns)


def write_cohort(folder: Path, participants: int = PARTICIPANTS, seed: int = 7) -> Path:
    """A cohort on disk, as any source writes it."""
    rng = np.random.default_rng(seed)
    for part in ("ecg", "cmr"):
        (folder / part).mkdir(parents=True)
    table = cohort_table(rng, participants)
    for name in table["participant_id"]:
        heart_rate = rng.uniform(50, 90)
        write_ecg(folder / "ecg" / name, make_ecg(rng, heart_rate))
        write_cine(folder / "cmr" / f"{name}.nii.gz", make_cine(rng, heart_rate))
    table.to_csv(folder / "cohort.csv", index=False)
    description = {"name": "test", "version": 1, "simulated": True, "licence": "CC0-1.0", "generated_by": "tests"}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    return folder


def refused(call, *words):
    """The message of the DataError that `call` raises, which must hold every word and a remedy."""
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    for word in (*words, "Remedy: "):
        assert str(word) in message, message
    assert caught.value.remedy.strip()
    return caught.value
