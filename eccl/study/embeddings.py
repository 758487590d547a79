"""Embeddings in the space that ECG and CMR share, of a cohort's participants and of recordings from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from eccl.cache import kept_array
from eccl.data.standard.intensity import scale_intensity
from eccl.machine import engine
from eccl.methods import Method, Trained, find, obtain
from eccl.records import ECG, Cine
from eccl.study.data import Data
from eccl.training.embedding import embed


def embeddings(data: Data, indices: np.ndarray, method: str | Method = "eccl") -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings z_ecg and z_cmr of participants, each (n, embedding).

    Parameters
    ----------
    method : str or Method
        One with a shared space: "eccl", or "eccl_shuffled", the control that was trained on shuffled pairs.
    """
    trained = _paired(data, method)
    cmr, of = trained, data
    if "cmr" in trained.method.frozen:  # the encoder that it started from, whose features are kept already
        cmr, of = _upstream(trained.method, data)["cmr"], data.shared()
    h_ecg, h_cmr = trained.features(data)[indices], cmr.features(of, "cine")[indices]
    return _projected(trained.method, trained.model, torch.from_numpy(h_ecg), torch.from_numpy(h_cmr))


def embeddings_at_start(
    data: Data, indices: np.ndarray, method: str | Method = "eccl"
) -> tuple[np.ndarray, np.ndarray]:
    """The unit embeddings of `embeddings` before the first step of training: encoders as they came to it.

    The projections, and the ECG encoder where no earlier stage has trained it, have the random weights of the seed.
    """
    trained, upstream = _paired(data, method), _upstream(find(method), data)
    chosen, model = trained.method, trained.method.initial(data.config).eval()
    chosen.start(model, upstream)
    fabric = engine(data.machine, data.config.precision)
    parts = (trained.run.name, data.store.fingerprint, indices.tolist(), data.config.precision)
    make = partial(embed, chosen.ecg_encoder(model), data.store, indices, fabric=fabric)
    h_ecg = kept_array("start", parts, make, fabric)
    h_cmr = upstream["cmr"].features(data.shared() if "cmr" in chosen.frozen else data, "cine")[indices]
    return _projected(chosen, model, torch.from_numpy(h_ecg), torch.from_numpy(h_cmr))


def embed_records(
    data: Data, ecgs: Sequence[ECG], cines: Sequence[Cine], method: str | Method = "eccl"
) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings z_ecg (n, embedding) of ECGs and z_cmr (m, embedding) of cines that belong to no cohort."""
    trained = _paired(data, method)
    signals = torch.from_numpy(np.stack([ecg.signal for ecg in ecgs]))
    frames = torch.from_numpy(np.stack([scale_intensity(cine.frames) for cine in cines]))
    with torch.inference_mode():
        h_ecg, h_cmr = trained.encoder("ecg")(signals), trained.encoder("cine")(frames)
    return _projected(trained.method, trained.model, h_ecg, h_cmr)


def _paired(data: Data, method: str | Method) -> Trained:
    chosen = find(method)
    if chosen.projections is None:
        raise ValueError(f"{chosen.name} has no space that ECG and CMR share")
    return obtain(chosen, data)


def _upstream(method: Method, data: Data) -> dict[str, Trained]:
    """What a method starts from, by role."""
    earlier = method.starts_from(data.config).items()
    return {role: obtain(one, data.shared() if role in method.frozen else data) for role, one in earlier}


def _projected(
    method: Method, model: nn.Module, h_ecg: torch.Tensor, h_cmr: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    project_ecg, project_cmr = method.projections(model.cpu())
    return _on_sphere(project_ecg, h_ecg), _on_sphere(project_cmr, h_cmr)


@torch.inference_mode()
def _on_sphere(project: nn.Module, h: torch.Tensor) -> np.ndarray:
    return nn.functional.normalize(project(h), dim=-1).numpy()


def nearest_cosine(queries: np.ndarray, gallery: np.ndarray | None = None) -> np.ndarray:
    """Cosine of each unit vector (n, D) to the nearest of a gallery (m, D), or to the nearest other query: (n,)."""
    cosine = queries @ (queries if gallery is None else gallery).T
    if gallery is None:
        np.fill_diagonal(cosine, -1.0)
    return cosine.max(axis=1)
