"""A folder that predicts: `equip` writes what a trained encoder needs for it, and `load` reads it without a cohort.

<folder>/
    encoder.safetensors  encoder.json   the ECG encoder's weights; its settings, whom it is of, what it was fitted on
    readout.safetensors  readout.json   the linear probes and their calibration
    domain.safetensors   domain.json    the range of the training ECGs and features
    gallery.safetensors  gallery.json   optional: simulated hearts that an ECG is laid beside
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from eccl.cache import digest
from eccl.config import ECGEncoderConfig, replace
from eccl.data.split import Split
from eccl.encoders.ecg import ecg_encoder
from eccl.files import make_folder
from eccl.records import ECG, Cine, DataError
from eccl.share import hub
from eccl.share.arrays import damaged, load_arrays, save_arrays, stated_sha256
from eccl.share.describe import Description, describe
from eccl.share.domain import Domain, fit_domain
from eccl.share.gallery import NAME as GALLERY
from eccl.share.gallery import Gallery
from eccl.share.predict import Model
from eccl.share.readout import Readout, fit_readout

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from eccl.data.store import Store

PACKAGED = Path(__file__).resolve().parents[1] / "weights" / "laptop"
NAME, PARTS = "encoder", ("readout", "domain")
VERSION = 3  # raise it when the same data come to be fitted otherwise
EXAMPLES = 256  # people whose ECGs give the range of the domain; its margins are wider than what more would add


@dataclass(frozen=True, eq=False, repr=False)
class Pretrained(Model):
    """A model that was loaded: it also describes a recording, and goes to a folder, to the Hub, and to ONNX.

    Attributes
    ----------
    folder : Path
        Where its files are.
    """

    folder: Path

    @cached_property
    def gallery(self) -> Gallery | None:
        """The simulated hearts that an ECG is laid beside; None if there are none of this model."""
        if not (self.folder / f"{GALLERY}.json").exists():
            return None
        return Gallery.load(self.folder, weights_of(self.folder))

    def describe(
        self, recording: ECG | Cine | Path | str, cine: Cine | Path | str | None = None, count: int = 3
    ) -> Description:
        """An ECG, a cine, or both, as a page shows them: paper, rate and intervals, traits, diagnoses, nearest hearts.

        Parameters and errors are those of `eccl.share.describe.describe`; an ECG that `predict` would refuse is shown
        with the refusal in words.

        Examples
        --------
        >>> eccl.load().describe("my.xml")  # doctest: +SKIP
        """
        return describe(self, recording, cine, self.gallery, count)

    def save_pretrained(self, folder: Path | str) -> Path:
        """The folder, holding the model's files byte for byte and a card (`eccl.share.hub.save`)."""
        return hub.save(self.folder, folder, self.description)

    def push_to_hub(self, repo_id: str, private: bool = False, api: HfApi | None = None) -> str:
        """The address of the commit of these files in a repository of the Hub (`eccl.share.hub.upload`)."""
        return hub.upload(self.folder, repo_id, self.description, private, api)

    @classmethod
    def from_pretrained(cls, name: Path | str, revision: str | None = None) -> Pretrained:
        """The model of a folder, or of a repository "owner/name" of the Hub (`eccl.share.hub.find`)."""
        return load(hub.find(name, revision))

    def to_onnx(self, path: Path | str) -> Path:
        """The path of an ONNX file of encoder and probes (`eccl.share.export.write_onnx`)."""
        from eccl.share.export import write_onnx

        return write_onnx(path, self)


