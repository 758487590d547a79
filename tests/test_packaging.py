"""The pins agree everywhere, nothing forbidden is installed, and the package imports along the data's path only."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
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


# Each room and the rooms it may import from: the data's path, one way.
ROOMS = {
    "errors": set(),
    "records": {"errors"},
    "traits": set(),
    "config": set(),
    "machine": {"config"},
    "metrics": set(),
    "data": {"records", "traits", "config"},
    "simulate": {"records", "traits", "config", "data"},
    "encoders": {"records", "config"},
    "losses": {"config"},
    "model": {"config", "encoders", "losses", "traits"},
    "runs": {"config", "records", "data"},
    "optimisation": {"config"},
    "training": {"config", "machine", "records", "data", "runs", "optimisation"},
    "features": {"config", "machine", "records", "data", "encoders", "runs"},
    "supervision": {"records", "traits", "data", "losses", "metrics", "training"},
    "stages": {
        *("config", "machine", "data", "encoders", "losses", "model"),
        *("runs", "training", "features", "supervision"),
    },
    "probes": {"traits", "data", "metrics"},
    "evaluation": {"traits", "data", "metrics", "probes"},
    "transfer": {"metrics", "probes"},
    "experiment": {
        *("config", "records", "traits", "data", "simulate", "encoders"),
        *("machine", "runs", "stages", "features", "metrics", "probes"),
    },
    "plots": {"config", "records", "traits", "metrics"},
    "report": {"records", "data", "metrics"},
}
OUTSIDE = {"metrics": {"torch", "pandas", "sklearn", "scipy"}, "records": {"torch", "wfdb", "nibabel", "pandas"}}


def room(path: Path) -> str:
    return path.relative_to(ROOT / "eccl").parts[0].removesuffix(".py")


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
    here = room(path)
    if here == "__init__":
        return
    names = imported(path)
    rooms = {name.split(".")[1] for name in names if name.startswith("eccl.")} - {here}
    assert rooms <= ROOMS[here], f"{here} may not import {rooms - ROOMS[here]}"
    assert not {name.split(".")[0] for name in names} & OUTSIDE.get(here, set())
    notebook_tools = {"myst_nb", "IPython", "papermill", "jupytext", "nbformat"}
    assert here == "report" or not {name.split(".")[0] for name in names} & notebook_tools
    printed = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not any(isinstance(node.func, ast.Name) and node.func.id in ("print", "exit") for node in printed)
