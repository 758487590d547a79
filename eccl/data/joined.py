"""Several stores read as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from eccl.cache import digest
from eccl.data.store import Batch, Store


class Joined:
    """Stores read as one, the rows of each after those of the one before: for a method that learns from all of them.

    Parameters
    ----------
    *stores : Store
        The first is of the people whom a result is about.
    """

    def __init__(self, *stores: Store):
        self.stores = stores

    def __len__(self) -> int:
        return sum(map(len, self.stores))

    def __repr__(self) -> str:
        return f"Joined({', '.join(map(repr, self.stores))})"

    @property
    def fingerprint(self) -> str:
        """Hash of the content of all of them, in their order."""
        return digest([store.fingerprint for store in self.stores])

    @property
    def simulated(self) -> bool:
        """Whether the people of the first are simulated."""
        return self.stores[0].simulated

    def batch(self, indices: Sequence[int] | np.ndarray, modalities: Sequence[str]) -> Batch:
        """The participants of some rows, in that order, with the recordings that are asked for; as `Store.batch`.

        Raises
        ------
        IndexError
            If there is no such row.
        """
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"rows from {rows.min()} to {rows.max()} are asked for, of {len(self)}")
        ends = np.cumsum([len(store) for store in self.stores])
        which = np.searchsorted(ends, rows, side="right")
        places = [np.flatnonzero(which == number) for number in range(len(self.stores))]
        starts = ends - [len(store) for store in self.stores]
        parts = [store.batch(rows[at] - start, modalities) for store, at, start in zip(self.stores, places, starts)]

        def merged(tensors: list[torch.Tensor]) -> torch.Tensor:
            whole = tensors[0].new_empty(len(rows), *tensors[0].shape[1:])
            for at, tensor in zip(places, tensors):
                whole[at] = tensor
            return whole

        recordings = {name: merged([part[name] for part in parts]) for name in modalities}
        labels = (merged([getattr(part, name) for part in parts]) for name in ("traits", "diagnoses"))
        return Batch(recordings, *labels, torch.from_numpy(rows))
