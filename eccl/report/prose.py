"""Numbers for the prose of a page: sentences filled with them, and each handed to the book under its name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eccl.metrics import Estimate


@dataclass(frozen=True)
class Prose:
    """A text with its numbers filled in, which a notebook shows as Markdown; `say` makes it."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def say(template: str, **values: Any) -> Prose:
    """The Markdown text with these numbers in it, for the end of a cell; they are handed to the book as by `record`.

    Parameters
    ----------
    template : str
        As in `str.format`, indented as one likes; a brace that is meant is doubled. Of an Estimate, `{r:.3f}` is the
        value with its interval, and `{r.value:.3f}`, `{r.low:.3f}`, `{r.high:.3f}` and `{r.n}` are its parts.
    **values
        Numbers, texts and Estimates.

    Raises
    ------
    ValueError
        If the text asks for a value that is not given.
    TypeError
        If a value is neither a number, a text nor an Estimate.
    """
    plain = _plain(values)
    try:
        text = inspect.cleandoc(template).format(**values)
    except (KeyError, IndexError) as error:
        given = ", ".join(values) or "none"
        raise ValueError(f"the text asks for {error}, which is not given; the values are {given}") from None
    _glue(plain)
    return Prose(text)


def record(**values: Any) -> None:
    """Hand numbers to the prose of the book, each under its name (`{glue:text}` reads them).

    An Estimate becomes name, name_low, name_high and name_n. Everything is handed over as a plain float, int or
    str: glue cannot format a numpy scalar.

    Raises
    ------
    TypeError
        If a value is neither a number, a text nor an Estimate.
    """
    _glue(_plain(values))


def _glue(plain: Mapping[str, bool | int | float | str]) -> None:
    from myst_nb import glue

    for name, value in plain.items():
        glue(name, value, display=False)


def _plain(values: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    plain = {}
    for name, value in values.items():
        if isinstance(value, Estimate):
            parts = (value.value, value.low, value.high)
            plain |= dict(zip((name, f"{name}_low", f"{name}_high"), map(float, parts))) | {f"{name}_n": int(value.n)}
            continue
        value = value.item() if isinstance(value, np.generic | np.ndarray) and np.ndim(value) == 0 else value
        if not isinstance(value, bool | int | float | str):
            raise TypeError(f"{name} is a {type(value).__name__}; record takes a number, a text or an Estimate")
        plain[name] = value
    return plain


def verdict(gain: Estimate) -> str:
    """What a paired gain says: "better", "worse", or "not distinguishable" where its interval holds 0."""
    if not gain.excludes(0):
        return "not distinguishable"
    return "better" if gain.value > 0 else "worse"
