"""Values that a number among the settings may have, by the setting's name; what is outside would train in silence."""

from __future__ import annotations

import math
from typing import Any

COUNTS = {"participants", "epochs", "batch_size", "patience", "replicates", "embedding", "width", "depth", "heads"}
COUNTS |= {"sampling_rate", "patch_leads", "patch_samples", "frames", "image_size", "patch"}
POSITIVE = {"temperature", "mlp_ratio", "smallest_zoom", "span"}
SHARES = {"missed_codes", "false_codes", "dropout", "drop_path", "mask_ratio", "correlation_weight", "alpha", "warmup"}
SHARES |= {"lead_dropout", "time_flip", "sign_flip", "horizontal_flip"}


def check_range(name: str, value: Any) -> None:
    """Raise unless a setting's number, or each of several, is one that means something.

    Raises
    ------
    ValueError
        With the value, and what it may be.
    """
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        said, holds = _range(name, number)
        if not (math.isfinite(number) and holds):
            raise ValueError(f"{name} is {number}; it is {said}")


def _range(name: str, number: float) -> tuple[str, bool]:
    """What a setting may be, in words, and whether a number is that."""
    if name in ("label_share", "diagnosis_share"):
        return "above 0 and at most 1", 0 < number <= 1
    if name in COUNTS:
        return "at least 1", number >= 1
    if name in POSITIVE:
        return "above 0", number > 0
    if name in SHARES:
        return "from 0 to 1", 0 <= number <= 1
    return "at least 0", number >= 0
