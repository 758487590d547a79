"""How each chapter ends: exercises, what was found, and what to read further; `test_notebooks` runs the solutions."""

import ast
import builtins
import importlib
import re

import jupytext
import pytest
from helpers.chapters import PAGES, solutions

CITED = re.compile(r"\{cite(?::\w+)?\}`")
# Those end with what was found under a heading that says more
CLOSES = {"08_ptbxl": "What this means", "09_pairs": "What follows", "11_methods": "**In short.**"}
CLOSES |= {
    "06_own_ecg": "What this means",
    "12_ablations": "Few pairs, many pairs",
    "15_claims": "Where the regimes part",
}
CLOSES |= dict.fromkeys(("07_your_data", "13_one_setting", "14_explain"), "report.say(")


def section(name: str, heading: str) -> str:
    """The text below a heading of a page, up to the next."""
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGES[name], re.DOTALL | re.MULTILINE)[1]


def code_of(name: str) -> str:
    cells = jupytext.reads(PAGES[name], fmt="md:myst").cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def bound(tree: ast.AST) -> set[str]:
    """Names that a piece of code gives a value."""
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
    named = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return stored | imported | named | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


@pytest.mark.parametrize("name", PAGES)
def test_a_chapter_ends_with_what_was_found_exercises_and_reading(name):
    text = PAGES[name]
    assert CLOSES.get(name, "\n## What was found\n") in text
    questions = re.findall(r"^\*\*\d\.\*\* ", section(name, "Exercises"), re.MULTILINE)
    assert 2 <= len(questions) <= 3 and len(questions) == len(solutions(name))
    lines = [line for line in section(name, "Further reading").splitlines() if line.startswith("- ")]
    assert 2 <= len(lines) <= 3 and all(CITED.search(line) for line in lines)


@pytest.mark.parametrize("name", PAGES)
def test_a_chapter_opens_with_its_question_or_what_it_does(name):
    """Prose, before any code, figure or list."""
    first = re.search(r"^# .*\n\n(.+)$", PAGES[name], re.MULTILINE)[1]
    assert first[0].isalpha() and len(first) > 40


@pytest.mark.parametrize("name", PAGES)
def test_a_solution_is_short_and_uses_names_that_there_are(name):
    known = bound(ast.parse(code_of(name))) | set(dir(builtins))
    for code in solutions(name):
        lines = [line for line in code.splitlines() if line.strip()]
        assert len(lines) <= 8 and max(map(len, lines)) <= 100, code
        tree = ast.parse(code)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert used <= known | bound(tree), used - known - bound(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) and alias.name[0] != "_" for alias in node.names), node.module
