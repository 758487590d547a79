"""The maps of the package in README.md and book/contributing.md, made from the first lines of its docstrings.

python tests/helpers/tree_map.py    writes both anew (`make map`)
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "eccl"
LAW = ROOT / "tests" / "whole" / "test_packaging.py"  # holds FLOORS
BESIDE = {
    "notebooks/": "fifteen chapters; the .md is edited, the .ipynb derived (make notebooks)",
    "book/": "the chapters that are prose, the bibliography, results that were kept",
    "tests/": "mirrors eccl/; whole/ tests the notebooks, the book and this page",
    "benchmarks/": "speed and memory, and what a kept table was made with",
    "_config.yml": "the book's settings; _toc.yml its contents",
    "constraints.txt": "every pinned version; environment.yml the same for conda",
}
WIDTH = 92  # characters that a page shows of a line
MARKED = re.compile(r"(<!-- map: `make map` writes it -->\n).*?(<!-- end of the map -->)", re.DOTALL)


def first_line(module: Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    return ast.get_docstring(ast.parse(module.read_text())).splitlines()[0].removesuffix(".")


def module_of(room: str) -> Path:
    """The file of a room by its dotted name: that of a module, or the __init__.py of a package."""
    path = PACKAGE.joinpath(*room.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def packages() -> list[Path]:
    """Folders of the package with code, and those inside of these, in order."""
    inits = [*PACKAGE.glob("*/__init__.py"), *PACKAGE.glob("*/*/__init__.py")]
    return sorted(init.parent for init in inits)


def floors() -> tuple[tuple[str, ...], ...]:
    """The rooms of each floor, from the ground up, as the import law has them."""
    (law,) = (
        node.value
        for node in ast.parse(LAW.read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS"
    )
    return ast.literal_eval(law)


def readme_map() -> str:
    """Each folder of the package with what is in it, and what lies beside the package."""
    lines = [f"{'eccl/':16}the package"]
    for folder in packages():
        indent = "  " * len(folder.relative_to(PACKAGE).parts)
        lines.append(f"{indent + folder.name + '/':16}{first_line(folder / '__init__.py')}")
    lines.append(f"{'  train.py':16}{first_line(PACKAGE / 'train.py')}")
    return "\n".join([*lines, *(f"{name:15} {what}" for name, what in BESIDE.items())])


def contributing_map() -> str:
    """Each room with what is in it, floor by floor from the ground up."""
    width = max(len(room) for rooms in floors() for room in rooms) + 2
    lines = []
    for number, rooms in enumerate(floors(), start=1):
        for place, room in enumerate(rooms):
            named = f"{number if place == 0 else '':>2}  {room:{width}}"
            hanging = {"initial_indent": named, "subsequent_indent": " " * len(named)}
            lines += textwrap.wrap(first_line(module_of(room)), WIDTH, **hanging, break_on_hyphens=False)
    return "\n".join(lines)


MAPS = {ROOT / "README.md": readme_map, ROOT / "book" / "contributing.md": contributing_map}


def with_map(page: Path) -> str:
    """The text of a page with its map as it is now."""
    text = f"```text\n{MAPS[page]()}\n```\n"
    written, count = MARKED.subn(lambda match: match[1] + text + match[2], page.read_text())
    if count != 1:
        raise ValueError(f"{page.name} has {count} maps between the two comments, not one")
    return written


if __name__ == "__main__":
    for page in MAPS:
        page.write_text(with_map(page))
