"""The questions of three readers: each has its section in the built book, and the answer stands in it.

Needs a built book (`make book`; BUILT_BOOK may name another folder of pages). The questions are in readers.md.
"""

import os
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = Path(os.environ.get("BUILT_BOOK", ROOT / "book" / "_build" / "html"))
LISTED = (Path(__file__).parent / "readers.md").read_text()
QUESTIONS = re.findall(r"^\| ([^|]+\?) \| ([\w/]+)#([\w-]+) \| (.+) \|$", LISTED, re.MULTILINE)

NUMBER = r"-?\d+(?:\.\d+)?"
KINDS = {
    "interval": lambda text, section: re.search(rf"{NUMBER} \({NUMBER} to {NUMBER}", text),
    "number": lambda text, section: re.search(r"\d\.\d", text),
    "figure": lambda text, section: section.find("img") or section.find("svg"),
    "table": lambda text, section: section.find("table") or section.find("dl"),
    "code": lambda text, section: section.find("pre"),
}


def test_each_reader_has_ten_questions():
    readers = re.split(r"^## ", LISTED, flags=re.MULTILINE)[1:4]
    assert [len(re.findall(r"^\| [^|]+\? \|", reader, re.MULTILINE)) for reader in readers] == [10, 10, 10]
    assert len(QUESTIONS) == 30 and len({question for question, *_ in QUESTIONS}) == 30


@cache
def parsed(page: str):
    from bs4 import BeautifulSoup

    return BeautifulSoup((HTML / f"{page}.html").read_text(), "html.parser")


@pytest.mark.skipif(not (HTML / "intro.html").is_file(), reason="no built book: make book")
@pytest.mark.parametrize(("question", "page", "anchor", "wanted"), QUESTIONS, ids=[each[0] for each in QUESTIONS])
def test_the_section_answers_the_question(question, page, anchor, wanted):
    section = parsed(page).find(id=anchor)
    assert section is not None, f"{page} has no section {anchor}"
    text = " ".join(section.get_text().split())
    lacking = [word for word in re.findall(r"`([^`]+)`", wanted) if word.casefold() not in text.casefold()]
    lacking += [kind for kind in re.findall(r"\*(\w+)\*", wanted) if not KINDS[kind](text, section)]
    assert not lacking, f"{page}#{anchor} has no {', '.join(lacking)}"


@pytest.mark.parametrize(
    ("text", "kind", "there"),
    [("r 0.53 (0.49 to 0.57, n = 559)", "interval", True), ("r 0.53, 0.49 to 0.57", "interval", False)],
)
def test_an_interval_is_told_from_a_range(text, kind, there):
    assert bool(KINDS[kind](text, None)) == there
