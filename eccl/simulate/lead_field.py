"""From the heart's dipole to the eight independent leads: Dower's matrix, a little other in each person.

References
----------
Dower, Machado and Osborne, Clin Cardiol 1980 (the lead matrix).
"""

from __future__ import annotations

import numpy as np

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)  # rows INDEPENDENT, columns x, y, z

# What each lead sees of the atria, over what it sees of the ventricles: they lie at the base, farther from the lower
# electrodes of the chest. Chosen so that the mean P of each lead comes near that of PTB-XL's normal recordings.
ATRIAL = np.array([1.0, 1.0, 0.85, 0.42, 0.30, 0.29, 0.32, 0.43])  # rows INDEPENDENT

# I and aVF * 2/sqrt(3), the axes of the frontal plane, from x, y and z.
FRONTAL = np.stack([DOWER[0], (DOWER[1] - DOWER[0] / 2) * 2 / np.sqrt(3)])


def lead_field(rng: np.random.Generator) -> np.ndarray:
    """Dower's matrix for one person: chest electrodes a little off, a torso a little other."""
    matrix = DOWER.copy()
    matrix[2:] += 0.10 * np.linalg.norm(DOWER[2:], axis=1, keepdims=True) * rng.standard_normal((6, 3)) / np.sqrt(3)
    matrix[:2] += 0.03 * rng.standard_normal((2, 3))
    return matrix * np.exp(0.05 * rng.standard_normal())
