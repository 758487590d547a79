"""How things show themselves in a notebook: figures of `eccl.plots`, loaded when a cell shows them and not before.

No import goes up from a record to its figure: the figure's name is looked up here, at display time.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drawn(name: str, *arguments: Any, **options: Any) -> Figure:
    """The Figure of a function of `eccl.plots`, by its name, of what it takes."""
    return getattr(import_module("eccl.plots"), name)(*arguments, **options)


def address(figure: Figure) -> str:
    """A figure as an address that holds it whole: an SVG where it is drawn in lines, else a PNG."""
    if hasattr(figure, "_repr_svg_"):
        kind, content = "svg+xml", figure._repr_svg_().encode()
    else:
        kind, content = "png", png(figure)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def png(figure: Figure) -> bytes:
    """A figure as a PNG of 100 dots an inch."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()


def figure(name: str, *arguments: Any, caption: str = "", **options: Any) -> str:
    """HTML of a figure of `eccl.plots` with a caption below it.

    Parameters
    ----------
    name : str
        Of the function in `eccl.plots`.
    *arguments, **options
        What it takes.
    caption : str
        Plain text; also what is read aloud in place of the picture.
    """
    text = html.escape(caption)
    source = address(drawn(name, *arguments, **options))
    image = f'<img src="{source}" alt="{text or name}" style="max-width: 100%">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def tree(title: str, values: Mapping[str, Any], opened: bool = True) -> str:
    """HTML of nested settings, each level folded."""
    rows = [
        f"<li>{tree(name, value, opened=False)}</li>"
        if isinstance(value, Mapping)
        else f"<li>{html.escape(name)}: <code>{html.escape(repr(value))}</code></li>"
        for name, value in values.items()
    ]
    state = " open" if opened else ""
    return f"<details{state}><summary>{html.escape(title)}</summary><ul>{''.join(rows)}</ul></details>"


def indented(values: Mapping[str, Any], depth: int = 1) -> str:
    """Nested settings as lines of text, one a setting."""
    lines = []
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        lines.append("    " * depth + f"{name}:" + ("" if nested else f" {value!r}"))
        if nested:
            lines.append(indented(value, depth + 1))
    return "\n".join(lines)
