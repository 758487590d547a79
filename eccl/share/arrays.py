"""Named arrays and the facts about them, as one safetensors file and one JSON file; nothing is a pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eccl.errors import DataError
from eccl.files import replacing


def save_arrays(folder: Path | str, name: str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write `name`.safetensors and, last, `name`.json, whose presence says that both are whole.

    The JSON states one SHA-256 of both, so that neither is altered, or exchanged for another's, in silence.

    Parameters
    ----------
    folder : path
        It exists.
    name : str
        Of both files, without the ending.
    arrays : mapping of ndarray
    facts : mapping
        What JSON can hold; finite numbers only.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    content = save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
    text = json.dumps({**facts, "sha256": _sha256(content, facts)}, indent=2, allow_nan=False)
    (folder / f"{name}.json").unlink(missing_ok=True)  # so that it never stands beside arrays of another time
    with replacing(folder / f"{name}.safetensors") as beside:
        beside.write_bytes(content)
    with replacing(folder / f"{name}.json") as beside:
        beside.write_text(text + "\n")


def load_arrays(folder: Path | str, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the facts that `save_arrays` wrote.

    Raises
    ------
    DataError
        If a file is missing, damaged, or of another time than the other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    facts_path, path = Path(folder) / f"{name}.json", Path(folder) / f"{name}.safetensors"
    try:
        facts = json.loads(facts_path.read_text())
        stated = facts.pop("sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(facts_path, error) from error
    try:
        content = path.read_bytes()
        if _sha256(content, facts) != stated:
            raise ValueError(f"its SHA-256 is not the one in {facts_path.name}: altered, or of another version of eccl")
        return load(content), facts
    except (OSError, ValueError, SafetensorError) as error:
        raise damaged(path, error) from error


def stated_sha256(folder: Path | str, name: str) -> str:
    """What `name`.json states, which identifies these arrays and facts."""
    return json.loads((Path(folder) / f"{name}.json").read_text())["sha256"]


def _sha256(content: bytes, facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(content + json.dumps(facts, sort_keys=True).encode()).hexdigest()


def damaged(path: Path, error: Exception) -> DataError:
    """The error of a file that is missing or cannot be used."""
    if isinstance(error, FileNotFoundError):
        problem = "the file is missing, without which the model cannot predict"
    else:
        problem = f"the file cannot be read ({error})"
    return DataError(problem, source=path, remedy=f"delete {path.name} if it is there, and call obtain again")
