"""The notebooks: each pair agrees, declares its parameters, refuses unknown ones, and runs at smoke size."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest
from helpers.chapters import solutions
from jupytext.compare import compare_notebooks

from eccl.study.notebook import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))
BIN = Path(sys.executable).parent
KEPT = ("09_pairs", "10_speed", "11_methods", "12_ablations", "15_claims")  # read what was kept
UNTRAINED = ("01_cohort", *KEPT)  # train nothing
JUDGED = ("02_pretrain", "03_traits", "04_diseases", "05_retrieval")  # train or judge, by every setting there is


def code_cells(name: str) -> list:
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters_of(name: str):
    (cell,) = [cell for cell in code_cells(name) if "parameters" in cell.metadata.get("tags", [])]
    return cell


def prose_lines(source: str) -> set[int]:
    """Numbers of the lines that hold nothing but the text of a sentence that `report.say` shows."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    said = [call.args[0] for call in calls if ast.unparse(call.func) == "report.say"]
    return {number for text in said for number in range(text.lineno + 1, text.end_lineno)}


@pytest.fixture(scope="session")
def smoke_home(tmp_path_factory) -> Path:
    """One ECCL_HOME for all notebooks, so that each finds what an earlier one made, as in the book."""
    return tmp_path_factory.mktemp("home")


def execute(name: str, home: Path, cwd: Path, further: Sequence[str] = (), **parameters):
    """The executed notebook, with further cells at its end."""
    environment = {"ECCL_HOME": str(home), "ECCL_PRESET": "smoke"}
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in further]
    with pytest.MonkeyPatch.context() as patch:
        for key, value in environment.items():
            patch.setenv(key, value)
        path = home.with_suffix(".ipynb")
        nbformat.write(notebook, path)
        return papermill.execute_notebook(path, None, parameters=parameters, cwd=cwd, progress_bar=False)


def test_there_is_a_notebook_for_every_chapter():
    chapters = ["01_cohort", "02_pretrain", "03_traits", "04_diseases", "05_retrieval"]
    chapters += ["06_own_ecg", "07_your_data", "08_ptbxl", "09_pairs", "10_speed", "11_methods", "12_ablations"]
    chapters += ["13_one_setting", "14_explain", "15_claims"]
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
    cell = parameters_of(name)
    lines = [line for line in cell.source.splitlines() if line.strip()]
    assert all(isinstance(node, ast.AnnAssign) for node in ast.parse(cell.source).body)
    assert all("  # " in line for line in lines), "every parameter says what it is, in its unit"


@pytest.mark.parametrize("name", JUDGED)
def test_what_can_be_trained_can_be_judged(name):
    cell = parameters_of(name)
    assert {node.target.id for node in ast.parse(cell.source).body} == {"preset", "cohort", *SETTINGS}
    assert cell.source == parameters_of("02_pretrain").source


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNTRAINED])
def test_every_chapter_that_trains_takes_every_setting(name):
    declared = {node.target.id for node in ast.parse(parameters_of(name).source).body}
    assert {"preset", "cohort", *SETTINGS} <= declared


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_short_and_keeps_its_logic_in_the_package(name):
    cells = code_cells(name)
    assert 5 <= len(cells) <= 30
    for cell in cells:
        lines, prose = cell.source.splitlines(), prose_lines(cell.source)
        code = [line for number, line in enumerate(lines, 1) if line.strip('" ,') and number not in prose]
        parameters = "parameters" in cell.metadata.get("tags", ())
        assert parameters or len(code) <= 12, f"{len(code)} lines of code in the cell that begins {code[0]!r}"
        assert max(map(len, code)) <= 100
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 5, f"{node.name} belongs into eccl"


@pytest.mark.parametrize("name", NAMES)
def test_an_import_stands_where_it_is_first_needed(name):
    for cell in code_cells(name):
        tree = ast.parse(cell.source)
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        bound = {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        # The cell of the parameters, which papermill repeats with others' values, can import nothing itself.
        assert bound - used <= {"Optional"}, "import it in the cell that uses it first"


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_filled_in_by_cells(name):
    text = (ROOT / "notebooks" / f"{name}.md").read_text()
    assert "{glue:" not in text and "report.record(" not in text, "a role is filled in the book alone; use report.say"
    assert "report.say(" in text


@pytest.mark.parametrize("name", NAMES)
def test_lines_of_prose_fit_a_window(name):
    text = (ROOT / "notebooks" / f"{name}.md").read_text()
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_notebook_and_the_solutions_of_its_exercises_run_from_any_folder(name, smoke_home, tmp_path):
    notebook = execute(name, smoke_home, tmp_path, further=solutions(name))
    assert all(cell.outputs for cell in notebook.cells[-len(solutions(name)) :]), "a solution shows its answer"
    errors = [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    assert not errors
    asked = " ".join(solutions(name))
    assert all(path.name in asked for path in tmp_path.iterdir()), "a notebook writes under ECCL_HOME only"


def test_a_second_run_trains_nothing(smoke_home, tmp_path):
    execute("02_pretrain", smoke_home, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in smoke_home.rglob("*") if path.is_file()}
    execute("02_pretrain", smoke_home, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in smoke_home.rglob("*") if path.is_file()} == before


def test_unknown_parameter_is_refused_by_name(smoke_home, tmp_path):
    with pytest.raises(papermill.PapermillExecutionError, match=r"no parameter 'epoch'.*did you mean 'epochs'"):
        execute("02_pretrain", smoke_home, tmp_path, epoch=3)


def test_a_variant_can_be_judged_on_any_page(smoke_home, tmp_path):
    before = set(smoke_home.glob("runs/eccl-*"))
    notebook = execute("05_retrieval", smoke_home, tmp_path, epochs=1, temperature=0.05)
    (trained,) = set(smoke_home.glob("runs/eccl-*")) - before
    config = json.loads((trained / "config.json").read_text())["config"]
    assert (config["stage_eccl"]["epochs"], config["loss"]["temperature"]) == (1, 0.05)
    assert trained.name in notebook.cells[-1].outputs[0].data["text/html"], "the foot names another run"


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
    declared = {node.target.id for node in ast.parse(parameters_of(name).source).body}
    listed = papermill.inspect_notebook(ROOT / "notebooks" / f"{name}.ipynb")
    assert set(listed) == declared
    assert all(item["help"] and item["inferred_type_name"] != "None" for item in listed.values())


def test_nbval_accepts_a_notebook(smoke_home):
    environment = os.environ | {"ECCL_HOME": str(smoke_home), "ECCL_PRESET": "smoke"}
    command = [sys.executable, "-m", "pytest", "--nbval-lax", ROOT / "notebooks" / "05_retrieval.ipynb"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
