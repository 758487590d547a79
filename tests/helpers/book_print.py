"""The script that prints the book, as a module: it lies in the book's folder, not in the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("book_print", Path(__file__).resolve().parents[2] / "book" / "print.py")
book_print = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(book_print)
