"""The scale of the traits: mean and standard deviation over the training rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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

    def transform(self, traits: Any) -> Any:
        """Z-scores (B, K), of an array or a tensor; a missing value becomes 0, the training mean."""
        mean, std = self._like(traits)
        scores = (traits - mean) / std
        return scores.nan_to_num(nan=0.0) if hasattr(scores, "nan_to_num") else np.nan_to_num(scores, nan=0.0)

    def inverse(self, scores: Any) -> Any:
        """Traits (B, K) in their units, of an array or tensor of z-scores."""
        mean, std = self._like(scores)
        return scores * std + mean

    def _like(self, values: Any) -> tuple[Any, Any]:
        if isinstance(values, np.ndarray):
            return self.mean, self.std
        return values.new_tensor(self.mean), values.new_tensor(self.std)
