"""The one error of this package that a user can act on."""

from __future__ import annotations


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
    """

    def __init__(self, problem: str, *, source: object = None, remedy: str):
        self.problem, self.source, self.remedy = problem, source, remedy
        where = f"{source}: " if source is not None else ""
        super().__init__(f"{where}{problem}. Remedy: {remedy}.")
