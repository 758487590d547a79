"""ECCL: contrastive learning that maps a 12-lead ECG onto the feature space of cardiac MRI.

In a few lines, from data to what an ECG says of the heart:

>>> import eccl
>>> data = eccl.prepare(eccl.preset("laptop"))  # doctest: +SKIP
>>> model = eccl.obtain("eccl", data)  # doctest: +SKIP
>>> eccl.compare(data, ["random", "measurements", "eccl"])  # doctest: +SKIP
>>> eccl.load(model.run.folder).predict(eccl.read_ecg("my.xml"))  # doctest: +SKIP

The public names and the rooms below are loaded on first use, so that `import eccl` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eccl import methods, metrics, plots, records, report, traits
    from eccl.config import Config, preset
    from eccl.data.cmr import read_cine
    from eccl.data.cohort import Cohort
    from eccl.data.ecg import read_ecg
    from eccl.data.sources import open_source
    from eccl.data.sources.ingest import ingest
    from eccl.data.store import Store, pack
    from eccl.errors import DataError
    from eccl.evaluation.rows import Row
    from eccl.machine import Machine
    from eccl.metrics import Estimate
    from eccl.records import ECG, Cine
    from eccl.share.pretrained import load
    from eccl.simulate.cohort import simulate_cohort
    from eccl.study.compare import compare
    from eccl.study.data import Data, prepare
    from eccl.study.explore import explore
    from eccl.study.obtain import obtain

    __version__: str

_PUBLIC = {
    "Cine": "eccl.records",
    "Cohort": "eccl.data.cohort",
    "Config": "eccl.config",
    "Data": "eccl.study.data",
    "DataError": "eccl.errors",
    "ECG": "eccl.records",
    "Estimate": "eccl.metrics",
    "Machine": "eccl.machine",
    "Row": "eccl.evaluation.rows",
    "Store": "eccl.data.store",
    "compare": "eccl.study.compare",
    "explore": "eccl.study.explore",
    "ingest": "eccl.data.sources.ingest",
    "load": "eccl.share.pretrained",
    "obtain": "eccl.study.obtain",
    "open_source": "eccl.data.sources",
    "pack": "eccl.data.store",
    "prepare": "eccl.study.data",
    "preset": "eccl.config",
    "read_cine": "eccl.data.cmr",
    "read_ecg": "eccl.data.ecg",
    "simulate_cohort": "eccl.simulate.cohort",
}
_ROOMS = ("methods", "metrics", "plots", "records", "report", "traits")
__all__ = [  # noqa: RUF022 (as a reader would look for them)
    "Cine",
    "Cohort",
    "Config",
    "Data",
    "DataError",
    "ECG",
    "Estimate",
    "Machine",
    "Row",
    "Store",
    "compare",
    "explore",
    "ingest",
    "load",
    "methods",
    "metrics",
    "obtain",
    "open_source",
    "pack",
    "plots",
    "prepare",
    "preset",
    "read_cine",
    "read_ecg",
    "records",
    "report",
    "simulate_cohort",
    "traits",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("eccl")
    if name in _ROOMS:
        return import_module(f"eccl.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'eccl' has no attribute {name!r}; it has {', '.join(sorted(__all__))}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", *(name for name in globals() if name.startswith("__"))])
