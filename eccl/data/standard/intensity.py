"""Intensity of a cine on one scale: its own percentiles become 0 and 1."""

from __future__ import annotations

import numpy as np

from eccl.records import DataError

PERCENTILES = (0.5, 99.5)  # of intensity, mapped to 0 and 1


def scale_intensity(frames: np.ndarray, source: str = "") -> np.ndarray:
    """Frames in [0, 1], float32: the cine's 0.5 and 99.5 percentiles of intensity become 0 and 1, the rest is clipped.

    Raises
    ------
    DataError
        If the two percentiles are equal, so that there is nothing to see.
    """
    low, high = np.percentile(frames, PERCENTILES)
    if not high > low:
        raise DataError(
            f"no contrast: nearly all pixels are {low:g}",
            source=source or None,
            remedy="export the series again or leave this participant out",
        )
    scaled = (np.asarray(frames, dtype=np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(scaled, 0.0, 1.0, out=scaled)
