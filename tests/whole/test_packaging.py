"""The pins agree everywhere, nothing forbidden is installed, and the package imports along the data's path only."""

import ast
import graphlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "eccl").rglob("*.py"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines) -> dict[str, str]:
    found = (re.fullmatch(r"([A-Za-z0-9_.-]+)==(\S+)", line.strip()) for line in lines)
    return {normal(match[1]): match[2] for match in found if match}


CONSTRAINTS = pins((ROOT / "constraints.txt").read_text().splitlines())


def test_environment_has_the_pins_of_the_constraints():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = pins(next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict)))
    assert listed == {name: CONSTRAINTS[name] for name in listed}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(item for extra in extras for item in extra)]
    assert {normal(re.match(r"[A-Za-z0-9_.-]+", item)[0]) for item in wanted} == set(listed)


def test_constraints_name_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(line.startswith("#") or re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!]+", line) for line in lines)


@pytest.mark.parametrize("name", ["torch", "numpy", "jupyter-book", "lightning-fabric", "monai", "pandas"])
def test_installed_versions_are_the_pinned_ones(name):
    assert importlib.metadata.version(name).split("+")[0] == CONSTRAINTS[name]


@pytest.mark.parametrize("name", ["torchvision", "timm"])
def test_packages_that_break_a_cpu_torch_are_not_required(name):
    assert name not in CONSTRAINTS
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version(name)


def test_importing_eccl_is_light():
    heavy = "{'torch', 'monai', 'lightning_fabric', 'sklearn', 'matplotlib', 'pandas'}"
    code = f"import sys, eccl; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", code], check=True)


# Each floor of the house, from the ground up, and the rooms on it: a room imports from floors below its own alone, so
# that nothing goes round in a circle. The data's path goes one way.
FLOORS = (
    ("errors", "display", "presets", "ranges", "traits", "metrics.bootstrap"),
    ("files", "config", "machine", "records", "metrics.statistics"),
    ("cache", "parallel", "metrics.calibration", "metrics.ranking", "data.split", "data.scaling"),
    ("metrics",),
    ("data.formats",),
    ("data.standard",),
    ("data.measure",),
    ("data.ecg", "data.cmr", "data.table"),
    ("data.modalities",),
    ("data.cohort_files",),
    ("data.cohort",),
    ("data.store", "data.sources", "simulate", "encoders"),
    ("data.ingest", "data.joined", "training"),
    ("methods",),
    ("evaluation",),
    ("explain", "plots", "share"),
    ("report",),
    ("study",),
    ("train", "weights"),
)
OUTSIDE = {"metrics": {"torch", "pandas", "sklearn", "scipy"}, "records": {"torch", "wfdb", "nibabel", "pandas"}}


FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room(module: str) -> str:
    """The room of a module, by the longest name: data.formats.edf is in data.formats."""
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in FLOOR), parts[0])


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "eccl")))
def test_imports_go_one_way(path):
    module = ".".join(path.relative_to(ROOT / "eccl").with_suffix("").parts).removesuffix(".__init__")
    if module == "__init__":
        return
    here, names = room(module), imported(path)
    rooms = {room(name.removeprefix("eccl.")) for name in names if name.startswith("eccl.")} - {here}
    above = {other for other in rooms if FLOOR[other] >= FLOOR[here]}
    assert not above, f"{here}, on floor {FLOOR[here]}, may not import {above}"
    assert not {name.split(".")[0] for name in names} & OUTSIDE.get(here.split(".")[0], set())
    notebook_tools = {"myst_nb", "IPython", "papermill", "jupytext", "nbformat"}
    assert here == "report" or not {name.split(".")[0] for name in names} & notebook_tools
    printed = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not any(isinstance(node.func, ast.Name) and node.func.id in ("print", "exit") for node in printed)


def module_of(path: Path) -> str:
    return ".".join(("eccl", *path.relative_to(ROOT / "eccl").with_suffix("").parts)).removesuffix(".__init__")


def arrows() -> dict[str, set[str]]:
    """The modules that each module imports, also for its types alone."""
    modules = {module_of(path): path for path in SOURCES}
    return {
        name: {other for found in imported(path) for other in (found, found.rpartition(".")[0]) if other in modules}
        - {name, "eccl"}
        for name, path in modules.items()
    }


def test_no_import_goes_round_in_a_circle():
    graph = arrows()
    assert sum(map(len, graph.values())) > 200  # they were found
    list(graphlib.TopologicalSorter(graph).static_order())  # a circle is an error that names it


def test_the_arrows_between_the_rooms_of_the_data_are_few():
    """Each is one more thing to know before a file can be read; a new one is to be wanted."""
    between = {
        (room(name.removeprefix("eccl.")), room(other.removeprefix("eccl.")))
        for name, others in arrows().items()
        for other in others
        if name.startswith("eccl.data.") and other.startswith("eccl.data.")
    }
    rooms = {pair for pair in between if pair[0] != pair[1]}
    assert 20 <= len(rooms) <= 30, sorted(rooms)


# Collects tests without the modules that its first argument names; exits as pytest does.
COLLECT_WITHOUT = """
import sys, pytest
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def test_the_readers_are_tested_without_the_packages_that_ci_leaves_out_there(monkeypatch):
    """What .ci/run does under the newest Python, up to the collection: there only the listed packages are installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    lines = (ROOT / ".ci" / "run").read_text().replace("\\\n", " ")
    listed = {normal(name) for name in re.search(r"--constraint constraints\.txt ([a-z].*)", lines)[1].split()}
    places = re.search(r"-m pytest -p no:cacheprovider (.*)", lines)[1].split()
    required = {
        normal(re.match(r"[A-Za-z0-9_.-]+", item)[0])
        for item in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    assert listed <= set(CONSTRAINTS) and "torch" in required - listed
    owners = importlib.metadata.packages_distributions()
    left_out = [name for name, of in owners.items() if {normal(one) for one in of} & (required - listed)]
    command = [sys.executable, "-c", COLLECT_WITHOUT, ",".join(left_out), *places]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
