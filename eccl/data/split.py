"""Who is trained on, selected on and looked at once; and the scale of the traits, from the training rows alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eccl.records import DataError

PARTS = ("train", "validation", "test")
ENOUGH = 20  # people, of whom a part of a fifth stays empty once in a hundred splits


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint index arrays, each ascending: who is trained on, selected on, and looked at once."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(
    participant_ids: Sequence[str], fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 42
) -> Split:
    """A split by participant, decided for each by a hash of the name and the seed.

    A participant keeps its place when the cohort grows, shrinks or is sorted anew. The price is that the fractions are
    met on average: of n participants, within about 2 sqrt(f (1 - f) / n).

    Parameters
    ----------
    participant_ids : sequence of str
        One name a row. A name that occurs twice stays in one part, whole.
    fractions : tuple of float
        Of train, validation and test; they sum to 1.
    seed : int
        Another seed is another split.

    Raises
    ------
    ValueError
        If the fractions do not sum to 1.
    DataError
        If a part with a fraction stays empty.
    """
    if abs(sum(fractions) - 1) > 1e-9 or min(fractions) < 0:
        raise ValueError(f"fractions of train, validation and test sum to 1; got {fractions}")
    places = np.array([_uniform(f"{seed}:{name}") for name in participant_ids])
    part = np.searchsorted(np.cumsum(fractions)[:2], places, side="right")
    parts = [np.flatnonzero(part == number) for number in range(3)]
    people = len(set(participant_ids))
    for name, fraction, indices in zip(PARTS, fractions, parts):
        if fraction > 0 and not len(indices):
            raise DataError(
                f"no participant fell into the {name} part of {people}, as happens where they are few",
                remedy=f"use more participants, {ENOUGH} or so; or say who is in which part, in the column split of "
                f"cohort.csv ({', '.join(PARTS)})",
            )
    return Split(*parts)


def _uniform(text: str) -> float:
    """A number in [0, 1) that is the text's own."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48
