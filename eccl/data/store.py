"""A cohort packed once into memory-mapped arrays: any batch is read at random without loading the rest.

The folder holds ecg.npy int16 (N, 12, 5000) at 5 uV a unit, cine.npy uint8 (N, 50, 80, 80) for [0, 1], traits.npy
float32 (N, 82), diagnoses.npy float32 (N, 4), ids.json and store.json (sizes and SHA-256 of each, and the cohort's
hash). A cohort of one modality has no array of the other.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from eccl.cache import digest, home
from eccl.data.cohort import Cohort
from eccl.data.modalities import MODALITIES
from eccl.files import PARTIAL, make_folder, replacing, sha256, write_json
from eccl.records import DataError

VERSION = 3  # raise it when the packed bytes of a cohort change
INDEX = "store.json"
_WORKERS = 4  # threads that read while one writes; decompression leaves Python free
_CHUNK = 32  # participants in memory at once, per worker

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some participants, ready for a model; `batch["ecg"]` is a modality that was read."""

    recordings: dict[str, torch.Tensor]  # ecg (B, 12, 5000), mV; cine (B, 50, 80, 80), 0 to 1; float32
    traits: torch.Tensor  # (B, 82) float32, units of eccl.traits, NaN where not measured
    diagnoses: torch.Tensor  # (B, 4) float32, 0 or 1; NaN where the cohort cannot know
    index: torch.Tensor  # (B,) int64, rows of the store

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, modality: str) -> torch.Tensor:
        return self.recordings[modality]

    def to(self, device: torch.device | str) -> Batch:
        """The batch on a device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory, from which a GPU copies without waiting; a DataLoader calls it."""
        return self._map(torch.Tensor.pin_memory)

    def _map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        recordings = {name: function(tensor) for name, tensor in self.recordings.items()}
        return Batch(recordings, function(self.traits), function(self.diagnoses), function(self.index))


