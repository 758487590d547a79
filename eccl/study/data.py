"""The data of a config: its simulated cohort, one in a folder, or one made of a download; packed and split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eccl.cache import digest, home
from eccl.config import Config, to_dict
from eccl.data.cohort import TABLE, Cohort
from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest
from eccl.data.split import PARTS, Split
from eccl.data.store import Store, pack
from eccl.data.table import patients
from eccl.display import tree
from eccl.machine import Machine
from eccl.methods import READS, Trained
from eccl.metrics import bootstrap_indices
from eccl.records import DataError
from eccl.simulate.cohort import simulate_cohort, simulate_ecgs
from eccl.traits import DIAGNOSES


@dataclass(frozen=True, eq=False)
class Data:
    """A cohort, packed and split, with the bootstrap index sets that all comparisons on its test split share.

    Attributes
    ----------
    config : Config
    cohort, store, split
        Participants, their packed recordings, and who is trained on, selected on and looked at once.
    machine : Machine
        Where it is computed.
    shared_seed : int
        Of what all seeds of a comparison share: the bootstrap, and encoders that stay frozen.
    unlabelled : Store, optional
        ECGs of further people, of whom a method that needs no labels learns too.
    obtained : dict
        What was trained or read from these data, by the name of its run, so that no weights are read twice.

    Examples
    --------
    >>> data = prepare(eccl.preset("smoke"))
    >>> data
    Data(80 simulated people with ECG and cine: 55 train, 14 validation, 11 test; preset smoke, seed 42)
    >>> data.store.batch(data.split.test[:2])["ecg"].shape
    torch.Size([2, 12, 5000])
    """

    config: Config
    cohort: Cohort
    store: Store
    split: Split
    machine: Machine = field(default_factory=Machine)
    shared_seed: int | None = None
    unlabelled: Store | None = None
    obtained: dict[str, Trained] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"Data({self._said()})"

    def _repr_html_(self) -> str:
        return f"<p>{self._said()}</p>{tree('Settings', to_dict(self.config), opened=False)}"

    def _said(self) -> str:
        """Who they are, and how they are split."""
        kind = "simulated people" if self.cohort.simulated else "people"
        parts = ", ".join(f"{len(getattr(self.split, name)):,} {name}" for name in PARTS)
        has = " and ".join(READS.get(name, name) for name in self.cohort.modalities)
        parts += "" if self.unlabelled is None else f", {len(self.unlabelled):,} more without labels"
        return f"{len(self.cohort):,} {kind} with {has}: {parts}; preset {self.config.preset}, seed {self.config.seed}"

    @cached_property
    def indices(self) -> np.ndarray:
        """Bootstrap index sets over the test split, shape (replicates, n_test)."""
        seed = self.config.seed if self.shared_seed is None else self.shared_seed
        return bootstrap_indices(len(self.split.test), self.config.replicates, seed)

    def parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the train, validation and test split of an array with one row a participant."""
        return values[self.split.train], values[self.split.validation], values[self.split.test]

    def seeded(self, seed: int) -> Data:
        """The same data with another seed of training, which also draws whose labels are known, where few are."""
        shared = self.config.seed if self.shared_seed is None else self.shared_seed
        return replace(self, config=replace(self.config, seed=seed, label_seed=seed), shared_seed=shared)

    def shared(self) -> Data:
        """The data with the seed that all seeds of a comparison share, and the labels that this one knows."""
        if self.shared_seed is None:
            return self
        return replace(self, config=replace(self.config, seed=self.shared_seed))

    def first(self) -> Data:
        """The first of the seeds of a comparison, with the labels that it knows."""
        return self if self.shared_seed is None else self.seeded(self.shared_seed)

    def prevalence(self) -> pd.DataFrame:
        """Participants and cases of each diagnosis by split.

        Raises
        ------
        DataError
            If the cohort does not know one of them.
        """
        self.cohort.require(diagnoses=DIAGNOSES)
        rows = []
        for name in PARTS:
            labels = self.cohort.diagnoses[getattr(self.split, name)]
            cases = labels.sum(axis=0).astype(int)
            rows.append({"split": name, "participants": len(labels), **dict(zip(DIAGNOSES, cases))})
        return pd.DataFrame(rows).set_index("split")


def prepare(
    config: Config,
    cohort: Path | str | None = None,
    modalities: Sequence[str] = ("ecg", "cine"),
    machine: Machine | None = None,
    unlabelled: Path | str | None = None,
) -> Data:
    """The data of a config: its simulated cohort, or the cohort in a folder; packed and split.

    The split depends on the participants alone, so that training seeds are compared on one test split.

    Parameters
    ----------
    config : Config
    cohort : path, optional
        Folder of a Cohort; by default the simulated one of the config.
    modalities : sequence of str
        What the cohort must have: pairs, unless one modality is enough.
    machine : Machine, optional
        Where to train and embed; by default a GPU where there is one.
    unlabelled : path, optional
        Folder of a Cohort of ECGs of other people; by default, beside the simulated cohort, as many further simulated
        people as `config.unlabelled` says.

    Raises
    ------
    DataError
        If the cohort does not have a modality, or somebody of the cohort is among the unlabelled.

    Examples
    --------
    >>> prepare(eccl.preset("smoke")).cohort.modalities
    ('ecg', 'cine')
    """
    if not isinstance(config, Config):
        raise TypeError(f'prepare takes a config, such as eccl.preset("smoke"); got {config!r}')
    loaded = Cohort.load(cohort if cohort is not None else simulate_cohort(config.simulation))
    loaded.require(modalities)
    if unlabelled is None and cohort is None and config.unlabelled:
        unlabelled = simulate_ecgs(config.simulation, config.unlabelled)
    further = None if unlabelled is None else pack(_others(Cohort.load(unlabelled), loaded))
    return Data(config, loaded, pack(loaded), loaded.split(), machine or Machine(), unlabelled=further)


def _others(unlabelled: Cohort, cohort: Cohort) -> Cohort:
    """The cohort of unlabelled ECGs, if nobody of the other is in it.

    Raises
    ------
    DataError
        With the first who is, since that may be someone of the test split; or if there is no ECG.
    """
    unlabelled.require(["ecg"])
    known = set(patients(cohort.table)) | set(cohort.participant_ids)
    who = zip(unlabelled.participant_ids, patients(unlabelled.table))
    both = [name for name, patient in who if name in known or patient in known]
    if both:
        raise DataError(
            f"{len(both)} of {len(unlabelled)} unlabelled people are in the cohort too, the first of them {both[0]}",
            source=unlabelled.folder / TABLE,
            remedy="take them out: whoever may be in the test split is not trained on",
        )
    return unlabelled


def ingested(
    source: str, download: Path | str, cohort: Path | str | None = None, retry_refused: bool = False, /, **options: Any
) -> Path:
    """The folder of the cohort of a download, made now, brought up to date or found.

    Parameters
    ----------
    source : str
        Name of an adapter (`eccl.data.sources.SOURCES`).
    download : path
        Where the download lies.
    cohort : path, optional
        Folder of the cohort; by default one under `eccl.cache.home()`, by source, download and options.
    retry_refused : bool
        As in `eccl.data.sources.ingest.ingest`.
    **options
        Settings of the adapter.
    """
    place = Path(download).expanduser().resolve()
    name = f"{source}-{digest(source, str(place), options)}"
    return ingest(
        open_source(source, place, **options), cohort or home() / "cohorts" / name, retry_refused=retry_refused
    )
