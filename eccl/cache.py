"""Where results are kept, and the digests that name them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any


def digest(*parts: Any) -> str:
    """Ten hexadecimal digits that identify configs, strings and numbers taken together."""
    plain = [dataclasses.asdict(part) if dataclasses.is_dataclass(part) else part for part in parts]
    text = json.dumps(plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def home() -> Path:
    """The folder under which cohorts/, stores/ and runs/ are kept: ECCL_HOME, or the checkout, or ~/.cache/eccl."""
    if os.environ.get("ECCL_HOME"):
        return Path(os.environ["ECCL_HOME"]).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").exists() else Path.home() / ".cache" / "eccl"
