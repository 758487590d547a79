"""Tables of the people of a cohort, as a method reads them beside the recordings: found or simulated, standard, packed.

A real cohort has them in files of its own beside cohort.csv; the tables of simulated people are drawn from their truth.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from eccl.cache import digest
from eccl.data.cohort import Cohort
from eccl.data.cohort_files import SNP, TABULAR
from eccl.data.split import Split
from eccl.data.standard.genotypes import encode_genotypes
from eccl.data.standard.leaks import refuse_leaks
from eccl.data.standard.tabular import columns, encode, standard_table
from eccl.data.store import Batch, Store
from eccl.errors import DataError
from eccl.simulate.cohort import TRUTH
from eccl.simulate.tables import Tables, simulate_tables

log = logging.getLogger(__name__)


class WithTable:
    """A store whose batches hold a table of the same people too, as a modality; otherwise the store as it is.

    Parameters
    ----------
    store : Store
    modality : str
        Under which a batch holds the table, as float32.
    table : ndarray (N, ...)
        As a model is given it, one row a participant.
    raw : DataFrame
        What it was made of, which is in the fingerprint.
    """

    def __init__(self, store: Store, modality: str, table: np.ndarray, raw: pd.DataFrame):
        self.store, self.modality, self.table, self.raw = store, modality, table, raw

    def __len__(self) -> int:
        return len(self.store)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the content of the store and of the table."""
        content = self.raw.to_csv(index=False).encode()
        return digest(self.store.fingerprint, self.modality, hashlib.sha256(content).hexdigest())

    @property
    def simulated(self) -> bool:
        """Whether the people are simulated."""
        return self.store.simulated

    @property
    def traits(self) -> np.ndarray:
        """All traits (N, 82), as `Store.traits`."""
        return self.store.traits

    def batch(self, indices: Sequence[int] | np.ndarray, modalities: Sequence[str]) -> Batch:
        """The participants of some rows, in that order, with what is asked for of recordings and table."""
        batch = self.store.batch(indices, [name for name in modalities if name != self.modality])
        if self.modality in modalities:
            batch.recordings[self.modality] = torch.from_numpy(self.table[batch.index.numpy()]).float()
        return batch


def with_tabular(store: Store, cohort: Cohort, split: Split) -> WithTable:
    """The store with the 90 fields of everyone, (N, 255): scaled by the training participants alone.

    Raises
    ------
    DataError
        If there is no table, or it is not what `standard_table` takes.
    """
    path = cohort.folder / f"{TABULAR}.csv"
    table = standard_table(_read(path, cohort) if path.exists() else _simulated(path, cohort).tabular, path)
    absent = list(table.columns[table.isna().all()])
    if absent:
        log.warning("%s: nobody has a value of %s: the model is told that they are missing", path, ", ".join(absent))
    return WithTable(store, TABULAR, encode(table, split.train), table)


def with_snp(store: Store, cohort: Cohort) -> WithTable:
    """The store with the genotypes of everyone, (N, 49, 120).

    Raises
    ------
    DataError
        If there is no table, or it is not what `encode_genotypes` takes.
    """
    path = cohort.folder / f"{SNP}.csv"
    table = _read(path, cohort) if path.exists() else _simulated(path, cohort).snp
    return WithTable(store, SNP, encode_genotypes(table, path), table)


def refuse_leaks_of(store: WithTable, split: Split, allowed: Sequence[str]) -> None:
    """Raise if a column of the 90 fields tells a trait nearly by itself, over the training participants.

    Raises
    ------
    DataError
        As `eccl.data.standard.leaks.refuse_leaks`.
    """
    refuse_leaks(columns(store.raw), store.traits, split.train, allowed)


def _simulated(path: Path, cohort: Cohort) -> Tables:
    if not (cohort.folder / TRUTH).exists():
        raise DataError(
            f"the cohort has no {path.name}",
            source=path,
            remedy="write it beside cohort.csv, with a column participant_id; or use a simulated cohort",
        )
    return simulate_tables(cohort)


def _read(path: Path, cohort: Cohort) -> pd.DataFrame:
    """The rows of a file in the order of the cohort; of who is not there, all is missing."""
    try:
        table = pd.read_csv(path, dtype={"participant_id": str})
    except (OSError, ValueError) as error:
        raise DataError(f"the table cannot be read ({error})", source=path, remedy="write it as CSV") from error
    if "participant_id" not in table or table["participant_id"].duplicated().any():
        raise DataError(
            "the table has no column participant_id, or somebody twice", source=path, remedy="one row a participant"
        )
    table = table.set_index("participant_id")
    if not table.index.isin(cohort.participant_ids).any():
        raise DataError("nobody of the cohort is in the table", source=path, remedy="use the names of cohort.csv")
    return table.reindex(list(cohort.participant_ids))