def equip(
    folder: Path | str,
    encoder: nn.Module,
    store: Store,
    split: Split,
    description: Mapping[str, Any],
    features: np.ndarray | None = None,
) -> Path:
    """The folder, with all that `load` needs: fitted on the training and calibrated on the validation participants.

    The test participants are not looked at. What is there already, of the same weights and people, is not made again.

    Parameters
    ----------
    folder : path
        Of a run, or any other; made if it is not there.
    encoder : nn.Module
        Trained, of `eccl.encoders.ecg`. It is left as it was.
    store, split
        Whom it was trained on.
    description : mapping
        What to say about the model, such as its method; in JSON's types.
    features : ndarray, shape (N, width), optional
        Of everyone in the store by this encoder, if they were computed before; else computed where the encoder is.

    Raises
    ------
    DataError
        If the folder cannot be written, or there are too few validation participants.
    """
    folder = make_folder(folder)
    weights = {name: value.detach().cpu().numpy() for name, value in encoder.state_dict().items()}
    participants = digest(split.train.tolist(), split.validation.tolist())
    fitted = {"version": VERSION, "data": store.fingerprint, "participants": participants, "weights": _sha256(weights)}
    if _fitted(folder) == fitted:
        return folder
    (folder / f"{NAME}.json").unlink(missing_ok=True)  # its presence says that all is whole
    parts = split.train, split.validation
    h_train, h_validation = _features(encoder, store, parts, features)
    labels = [tuple(values[part] for part in parts) for values in (store.traits, store.diagnoses)]
    fit_readout(h_train, h_validation, *labels).save(folder)
    fit_domain(_examples(store, np.concatenate(parts)), h_train, h_validation).save(folder)
    facts = {
        "settings": asdict(encoder.config),
        "samples": encoder.samples,
        "fitted": fitted,
        "parts": {name: stated_sha256(folder, name) for name in PARTS},
        "description": {
            **description,
            "simulated": store.simulated,
            "people": {"train": len(split.train), "validation": len(split.validation)},
        },
    }
    save_arrays(folder, NAME, weights, facts)
    return folder


def is_equipped(folder: Path | str) -> bool:
    """Whether a folder predicts by itself, by files of this version of `equip`."""
    fitted = _fitted(Path(folder))
    return fitted is not None and fitted.get("version") == VERSION


def load(folder: Path | str = PACKAGED) -> Pretrained:
    """The model of a folder that was equipped: it predicts from an ECG, with no cohort on disk.

    Parameters
    ----------
    folder : path
        Of a run, or of the six files that `equip` wrote; by default the weights that come with the package, learnt from
        simulated hearts and not for patients (`eccl/weights/laptop/CARD.md`).

    Raises
    ------
    DataError
        If a file is missing or damaged, or written by another version of this package.

    Examples
    --------
    >>> data = eccl.prepare(eccl.preset("smoke"), machine=eccl.Machine("cpu"))
    >>> trained = eccl.obtain("masked_autoencoder", data, progress=False)
    >>> load(trained.run.folder).predict(data.cohort[0].ecg).traits.shape
    (82, 4)
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError("there is no such folder", source=folder, remedy="give the folder of a run, in runs/")
    arrays, facts = load_arrays(folder, NAME)
    try:
        encoder = ecg_encoder(replace(ECGEncoderConfig(), **facts["settings"]), facts["samples"])
        encoder.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        description, parts = facts["description"], facts["parts"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise damaged(folder / f"{NAME}.json", error) from error
    model = Pretrained(encoder.eval(), Readout.load(folder), Domain.load(folder), description, folder)
    for name in PARTS:
        if stated_sha256(folder, name) != parts[name]:
            raise damaged(folder / f"{name}.json", ValueError(f"it is of another model than {NAME}.json"))
    return model


def weights_of(folder: Path | str) -> str:
    """SHA-256 of the weights of the encoder in a folder, as `equip` states it."""
    return load_arrays(folder, NAME)[1]["fitted"]["weights"]


def _features(
    encoder: nn.Module, store: Store, parts: tuple[np.ndarray, np.ndarray], features: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    if features is not None:
        return features[parts[0]], features[parts[1]]
    from eccl.training.embedding import embed

    return embed(encoder, store, parts[0]), embed(encoder, store, parts[1])


def _examples(store: Store, rows: np.ndarray) -> list[ECG]:
    """ECGs of some hundreds of people, evenly over all of them."""
    chosen = rows[np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int)]
    signals = store.batch(chosen, ("ecg",))["ecg"].numpy()
    return [ECG(signal, source=store.participant_ids[row]) for signal, row in zip(signals, chosen)]


def _fitted(folder: Path) -> dict[str, Any] | None:
    """What the files in a folder were fitted on; None if they are not all there and whole."""
    try:
        arrays = {name: load_arrays(folder, name) for name in (NAME, *PARTS)}
    except DataError:
        return None
    return arrays[NAME][1].get("fitted")


def _sha256(weights: Mapping[str, np.ndarray]) -> str:
    total = hashlib.sha256()
    for name, value in sorted(weights.items()):
        total.update(f"{name} {value.dtype} {value.shape}".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()
