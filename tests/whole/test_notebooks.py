"""The notebooks: each pair agrees, declares its parameters, refuses unknown ones, and runs at smoke size."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest
from jupytext.compare import compare_notebooks

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))
BIN = Path(sys.executable).parent


def code_cells(name: str) -> list:
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="session")
def smoke_home(tmp_path_factory) -> Path:
    """One ECCL_HOME for all notebooks, so that each finds what an earlier one made, as in the book."""
    return tmp_path_factory.mktemp("home")


def execute(name: str, home: Path, cwd: Path, **parameters):
    """The executed notebook and its glued values."""
    environment = {"ECCL_HOME": str(home), "ECCL_PRESET": "smoke"}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in environment.items():
            patch.setenv(key, value)
        notebook = papermill.execute_notebook(
            ROOT / "notebooks" / f"{name}.ipynb", None, parameters=parameters, cwd=cwd, progress_bar=False
        )
    glued = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "scrapbook" in output.get("metadata", {}):
                text = output["data"].get("text/plain", "")
                glued[output["metadata"]["scrapbook"]["name"]] = text
    return notebook, glued


def test_there_is_a_notebook_for_every_chapter():
    chapters = ["01_cohort", "02_pretrain", "03_traits", "04_diseases", "05_retrieval"]
    chapters += ["06_real_files", "07_your_data", "08_ptbxl"]
    assert chapters == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_pair_agrees(name):
    text = jupytext.read(ROOT / "notebooks" / f"{name}.md")
    notebook = jupytext.read(ROOT / "notebooks" / f"{name}.ipynb")
    compare_notebooks(notebook, text, fmt="md:myst")


@pytest.mark.parametrize("name", NAMES)
def test_git_holds_no_outputs(name):
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(name))


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_typed_and_explained(name):
    (cell,) = [cell for cell in code_cells(name) if "parameters" in cell.metadata.get("tags", [])]
    lines = [line for line in cell.source.splitlines() if line.strip()]
    assert all(isinstance(node, ast.AnnAssign) for node in ast.parse(cell.source).body)
    assert all("  # " in line for line in lines), "every parameter says what it is, in its unit"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_short_and_keeps_its_logic_in_the_package(name):
    cells = code_cells(name)
    assert 5 <= len(cells) <= 25
    for cell in cells:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 5, f"{node.name} belongs into eccl"


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs_from_any_folder(name, smoke_home, tmp_path):
    notebook, glued = execute(name, smoke_home, tmp_path)
    prose = (ROOT / "notebooks" / f"{name}.md").read_text()
    missing = set(re.findall(r"\{glue:text\}`(\w+)", prose)) - set(glued)
    assert glued and not missing, f"the prose uses {missing}, which the page does not glue"
    errors = [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    assert not errors
    assert not list(tmp_path.iterdir()), "a notebook writes under ECCL_HOME only"


def test_a_second_run_trains_nothing(smoke_home, tmp_path):
    execute("02_pretrain", smoke_home, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in smoke_home.rglob("*") if path.is_file()}
    execute("02_pretrain", smoke_home, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in smoke_home.rglob("*") if path.is_file()} == before


def test_unknown_parameter_is_refused_by_name(smoke_home, tmp_path):
    with pytest.raises(papermill.PapermillExecutionError, match=r"no parameter 'epoch'.*did you mean 'epochs'"):
        execute("02_pretrain", smoke_home, tmp_path, epoch=3)


def test_papermill_command_of_the_readme(smoke_home, tmp_path):
    environment = os.environ | {"ECCL_HOME": str(smoke_home), "ECCL_PRESET": "smoke"}
    command = [BIN / "papermill", ROOT / "notebooks" / "02_pretrain.ipynb", "out.ipynb", "-p", "epochs", "3"]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True)
    text = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert "injected-parameters" in text
    histories = [path.read_text().splitlines() for path in smoke_home.glob("runs/eccl-*/history.csv")]
    assert any(len(lines) == 1 + 3 for lines in histories), "no run of 3 epochs"


@pytest.mark.parametrize("name", NAMES)
def test_papermill_knows_every_parameter_with_its_help(name):
    (cell,) = [cell for cell in code_cells(name) if "parameters" in cell.metadata.get("tags", [])]
    declared = {node.target.id for node in ast.parse(cell.source).body}
    listed = papermill.inspect_notebook(ROOT / "notebooks" / f"{name}.ipynb")
    assert set(listed) == declared
    assert all(item["help"] and item["inferred_type_name"] != "None" for item in listed.values())


def test_nbval_accepts_a_notebook(smoke_home):
    environment = os.environ | {"ECCL_HOME": str(smoke_home), "ECCL_PRESET": "smoke"}
    command = [sys.executable, "-m", "pytest", "--nbval-lax", ROOT / "notebooks" / "05_retrieval.ipynb"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
