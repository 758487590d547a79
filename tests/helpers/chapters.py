"""The chapters that are notebooks, and the solutions of their exercises."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "notebooks").glob("*.md"))}
_SOLUTION = re.compile(r"^:::\{dropdown\} Solution\n```python\n(.*?)^```\n.*?^:::$", re.DOTALL | re.MULTILINE)


def solutions(name: str) -> list[str]:
    """The code of the solutions of a chapter, in order."""
    return _SOLUTION.findall(PAGES[name])
