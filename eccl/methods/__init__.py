"""The methods, one file each. A new one is a file with its `METHOD`, and its name in `NAMES`.

`eccl.methods()` shows them as a table.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from eccl.config import Config
from eccl.data.cohort_files import SNP, TABULAR
from eccl.methods.base import Method, Trained
from eccl.methods.obtaining import obtain

if TYPE_CHECKING:
    import pandas as pd

NAMES = (
    "random",
    "demographics",
    "measurements",
    "supervised",
    "masked_autoencoder",
    "simclr",
    "cmr_supervised",
    "cmr_simclr",
    "eccl",
    "eccl_pairs",
    "eccl_unlabelled",
    "eccl_labels",
    "eccl_nt_xent",
    "eccl_triplet",
    "eccl_sigmoid",
    "eccl_joint",
    "eccl_tabular",
    "eccl_snp",
    "mmcl",
    "cross_modal_autoencoder",
    "eccl_shuffled",
)
READS = {"ecg": "ECG", "cine": "cine", TABULAR: "table", SNP: "genotypes"}  # modalities, as readers see them
METHODS: dict[str, Method] = {name: import_module(f"eccl.methods.{name}").METHOD for name in NAMES}

__all__ = ["METHODS", "Method", "Trained", "find", "obtain", "table"]


def table() -> pd.DataFrame:
    """The methods that there are, one row a method by its name: label, reads, starts from, compared, reference."""
    import pandas as pd

    rows = [
        {
            "method": method.name,
            "label": method.label,
            "reads": "table" if method.table else ", ".join(READS[modality] for modality in method.reads),
            "starts from": "; ".join(earlier.label for earlier in method.starts_from(Config()).values()),
            "compared": "yes" if method.standard else "",
            "reference": method.reference,
        }
        for method in METHODS.values()
    ]
    return pd.DataFrame(rows).set_index("method")


def find(method: str | Method) -> Method:
    """A method by its name.

    Raises
    ------
    ValueError
        If there is none, with those that there are; or if a method of one's own has the name of one.
    """
    if isinstance(method, Method):
        if METHODS.get(method.name, method) is not method:
            raise ValueError(
                f"another method is named {method.name!r}, whose runs would be taken for its own; rename it"
            )
        return method
    if method not in METHODS:
        raise ValueError(f"no method is named {method!r}; there are {', '.join(METHODS)}")
    return METHODS[method]


class _Callable(ModuleType):
    """This package, called as a function: the table."""

    def __call__(self) -> pd.DataFrame:
        return table()


sys.modules[__name__].__class__ = _Callable
