"""Grids of experiments as data: a JSON file names methods, settings to vary and seeds; each combination is a cell.

    {
      "title": "temperature of the contrast",
      "preset": "laptop",
      "set": {"loss.name": "clip"},
      "vary": {"loss.temperature": [0.05, 0.1, 0.2]},
      "set_of": {"simclr": {"stage_simclr.learning_rate": 0.002}},
      "methods": ["eccl", "simclr"],
      "protocols": ["probe"],
      "targets": ["traits", "diagnoses"],
      "reference": "eccl",
      "seeds": 3
    }

A cell that is done is a file, so that a grid that was killed goes on where it was, and cells may be shared among
machines. A cell that fails says why in a file of its own, and the others go on.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from eccl.cache import digest, home
from eccl.config import Config, preset, with_settings
from eccl.data.cohort import Cohort
from eccl.errors import DataError, did_you_mean
from eccl.evaluation.protocols import check_target, find_protocol
from eccl.methods import METHODS, find
from eccl.methods.obtaining import RECIPE
from eccl.report.results import keep_or_read
from eccl.simulate.cohort import VERSION as SIMULATION
from eccl.study.compare import seeds_of

LISTS = ("methods", "protocols", "targets")
DEFAULT = "default"  # the reference of an ablation
State = Literal["done", "failed", "waiting"]


@dataclass(frozen=True)
class Grid:
    """What a grid's file says; `read_grid` reads one.

    Attributes
    ----------
    name, title : str
        Of the file (below a folder "grids", with its folders: "ablations/alpha"), and of the figure.
    methods, protocols, targets : tuple of str
        As in `eccl.study.compare.predictions`.
    preset : str
    set : mapping
        Settings of all cells by their dotted names.
    set_of : mapping of str to mapping
        Settings of single methods beside those, by the method.
    vary : mapping of str to list
        Settings of which every combination is a cell.
    seeds : int
        Of training, from the preset's on; data, split and frozen encoders stay.
    reference : str, optional
        The method whose probe of the same seed paired differences are taken to, with demographics where the row has
        them; or "default": the row's own method under the settings that nothing varies.
    cohort : str, optional
        Fingerprint of the cohort; of the simulated one of each cell's config without it.
    """

    name: str
    methods: tuple[str, ...]
    title: str = ""
    protocols: tuple[str, ...] = ("probe",)
    targets: tuple[str, ...] = ("traits",)
    preset: str = "laptop"
    set: Mapping[str, Any] = field(default_factory=dict)
    set_of: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vary: Mapping[str, list[Any]] = field(default_factory=dict)
    seeds: int = 1
    reference: str | None = None
    cohort: str | None = None


@dataclass(frozen=True)
class Cell:
    """One combination: a method, a seed, and the settings that vary."""

    grid: Grid
    method: str
    seed: int
    settings: Mapping[str, Any]

    @property
    def config(self) -> Config:
        """All settings of the cell but the seed, which is that of the training alone."""
        return with_settings(self.default, self.settings)

    @property
    def default(self) -> Config:
        """Those that nothing varies."""
        grid = self.grid
        return with_settings(preset(grid.preset), {**grid.set, **grid.set_of.get(self.method, {})})

    @property
    def path(self) -> Path:
        """Its table, once it is done; under home()/"grids"."""
        grid, made_by = self.grid, (RECIPE, SIMULATION)
        rows = (grid.protocols, grid.targets, grid.reference)
        parts = (made_by, self.method, self.seed, rows, self.config, grid.cohort)
        return home() / "grids" / self.grid.name / f"{self.method}-{self.seed}-{digest(*parts)}.csv"

    @property
    def state(self) -> State:
        """Whether it is done, has failed, or waits."""
        if self.path.exists():
            return "done"
        return "failed" if self.path.with_suffix(".json").exists() else "waiting"

    def __str__(self) -> str:
        varied = "".join(f", {name} {value}" for name, value in self.settings.items())
        return f"{self.method}, seed {self.seed}{varied}"


def read_grid(path: Path | str, cohort: Path | str | None = None) -> Grid:
    """The grid of a JSON file, on the simulated cohort of its settings or on the one in a folder.

    Raises
    ------
    DataError
        If it cannot be read, or names what does not exist; nothing is trained before all of it is known to.
    """
    path = Path(path)
    remedy = 'write one with at least {"methods": ["eccl"]}'
    try:
        stated = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"the grid cannot be read ({error})", source=path, remedy=remedy) from error
    known = {item.name for item in fields(Grid)} - {"name", "cohort"}
    if not isinstance(stated, dict) or not stated.get("methods"):
        raise DataError("the grid names no methods", source=path, remedy=remedy)
    for name in set(stated) - known:
        hint = did_you_mean(name, known, f"it takes {', '.join(sorted(known))}")
        raise DataError(f"a grid has no {name!r}", source=path, remedy=hint)
    fingerprint = None if cohort is None else Cohort.load(cohort).fingerprint
    try:
        _check_shape(stated)
        lists = {name: tuple(stated[name]) for name in LISTS if name in stated}
        grid = Grid(_name(path), **stated | lists, cohort=fingerprint)
        _check_names(grid)
        for cell in cells(grid):
            cell.config  # noqa: B018 (a setting that does not exist is refused)
    except (ValueError, TypeError) as error:
        raise DataError(str(error), source=path, remedy="correct the file") from error
    return grid


def _name(path: Path) -> str:
    """Of a grid's file; where it lies in a folder of grids/, with the folder."""
    folders = path.absolute().parent.parts
    below = folders[len(folders) - folders[::-1].index("grids") :] if "grids" in folders else ()
    return "/".join((*below, path.stem))


