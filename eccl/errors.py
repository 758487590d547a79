"""The one error of this package that a user can act on, and the nearest name to one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import partial


class DataError(ValueError):
    """Input that cannot be used, said in one sentence a user can act on.

    Parameters
    ----------
    problem : str
        What is wrong, with the offending value and its unit.
    source : object, optional
        The file (or table and row) where it was found.
    remedy : str
        What the user can do about it.

    Examples
    --------
    >>> raise DataError("no unit is stated for lead I", source="a.hea", remedy="write /mV after the gain")
    Traceback (most recent call last):
    eccl.errors.DataError: a.hea: no unit is stated for lead I. Remedy: write /mV after the gain.
    """

    def __init__(self, problem: str, *, source: object = None, remedy: str):
        self.problem, self.source, self.remedy = problem, source, remedy
        where = f"{source}: " if source is not None else ""
        super().__init__(f"{where}{problem}. Remedy: {remedy}.")

    def __reduce__(self) -> tuple:
        # As an exception is pickled by itself it cannot be made again, and a worker's error would hide why.
        return partial(DataError, source=self.source, remedy=self.remedy), (self.problem,)


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """Did you mean, with the nearest of the known names; what to say otherwise, if none is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}" if near else otherwise
