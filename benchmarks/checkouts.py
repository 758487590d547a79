"""Two checkouts of this repository side by side: the same script, by the package of each, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]


def by_package_of(folder: Path, script: str, *arguments: str) -> Any:
    """What a script prints as JSON on its last line, run with the package of a checkout."""
    command = [sys.executable, script, "--json", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def commit_of(folder: Path) -> str:
    """The first digits of the commit that is checked out."""
    command = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
