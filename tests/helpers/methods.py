"""Methods on a tiny store: one config, one split, and stores that differ in one thing."""

from dataclasses import replace

import numpy as np
import torch

from eccl.config import preset
from eccl.config import replace as set_config
from eccl.data.split import Split
from eccl.methods import METHODS

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
ONE = {"epochs": 1, "batch_size": 6}
VIT = {"name": "vit", "sampling_rate": 500, "patch_samples": 200, "width": 32, "depth": 1, "heads": 2}
STAGES = {f"stage_{name}": ONE for name in ("cmr", "eccl", "simclr", "finetune")} | {
    "stage_mae": ONE | {"augment": False}
}
CONFIG = preset("smoke", ecg=VIT, ecg_start="masked_autoencoder", **STAGES)
MAE, CMR, ECCL = (METHODS[name] for name in ("masked_autoencoder", "cmr_supervised", "eccl"))


def of(data, **changes):
    """The same data under another config, from which nothing was obtained yet."""
    return replace(data, config=set_config(data.config, **changes), obtained={})


def equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Altered:
    """A store whose test participants have other recordings, traits and diagnoses."""

    def __init__(self, store, rows):
        self.store, self.rows = store, rows
        self.traits, self.diagnoses = store.traits.copy(), store.diagnoses.copy()
        self.traits[rows], self.diagnoses[rows] = 1e3, 1 - self.diagnoses[rows]
        self.fingerprint, self.simulated = "altered", True

    def __len__(self):
        return len(self.store)

    def batch(self, indices, modalities):
        batch = self.store.batch(indices, modalities)
        hit = torch.isin(batch.index, torch.as_tensor(self.rows))
        factor = torch.where(hit, torch.nan, 1.0)
        recordings = {name: x * factor.reshape(-1, *[1] * (x.ndim - 1)) for name, x in batch.recordings.items()}
        return replace(batch, recordings=recordings)


class Subset:
    """Some people of a store, as a store of their own."""

    def __init__(self, store, rows):
        self.store, self.rows, self.fingerprint = store, rows, f"{rows} of {store.fingerprint}"

    def __len__(self):
        return len(self.rows)

    def batch(self, indices, modalities):
        return self.store.batch(self.rows[indices], modalities)
