"""The README is short, and every command and path in it exists; so do the commands of the book's prose."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import nbformat
import pytest
from helpers import kept_numbers

from eccl import train
from eccl.config import preset
from eccl.report.front import first_seed, kept_scores
from eccl.study.__main__ import _parser as study_parser
from eccl.study.grid import read_grid

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PROSE = [page.read_text() for page in sorted((ROOT / "book").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(text: str) -> list[list[str]]:
    """The words of every command in the bash blocks of a page."""
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]  # one is continued
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def parameters(notebook: Path) -> set[str]:
    """Names declared in the cell tagged parameters."""
    cells = nbformat.read(notebook, as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return {node.target.id for node in ast.parse(cell.source).body if isinstance(node, ast.AnnAssign)}


def test_it_is_short():
    assert len(README.splitlines()) < 120


def test_nothing_is_left_to_fill_in():
    assert not re.findall(r"@@\w+@@", README)


def test_it_gives_the_commands_of_the_book():
    lines = [" ".join(command) for command in commands(README)]
    assert "make book" in lines and "make test" in lines
    for start in (
        "jupyter-book build book/",
        "papermill notebooks/02_pretrain.ipynb out.ipynb -p epochs 100",
        "jupyter lab",
    ):
        assert any(start in line for line in lines), start


def test_its_numbers_are_those_of_the_kept_runs():
    assert kept_numbers.written(README) == README, "make map writes them"


def test_the_preset_has_the_learning_rates_that_validation_chose():
    kept = kept_scores()["traits"].query("protocol == 'probe'")
    chosen = kept[kept["seed"] == kept["seed"].min()].set_index("method")["learning_rate"]
    stages = {"masked_autoencoder": "mae", "supervised": "supervised", "eccl": "eccl", "eccl_pairs": "eccl"}
    config = preset("laptop")
    for method, stage in stages.items():
        assert getattr(config, f"stage_{stage}").learning_rate == chosen[method], method


def glued() -> dict[str, float]:
    """The numbers that the pages of the built book handed over, by name."""
    found = {}
    for path in (ROOT / "book" / "_build" / ".jupyter_cache" / "executed").glob("*/base.ipynb"):
        outputs = [out for cell in nbformat.read(path, as_version=4).cells for out in cell.get("outputs", [])]
        for out in outputs:
            if name := out.get("metadata", {}).get("scrapbook", {}).get("name"):
                found[name] = ast.literal_eval(out.data["application/papermill.record/text/plain"])
    return found


def test_the_built_pages_agree_with_it():
    """What `make book` printed last lies in the intervals of the kept rows."""
    if not (ROOT / "book" / "_build" / ".executed-with-laptop").exists() or "r_eccl" not in (pages := glued()):
        pytest.skip("the book of the preset laptop is not built here")
    of = kept_scores()
    for name, target in (("r_eccl", "traits"), ("auroc", "diagnoses")):
        kept = first_seed(of[target], method="eccl", protocol="probe")
        assert kept.low < pages[name] < kept.high, name


def check_training(arguments: list[str]) -> None:
    """The options of eccl.train exist, and name a method and settings that exist."""
    if arguments != ["--help"]:
        wanted = train._wanted(train._parser().parse_args(arguments))
        assert train._config(wanted) and train._method(wanted)


def test_the_script_for_a_cluster_trains_what_there_is():
    (script,) = re.findall(r"^```sh\n(.*?)^```", (ROOT / "book" / "cluster.md").read_text(), re.DOTALL | re.MULTILINE)
    (options,) = re.findall(r"-m eccl\.train (.*) &$", script.replace("\\\n", " "), re.MULTILINE)
    check_training(shlex.split(options))
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("command", [words for page in (README, *PROSE) for words in commands(page)], ids=" ".join)
def test_a_command_can_be_typed(command):
    while "=" in command[0]:  # a setting before the command, as in PRESET=smoke make book
        command = command[1:]
    program, *arguments = command
    program = Path(program).name
    if program == "make":
        assert {word for word in arguments if "=" not in word} <= TARGETS
    elif program == "papermill":
        notebook, _, *options = arguments
        assert options[::3] == ["-p"] * (len(options) // 3)
        assert set(options[1::3]) <= parameters(ROOT / notebook)
    elif program == "jupyter-book":
        assert arguments[0] == "build" and (ROOT / arguments[1] / "_config.yml").is_file()
    elif program == "jupyter":
        assert arguments == ["lab"]
    elif program in ("python", "torchrun") and "eccl.train" in arguments:
        check_training(arguments[arguments.index("eccl.train") + 1 :])
    elif program == "python" and "eccl.study" in arguments:
        options = study_parser().parse_args(arguments[arguments.index("eccl.study") + 1 :])
        read_grid(ROOT / options.grid)
    elif program in ("sbatch", "plink"):
        pytest.skip("the command is that of a cluster, or of another's program")
    else:
        pytest.fail(f"no test knows {program}")


def test_the_book_is_executed_anew_whatever_source_changed():
    rules = subprocess.run(["make", "-pn", "book"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (needed,) = re.findall(r"^book/_build/\.executed-with-\w+: (.*)$", rules, re.MULTILINE)
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "eccl").rglob("*.py")}
    assert len(sources) > 80 and sources <= set(needed.split())


def test_the_paths_it_names_exist():
    tree = re.search(r"^```text\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[1]
    named = [line.split()[0] for line in tree.splitlines() if line and not line.startswith(" ")]
    named += [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert len(named) > 8
    for path in named:
        assert (ROOT / path).exists(), path
