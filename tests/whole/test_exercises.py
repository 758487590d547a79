"""How each chapter ends: exercises whose solutions run, what was found, and what to read further."""

import ast
import builtins
import importlib
import re
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "notebooks").glob("*.md"))}
SOLUTION = re.compile(r"^:::\{dropdown\} Solution\n```python\n(.*?)^```\n.*?^:::$", re.DOTALL | re.MULTILINE)
CITED = re.compile(r"\{cite(?::\w+)?\}`")
# Those end with what was found under a heading that says more
CLOSES = {"08_ptbxl": "What this means", "09_pairs": "What follows", "11_methods": "**In short.**"}
CLOSES |= {
    "06_own_ecg": "What this means",
    "12_ablations": "Few pairs, many pairs",
    "15_claims": "Where the regimes part",
}
CLOSES |= {"07_your_data": "report.say(", "13_one_setting": "report.say("}


def solutions(name: str) -> list[str]:
    return SOLUTION.findall(PAGES[name])


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


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    """One ECCL_HOME for all chapters: what one trains another reads."""
    return tmp_path_factory.mktemp("exercises")


@pytest.mark.parametrize("name", PAGES)
def test_solutions_run_after_their_chapter(name, home, tmp_path):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in solutions(name)]
    nbformat.write(notebook, tmp_path / "solved.ipynb")
    (tmp_path / "desk").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(home))
        patch.setenv("ECCL_PRESET", "smoke")
        solved = papermill.execute_notebook(tmp_path / "solved.ipynb", None, cwd=tmp_path / "desk", progress_bar=False)
    results = solved.cells[-len(solutions(name)) :]
    assert all(cell.outputs for cell in results), "a solution shows its answer"
