"""A cell of a grid, run: its method trained under its settings, judged, and kept as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from eccl.config import SimulationConfig, preset
from eccl.errors import DataError
from eccl.evaluation.protocols import find_protocol
from eccl.evaluation.retrieval import CHANCE, retrieval
from eccl.evaluation.rows import Row
from eccl.evaluation.terms import with_terms
from eccl.files import make_folder, replacing, write_json
from eccl.machine import Machine
from eccl.methods import METHODS
from eccl.study.compare import predictions, score
from eccl.study.data import Data, prepare
from eccl.study.embeddings import embeddings
from eccl.study.grid import DEFAULT, Cell
from eccl.training.provenance import provenance


def attempt(cell: Cell, cohort: Path | None, machine: Machine) -> str | None:
    """What stopped a cell, in a sentence; None of one that is done."""
    try:
        run_cell(cell, _prepared(cell.grid.preset, cell.config.simulation, cell.config.unlabelled, cohort, machine))
    except (DataError, ValueError, FloatingPointError) as error:
        return f"{cell}: {error}"
    return None


@lru_cache(maxsize=4)  # the cells of a grid mostly share their people, and what was read of them
def _prepared(name: str, simulation: SimulationConfig, unlabelled: int, cohort: Path | None, machine: Machine) -> Data:
    """The people of a cell, under a preset's other settings."""
    return prepare(preset(name, simulation=simulation, unlabelled=unlabelled), cohort, machine=machine)


def run_cell(cell: Cell, data: Data) -> pd.DataFrame:
    """The rows of a cell: computed and kept, or read.

    Parameters
    ----------
    cell : Cell
    data : Data
        The cell's people; its settings take the place of theirs.

    Raises
    ------
    DataError, ValueError, FloatingPointError
        What stopped it, which is kept beside the table that is not there.
    """
    if cell.state != "done":
        make_folder(cell.path.parent)
        try:
            table = _judged(cell, replace(data, config=cell.config).seeded(cell.seed))
        except (DataError, ValueError, FloatingPointError) as error:
            write_json(cell.path.with_suffix(".json"), {"cell": str(cell), "error": str(error)})
            raise
        with replacing(cell.path) as beside:
            table.to_csv(beside, index=False)
        cell.path.with_suffix(".json").unlink(missing_ok=True)
    return pd.read_csv(cell.path, float_precision="round_trip")


def _predicted(cell: Cell, data: Data, method: str, target: str, protocols: Sequence[str]) -> dict[Row, np.ndarray]:
    """What a method predicts with a cell's seed, by each protocol that it can be judged by."""
    found = predictions(data, [method], target, protocols)
    return {Row(row.method, row.protocol, cell.seed): each for row, each in found.items() if row.method == method}


def _reference(cell: Cell, data: Data, target: str, protocol: str) -> dict[Row, np.ndarray]:
    """The one row that differences are taken to."""
    if cell.grid.reference != DEFAULT:
        return _predicted(cell, data, cell.grid.reference, target, (protocol,))
    plain = replace(data, config=cell.default).seeded(cell.seed)
    (found,) = _predicted(cell, plain, cell.method, target, (protocol,)).values()
    return {Row(DEFAULT, protocol, cell.seed): found}


def _judged(cell: Cell, data: Data) -> pd.DataFrame:
    method, tables = METHODS[cell.method], []
    for target in cell.grid.targets:
        found = _predicted(cell, data, cell.method, target, cell.grid.protocols)
        if cell.grid.reference is None:
            tables += [score(data, found, target).assign(target=target)] if found else []
            continue
        for protocol in ("probe", "probe_demographics"):
            beside = find_protocol(protocol).demographics
            rows = {row: each for row, each in found.items() if find_protocol(row.protocol).demographics == beside}
            if rows:
                reference = _reference(cell, data, target, protocol)
                table = score(data, reference | rows, target, reference=next(iter(reference)))
                tables.append(table[table["method"] == cell.method].assign(target=target))
    if method.projections is not None:
        found = retrieval(
            *embeddings(data, data.split.test, method), data.indices, Row(cell.method, "retrieval", cell.seed)
        )
        found = found[found["method"] != CHANCE.method]
        tables.append(with_terms(found, data).assign(target="retrieval"))
    if not tables:
        raise ValueError(f"{cell.method} cannot be judged by {', '.join(cell.grid.protocols)}")
    made = provenance(data.config, data.machine)
    varied = {
        name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in cell.settings.items()
    }
    facts = {f"made_{name}": made[name] for name in ("commit", "dirty", "device", "config", "date")}
    return pd.concat(tables, ignore_index=True).assign(**varied | facts)
