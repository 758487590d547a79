"""A folder that predicts: `equip` writes what a trained encoder needs for it, and `load` reads it without a cohort.

<folder>/
    encoder.safetensors  encoder.json   the ECG encoder's weights; its settings, whom it is of, what it was fitted on
    readout.safetensors  readout.json   the linear probes and their calibration
    domain.safetensors   domain.json    the range of the training ECGs and features
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
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
from eccl.records import ECG, DataError
from eccl.share.arrays import damaged, load_arrays, save_arrays, stated_sha256
from eccl.share.domain import Domain, fit_domain
from eccl.share.predict import Model
from eccl.share.readout import Readout, fit_readout

if TYPE_CHECKING:
    from eccl.data.store import Store

PACKAGED = Path(__file__).resolve().parents[1] / "weights" / "laptop"
NAME, PARTS = "encoder", ("readout", "domain")
VERSION = 3  # raise it when the same data come to be fitted otherwise
EXAMPLES = 256  # people whose ECGs give the range of the domain; its margins are wider than what more would add


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


def load(folder: Path | str = PACKAGED) -> Model:
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
    model = Model(encoder.eval(), Readout.load(folder), Domain.load(folder), description)
    for name in PARTS:
        if stated_sha256(folder, name) != parts[name]:
            raise damaged(folder / f"{name}.json", ValueError(f"it is of another model than {NAME}.json"))
    return model


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
