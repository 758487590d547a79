"""What JupyterLab does when it saves a chapter: the notebook stays as it is tracked, without what running it has left.

Outputs, counts and the kernel's version are to be seen until the notebook is closed; a checkout does not hold them, and
papermill and the book keep their own. `python -m eccl.study.lab`, which `make` runs, tells Jupyter of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from eccl.files import make_folder, write_json

CHAPTERS = Path(__file__).resolve().parents[2] / "notebooks"


def without_what_running_left(model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
    """Take outputs and counts out of a chapter that is about to be saved; other notebooks keep theirs.

    Parameters
    ----------
    model : dict
        As Jupyter's contents API has it; changed in place.
    path : str
        Below the folder where the server was started.
    contents_manager : ContentsManager
        Of the server.
    """
    file = Path(contents_manager.root_dir) / path
    if model["type"] != "notebook" or file.resolve().parent != CHAPTERS or not file.with_suffix(".md").is_file():
        return
    notebook = model["content"]
    notebook["metadata"] = json.loads(file.read_text())["metadata"]
    for cell in notebook["cells"]:
        cell["metadata"].pop("trusted", None)
        if cell["cell_type"] == "code":
            cell["metadata"].pop("execution", None)
            cell["outputs"], cell["execution_count"] = [], None


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """As Jupyter Server asks for."""
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    """As Jupyter Server calls it. By the config too: jupytext puts a manager of contents of its own in place."""
    server.config.FileContentsManager.pre_save_hook = without_what_running_left
    server.contents_manager.pre_save_hook = without_what_running_left


def enable(prefix: Path | str = sys.prefix) -> Path:
    """The file by which the Jupyter of an environment finds this, written into it.

    Parameters
    ----------
    prefix : path
        Of the environment.
    """
    folder = make_folder(Path(prefix) / "etc" / "jupyter" / "jupyter_server_config.d")
    path = folder / "eccl.json"
    write_json(path, {"ServerApp": {"jpserver_extensions": {"eccl.study.lab": True}}})
    return path


if __name__ == "__main__":
    enable()
