"""Who is trained on, selected on and looked at once: by a hash of their names, or as a source says."""

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
    part = np.array(PARTS)[np.searchsorted(np.cumsum(fractions)[:2], places, side="right")]
    needed = [name for name, fraction in zip(PARTS, fractions) if fraction > 0]
    return given_split(part, needed, people=len(set(participant_ids)))


def given_split(
    part: Sequence[str] | np.ndarray,
    needed: Sequence[str] = PARTS,
    people: int | None = None,
    source: object = None,
) -> Split:
    """The split in which each row is in the part of that name.

    Parameters
    ----------
    part : sequence of str, shape (N,)
        The part of each row.
    needed : sequence of str
        Parts that may not be empty.
    people, source
        How many people the rows are of, by default one each, and where their parts stand; for messages.

    Raises
    ------
    DataError
        If a part that is needed stays empty.
    """
    rows = {name: np.flatnonzero(np.asarray(part) == name) for name in PARTS}
    empty = [name for name in needed if not len(rows[name])]
    if empty:
        raise DataError(
            f"no participant is in the {empty[0]} part of {people or len(part)}",
            source=source,
            remedy=f"use more participants, {ENOUGH} or so, or say who is in which part in the column split of "
            f"cohort.csv ({', '.join(PARTS)}); without that column a hash of the name says it",
        )
    return Split(**rows)


def _uniform(text: str) -> float:
    """A number in [0, 1) that is the text's own."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48
