"""The scale of the traits: mean and standard deviation over the training rows alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eccl.records import DataError
from eccl.traits import TRAIT_NAMES


@dataclass(frozen=True, eq=False)
class Scaler:
    """Mean and standard deviation of each trait over the training split; `Scaler.fit` makes it.

    Attributes
    ----------
    mean, std : ndarray of float32, shape (K,)
        In the traits' units. A trait that does not vary has std 1.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, traits: np.ndarray, train_indices: np.ndarray) -> Scaler:
        """The scaler of the training rows; other rows are not looked at, missing values (NaN) are left out.

        Raises
        ------
        DataError
            If a trait has no value in any training row.
        """
        rows = np.asarray(traits, dtype=np.float64)[train_indices]
        empty = np.flatnonzero(~np.isfinite(rows).any(axis=0))
        if len(empty):
            names = ", ".join(TRAIT_NAMES[k] if rows.shape[1] == len(TRAIT_NAMES) else str(k) for k in empty)
            raise DataError(
                f"no training participant has a value of {names}",
                remedy="use a cohort that has it, or train on a diagnosis",
            )
        std = np.nanstd(rows, axis=0)
        return cls(np.nanmean(rows, axis=0).astype(np.float32), np.where(std > 0, std, 1.0).astype(np.float32))

    def transform(self, traits: np.ndarray) -> np.ndarray:
        """Z-scores (n, K) of traits (n, K); a missing value becomes 0, the training mean."""
        return np.nan_to_num((traits - self.mean) / self.std, nan=0.0)

    def inverse(self, scores: np.ndarray) -> np.ndarray:
        """Traits (n, K) in their units, of z-scores (n, K)."""
        return scores * self.std + self.mean
