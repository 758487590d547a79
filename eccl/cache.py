"""Where results are kept, the digests that name them, and the one memo: what was computed once is read again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from eccl.errors import DataError
from eccl.files import make_folder, replacing

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

T = TypeVar("T")


class Processes(Protocol):
    """Those that compute together, as a Fabric: the first makes what is kept, and the others wait for it."""

    is_global_zero: bool

    def barrier(self) -> None:
        """Wait until all processes are here."""


def digest(*parts: Any) -> str:
    """Ten hexadecimal digits that identify configs, strings and numbers taken together."""
    text = json.dumps([_plain(part) for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _plain(part: Any) -> Any:
    """A config as nested dicts, without the settings that came later (`eccl.config.LATER`) and are at their default."""
    if not dataclasses.is_dataclass(part):
        return part
    kept = [
        item
        for item in dataclasses.fields(part)
        if not (item.metadata.get("later") and getattr(part, item.name) == item.default)
    ]
    return {item.name: _plain(getattr(part, item.name)) for item in kept}


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's values, hexadecimal."""
    import numpy as np

    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()


def home() -> Path:
    """The folder under which cohorts/, stores/, runs/ and kept/ are: ECCL_HOME, or the checkout, or ~/.cache/eccl."""
    if os.environ.get("ECCL_HOME"):
        return Path(os.environ["ECCL_HOME"]).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").exists() else Path.home() / ".cache" / "eccl"


def kept(
    name: str,
    parts: tuple[Any, ...],
    make: Callable[[], T],
    save: Callable[[T, Path], None],
    load: Callable[[Path], T],
    processes: Processes | None = None,
) -> T:
    """What `make` gives: computed now and kept under home()/"kept", or read as it was kept before.

    Parameters
    ----------
    name : str
        Readable beginning of the file's name, with its ending: "h_ecg.npy".
    parts : tuple
        Everything that decides the result: configs, seeds, fingerprints of data, names of runs.
    make, save, load : callable
        Without arguments; (result, path); (path). What is returned is always what `load` reads.
    processes : Processes, optional
        Where several processes need it: the first makes it.

    Raises
    ------
    DataError
        If the file cannot be written, or not be read.
    """
    stem, _, ending = name.partition(".")
    path = home() / "kept" / f"{stem}-{digest(*parts)}.{ending}"
    if not path.exists() and (processes is None or processes.is_global_zero):
        result = make()
        make_folder(path.parent)
        with replacing(path) as beside:
            save(result, beside)
    if processes is not None:
        processes.barrier()
    try:
        return load(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"what was kept cannot be read ({error})", source=path, remedy="delete the file") from error


def kept_array(
    name: str, parts: tuple[Any, ...], make: Callable[[], np.ndarray], processes: Processes | None = None
) -> np.ndarray:
    """An array, as `kept`."""
    import numpy as np

    def save(array: np.ndarray, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=False)

    return kept(f"{name}.npy", parts, make, save, lambda path: np.load(path, allow_pickle=False), processes)


def kept_table(name: str, parts: tuple[Any, ...], make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """A table, as `kept`; its index is its first column."""
    import pandas as pd

    missing = {"keep_default_na": False, "na_values": [""]}  # what is empty alone: NA may be a name
    return kept(
        f"{name}.csv",
        parts,
        make,
        lambda table, path: table.to_csv(path),
        lambda path: pd.read_csv(path, index_col=0, float_precision="round_trip", **missing),
    )
