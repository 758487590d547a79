"""What a model makes of participants, in evaluation mode."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from eccl.data.store import Store

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
    modality : "ecg" or "cine"
        What the encoder takes.
    fabric : Fabric, optional
        Of `eccl.machine.engine`: where, and in which precision; by default where the encoder is, in its own.
    """
    before, training = next(encoder.parameters()).device, encoder.training
    device, precision = (before, nullcontext()) if fabric is None else (fabric.device, fabric.autocast())
    encoder.to(device).eval()
    rows = np.asarray(indices)
    starts = range(0, len(rows), batch_size)
    batches = (store.batch(rows[start : start + batch_size], modalities=(modality,)) for start in starts)
    with precision:
        features = [encoder(batch[modality].to(device)).float().cpu() for batch in batches]
    encoder.to(before).train(training)
    return torch.cat(features).numpy()