def _check_shape(stated: Mapping[str, Any]) -> None:
    """Raise unless each entry of a grid's file is of its kind."""
    for name in set(LISTS) & set(stated):
        if not isinstance(stated[name], list) or not stated[name] or not all(isinstance(x, str) for x in stated[name]):
            raise TypeError(f'{name} is a list of names, such as ["eccl"]; got {stated[name]!r}')
    _object(stated, "set", {"loss.name": "clip"})
    _object(stated, "vary", {"embedding": [32, 64]})
    for method, values in _object(stated, "set_of", {"simclr": {"embedding": 32}}).items():
        _object({method: values}, method, {"embedding": 32})
    for name, values in stated.get("vary", {}).items():
        if not isinstance(values, list) or not values:
            raise TypeError(f"what varies is a list of values, such as [0.05, 0.1]; {name} has {values!r}")
    for name in ("title", "reference"):
        if not isinstance(stated.get(name, ""), str):
            raise TypeError(f"{name} is a text; got {stated[name]!r}")
    if type(stated.get("seeds", 1)) is not int or stated.get("seeds", 1) < 1:
        raise TypeError(f"seeds is how many, at least 1; got {stated['seeds']!r}")


def _object(stated: Mapping[str, Any], name: str, example: Any) -> dict[str, Any]:
    """An entry that is an object, as it is or empty."""
    if not isinstance(stated.get(name, {}), dict):
        raise TypeError(f"{name} is an object, such as {json.dumps(example)}; got {stated[name]!r}")
    return stated.get(name, {})


def _check_names(grid: Grid) -> None:
    """Raise unless what a grid names exists, and each cell is what its row will say."""
    named = [] if grid.reference in (None, DEFAULT) else [grid.reference]
    for method in (*grid.methods, *grid.set_of, *named):
        find(method)
    for protocol in grid.protocols:
        find_protocol(protocol)
    for target in grid.targets:
        check_target(target)
    if "seed" in grid.vary:
        raise ValueError("the seed is not varied as a setting: seeds says how many, from that of the preset or set on")
    if grid.reference == DEFAULT and any(name.partition(".")[0] == "simulation" for name in grid.vary):
        raise ValueError(
            "where the participants vary no difference is paired: leave the reference out or name a method"
        )
    simulated = [name for name in (*grid.set, *grid.vary) if name.partition(".")[0] == "simulation"]
    if grid.cohort is not None and simulated:
        raise ValueError(f"{', '.join(simulated)} changes the simulated cohort, and another is given")


def cells(grid: Grid) -> Iterator[Cell]:
    """The cells of a grid, a method's seeds after one another.

    What no seed decides has one cell, unless it is compared with what a seed does decide.
    """
    compared = METHODS[grid.reference] if grid.reference not in (None, DEFAULT) else None
    for values in itertools.product(*grid.vary.values()):
        for method in grid.methods:
            first = Cell(grid, method, 0, dict(zip(grid.vary, values)))
            decided = [METHODS[method]] if compared is None else [METHODS[method], compared]
            for seed in max((seeds_of(one, first.config, grid.seeds) for one in decided), key=len):
                yield replace(first, seed=seed)


def collect(grid: Grid) -> pd.DataFrame:
    """The rows of all cells that are done; the settings that vary are columns."""
    tables = [pd.read_csv(cell.path, float_precision="round_trip") for cell in cells(grid) if cell.state == "done"]
    return pd.concat(tables, ignore_index=True).fillna({"note": "", "labels_cmr": ""}) if tables else pd.DataFrame()


def keep(grid: Grid, folder: Path | str | None = None) -> pd.DataFrame:
    """The rows of a finished grid, written whole to book/results/NAME.csv, each with what made it.

    Parameters
    ----------
    folder : path, optional
        As in `eccl.report.keep_or_read`.

    Raises
    ------
    DataError
        If a cell is not done.
    """
    missing = [str(cell) for cell in cells(grid) if cell.state != "done"]
    if missing:
        raise DataError(
            f"{len(missing)} cells are not done, the first {missing[0]}; a part of a grid is not kept",
            source=f"{grid.name}.json",
            remedy="run the grid without --cell until every cell is done, or write what there is by --out",
        )
    return keep_or_read(grid.name, collect(grid), keep=True, folder=folder)