class Store:
    """Packed recordings; `pack` makes one and `Store.open` opens it. Small to pickle: workers map the arrays anew.

    Examples
    --------
    >>> store = eccl.prepare(eccl.preset("smoke")).store
    >>> len(store), store.modalities, store.packed("cine").dtype
    (80, ('ecg', 'cine'), dtype('uint8'))
    """

    def __init__(self, folder: Path, index: dict[str, Any]):
        self.folder, self.index = folder, index

    @classmethod
    def open(cls, folder: Path | str, verify: bool = False) -> Store:
        """The store of a folder.

        Parameters
        ----------
        folder : path
            As `pack` made it.
        verify : bool
            Whether to compare the SHA-256 of every file (reads everything) or only its size.

        Raises
        ------
        DataError
            If a file is missing, truncated or (with `verify`) altered.
        """
        folder = Path(folder)
        remedy = "delete this folder and pack the cohort again"
        try:
            index = json.loads((folder / INDEX).read_text())
        except (OSError, ValueError) as error:
            raise DataError(f"no store can be read ({error})", source=folder / INDEX, remedy=remedy) from error
        for name, entry in index["files"].items():
            path = folder / name
            size = path.stat().st_size if path.exists() else None
            if size != entry["size"]:
                found = "is missing" if size is None else f"has {size} bytes, not {entry['size']}"
                raise DataError(f"the file {found}", source=path, remedy=remedy)
            if verify and sha256(path) != entry["sha256"]:
                raise DataError("the content has changed since it was packed (SHA-256)", source=path, remedy=remedy)
        return cls(folder, index)

    def __len__(self) -> int:
        return len(self.diagnoses)

    def __repr__(self) -> str:
        size = sum(entry["size"] for entry in self.index["files"].values()) / 1e6
        return f"Store({len(self):,} people, {' and '.join(self.modalities)}, {size:,.0f} MB in {self.folder})"

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "index": self.index}

    @property
    def fingerprint(self) -> str:
        """Hash of the content of every array and of the participants' names."""
        return digest({name: entry["sha256"] for name, entry in self.index["files"].items()})

    @property
    def simulated(self) -> bool:
        """Whether the people are simulated."""
        return self.index["simulated"]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Which recordings there are: "ecg", "cine" or both."""
        return tuple(name for name in MODALITIES if f"{name}.npy" in self.index["files"])

    @cached_property
    def participant_ids(self) -> tuple[str, ...]:
        """Names of the participants, one a row."""
        return tuple(json.loads((self.folder / "ids.json").read_text()))

    def packed(self, modality: str) -> np.ndarray:
        """All recordings of a modality (N, ...) as they are packed (`Modality.dtype`), mapped read-only.

        Raises
        ------
        ValueError
            If there is no such modality.
        DataError
            If the store does not have it.
        """
        if modality not in MODALITIES:
            raise ValueError(f"no modality is named {modality!r}; there are {', '.join(MODALITIES)}")
        if modality not in self.modalities:
            raise DataError(
                f"there is no {modality} of these participants",
                source=self.folder,
                remedy=f"ask for {', '.join(self.modalities)}, or pack a cohort that has both",
            )
        return self._maps[modality]

    @cached_property
    def _maps(self) -> dict[str, np.ndarray]:
        return {name: np.load(self.folder / f"{name}.npy", mmap_mode="r") for name in self.modalities}

    @cached_property
    def traits(self) -> np.ndarray:
        """All traits (N, 82), float32."""
        return np.load(self.folder / "traits.npy")

    @cached_property
    def diagnoses(self) -> np.ndarray:
        """All diagnoses (N, 4), float32; NaN where the cohort cannot know."""
        return np.load(self.folder / "diagnoses.npy")

    def batch(self, indices: Sequence[int] | np.ndarray, modalities: Sequence[str] | None = None) -> Batch:
        """The participants of some rows, in that order, with the recordings that are asked for; others are not read.

        Parameters
        ----------
        indices : sequence of int
        modalities : sequence of str, optional
            "ecg", "cine"; by default those that the store has.

        Raises
        ------
        ValueError, DataError
            As `packed`.
        """
        rows = np.asarray(indices, dtype=np.int64)
        names = self.modalities if modalities is None else modalities
        packed = {name: self.packed(name)[rows] for name in names}
        recordings = {name: torch.from_numpy(MODALITIES[name].decode(array)) for name, array in packed.items()}
        labels = torch.from_numpy(self.traits[rows]), torch.from_numpy(self.diagnoses[rows])
        return Batch(recordings, *labels, torch.from_numpy(rows))


def pack(cohort: Cohort, folder: Path | str | None = None, progress: bool = True) -> Store:
    """The store of a cohort, made now or found as it was made before.

    Memory does not grow with the cohort. A store appears whole or not at all.

    Parameters
    ----------
    cohort : Cohort
        What to pack. ECGs are rounded to 5 uV; cines scaled to [0, 1] each and rounded to 1/255.
    folder : path, optional
        Where to write; by default `stores/<cohort's folder>-<fingerprint>` under `eccl.cache.home()`.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    DataError
        If a recording cannot be read, or the store not be written.

    Examples
    --------
    >>> cohort = eccl.Cohort.load(eccl.simulate_cohort(eccl.preset("smoke").simulation))
    >>> pack(cohort, progress=False).traits.shape
    (80, 82)
    """
    from tqdm import tqdm

    name = f"{cohort.folder.name}-{cohort.fingerprint}"
    folder = Path(folder) if folder is not None else home() / "stores" / name
    sources = _sources(cohort)
    if (folder / INDEX).exists():
        store = Store.open(folder)
        if store.index["version"] == VERSION and store.index["sources"] == sources:
            return store
        log.info("%s: the cohort has changed since it was packed; packing again", folder)
    elif folder.is_dir() and any(folder.iterdir()):
        raise DataError("the folder holds something else", source=folder, remedy="give a folder that is new or empty")
    make_folder(folder.parent)
    for partial in folder.parent.glob(f"{PARTIAL}-*-{folder.name}"):
        log.warning("%s was left by a packing that was interrupted, or is being written; delete it if not", partial)
    with replacing(folder) as beside:
        beside.mkdir()
        bar = tqdm(_read_all(cohort), total=len(cohort), desc="packing", unit="person", disable=not progress)
        _write_arrays(beside, cohort, bar)
        np.save(beside / "traits.npy", cohort.traits)
        np.save(beside / "diagnoses.npy", cohort.diagnoses.astype(np.float32))
        (beside / "ids.json").write_text(json.dumps(cohort.participant_ids))
        files = {path.name: {"size": path.stat().st_size, "sha256": sha256(path)} for path in sorted(beside.iterdir())}
        index = {
            "cohort": cohort.fingerprint,
            "simulated": cohort.simulated,
            "version": VERSION,
            "sources": sources,
            "files": files,
        }
        write_json(beside / INDEX, index)
    return Store.open(folder)


def _read_all(cohort: Cohort) -> Iterator[list[np.ndarray]]:
    from joblib import Parallel, delayed

    chunk = _WORKERS * _CHUNK
    with Parallel(n_jobs=_WORKERS, prefer="threads") as parallel:
        for start in range(0, len(cohort), chunk):
            rows = range(start, min(start + chunk, len(cohort)))
            yield from parallel(delayed(_read_one)(cohort, row) for row in rows)


def _read_one(cohort: Cohort, row: int) -> list[np.ndarray]:
    return [
        MODALITIES[name].encode(cohort.read(row, name)).astype(MODALITIES[name].dtype) for name in cohort.modalities
    ]


def _write_arrays(folder: Path, cohort: Cohort, rows: Iterable[Sequence[np.ndarray]]) -> None:
    # Written in sequence and not through a memory map: on a full disk a map kills the process, a write says so.
    files: list[BinaryIO] = []
    try:
        for modality in (MODALITIES[name] for name in cohort.modalities):
            files.append(open(folder / f"{modality.name}.npy", "wb"))  # noqa: SIM115
            header = {"descr": modality.dtype, "fortran_order": False, "shape": (len(cohort), *modality.shape)}
            np.lib.format.write_array_header_1_0(files[-1], header)
        for arrays in rows:
            for file, array in zip(files, arrays):
                file.write(array.tobytes())
    finally:
        for file in files:
            file.close()


def _sources(cohort: Cohort) -> str:
    """Hash of size and time of every recording: a re-exported file is noticed although the table is the same."""
    state = hashlib.sha256()
    for row in range(len(cohort)):
        for path in cohort.paths(row):
            stat = path.stat()
            state.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return state.hexdigest()[:16]
