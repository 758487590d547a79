"""The former place of `eccl.data.sources.scans`, for scripts that import `read_heart`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eccl.data.sources.scans import read_scan
from eccl.records import Cine

warnings.warn("eccl.data.sources.hearts is eccl.data.sources.scans now", DeprecationWarning, stacklevel=2)


def read_heart(
    path: Path | str, masks: Sequence[Path | str] = (), *, fewer: str = "refuse", rule: str = "middle", **options: Any
) -> tuple[Cine, int]:
    """The cine of a cohort and how many frames were acquired, as `read_scan` says; its options by former names."""
    scan = read_scan(path, masks, frame_policy=fewer, slice_rule=rule, **options)
    return scan.cine, scan.frame_count
