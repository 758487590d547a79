"""ECCL: contrastive learning that maps a 12-lead ECG onto the feature space of cardiac MRI.

The public names below are loaded on first use, so that `import eccl` is instant.
"""

from importlib import import_module

_PUBLIC = {
    "Cine": "eccl.records",
    "Cohort": "eccl.data.cohort",
    "DataError": "eccl.records",
    "ECCL": "eccl.methods.model",
    "ECG": "eccl.records",
    "Estimate": "eccl.metrics",
    "Store": "eccl.data.store",
    "ingest": "eccl.data.sources.ingest",
    "open_source": "eccl.data.sources",
    "pack": "eccl.data.store",
    "prepare": "eccl.study.experiment",
    "preset": "eccl.config",
    "read_cine": "eccl.data.cmr",
    "read_ecg": "eccl.data.ecg",
    "simulate_cohort": "eccl.simulate.cohort",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'eccl' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
