"""What the theme leaves out of a page: a description for its head, and the notebook behind it in the download menu."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

LONGEST = 200  # characters, about what a search engine shows


def description_of(doctree: nodes.document) -> str:
    """The first paragraph of the page's own text, on one line and cut at a word."""
    own = (each for each in doctree.findall(nodes.paragraph) if isinstance(each.parent, nodes.section))
    first = next(own, None)
    return "" if first is None else textwrap.shorten(first.astext(), LONGEST, placeholder=" ...")


def add_to_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """The two for one page's template; the theme lists `ipynb_source` among the downloads."""
    if doctree is not None:
        context["description"] = description_of(doctree)
    if (Path(app.srcdir) / f"{pagename}.ipynb").is_file():
        context["ipynb_source"] = f"{pagename}.ipynb"


def copy_notebooks(app: Sphinx, error: Exception | None) -> None:
    """The notebooks of the pages beside the sources that the menu offers, without outputs, as they are in git."""
    if error is None and app.builder.format == "html":
        for page in app.env.found_docs:
            notebook = Path(app.srcdir) / f"{page}.ipynb"
            if notebook.is_file():
                shutil.copy(notebook, Path(app.outdir) / "_sources" / f"{page}.ipynb")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connects both to the build."""
    app.connect("html-page-context", add_to_page)
    app.connect("build-finished", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
