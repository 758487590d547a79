"""Features of participants by a trained encoder: read from a run, computed in evaluation mode, kept where reused."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from eccl.config import Config
from eccl.data.store import Store
from eccl.encoders.cmr import cmr_encoder
from eccl.files import replacing
from eccl.machine import engine
from eccl.records import DataError
from eccl.training.runs import Run

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@torch.inference_mode()
def embed(
    encoder: nn.Module,
    store: Store,
    indices: Sequence[int] | np.ndarray,
    modality: str = "ecg",
    batch_size: int = 64,
    fabric: Fabric | None = None,
) -> np.ndarray:
    """What a model makes of one modality of participants, in evaluation mode: float32 (n, width).

    Parameters
    ----------
    encoder : nn.Module
        Takes a batch of ECGs or cines. It is left as it was: device, training mode.
    modality : "ecg" or "cmr"
        What the encoder takes.
    fabric : Fabric, optional
        Of `eccl.machine.engine`: where, and in which precision; by default where the encoder is, in its own.
    """
    if modality not in ("ecg", "cmr"):
        raise ValueError(f"no modality is named {modality!r}; there are ecg and cmr")
    field = {"ecg": "ecg", "cmr": "cine"}[modality]
    home, training = next(encoder.parameters()).device, encoder.training
    device, precision = (home, nullcontext()) if fabric is None else (fabric.device, fabric.autocast())
    encoder.to(device).eval()
    rows = np.asarray(indices)
    starts = range(0, len(rows), batch_size)
    batches = (store.batch(rows[start : start + batch_size], modalities=(field,)) for start in starts)
    with precision:
        features = [encoder(getattr(batch, field).to(device)).float().cpu() for batch in batches]
    encoder.to(home).train(training)
    return torch.cat(features).numpy()


def load_encoder(encoder: nn.Module, run: Run) -> nn.Module:
    """An encoder with the weights it has in a run: the ECG encoder of stages 1a, 2 and 3, or the CMR encoder of 1b.

    Raises
    ------
    DataError
        If the weights are missing or damaged, or of another shape than the encoder.
    """
    prefix = "ecg." if run.config["stage"].startswith("eccl") else "encoder."
    return run.load_into(encoder, prefix)


def cmr_features(store: Store, config: Config, cmr_run: Run) -> np.ndarray:
    """h_cmr (N, width) of everyone in a store by a frozen CMR encoder; computed once and kept in the run's folder.

    Of several processes the first computes them and the others wait for it.
    """
    path = cmr_run.folder / f"h_cmr-{store.fingerprint}.npy"
    fabric = engine(config)
    if fabric.is_global_zero and not path.exists():
        encoder = load_encoder(cmr_encoder(config.cmr), cmr_run)
        features = embed(encoder, store, np.arange(len(store)), "cmr", fabric=fabric)
        with replacing(path) as beside, open(beside, "wb") as file:
            np.save(file, features)
    fabric.barrier()
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"the features cannot be read ({error})", source=path, remedy="delete the file") from error
