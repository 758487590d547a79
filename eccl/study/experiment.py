"""What every notebook needs first: the data of a config, its encoders and their predictions, made now or found.

Each function can be called from anywhere, in any order: what it needs upstream is made, or reused when it exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from eccl.cache import digest, home
from eccl.config import Config
from eccl.data.cohort import Cohort
from eccl.data.ecg import read_ecg
from eccl.data.measure.ecg import VERSION, measure_ecg
from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest
from eccl.data.split import Split
from eccl.data.standard.intensity import scale_intensity
from eccl.data.store import Store, pack
from eccl.encoders.ecg_vit import ECGEncoder
from eccl.evaluation.baselines import baseline, measurement_baseline, trait_ceiling
from eccl.evaluation.probes import probe_diagnoses, probe_traits
from eccl.files import make_folder, replacing
from eccl.machine import engine
from eccl.methods.stages import Trained, fine_tune, pretrain_cmr, pretrain_eccl, pretrain_ecg
from eccl.metrics import bootstrap_indices
from eccl.records import ECG, Cine
from eccl.simulate.cohort import TRUTH, read_truth, simulate_cohort
from eccl.training.embedding import cmr_features, embed
from eccl.training.runs import Run
from eccl.traits import DIAGNOSES


@dataclass(frozen=True, eq=False)
class Data:
    """A cohort, packed and split, with the bootstrap index sets that all comparisons on its test split share."""

    config: Config
    cohort: Cohort
    store: Store
    split: Split

    @cached_property
    def indices(self) -> np.ndarray:
        """Bootstrap index sets over the test split, shape (replicates, n_test)."""
        return bootstrap_indices(len(self.split.test), self.config.replicates, self.config.seed)

    def parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the train, validation and test split of an array with one row a participant."""
        return values[self.split.train], values[self.split.validation], values[self.split.test]


class Pretrained(NamedTuple):
    """The runs of the three pretraining stages."""

    mae: Run
    cmr: Run
    eccl: Run


def prepare(config: Config, cohort: Path | str | None = None, modalities: Sequence[str] = ("ecg", "cmr")) -> Data:
    """The data of a config: its simulated cohort, or the cohort in a folder; packed and split.

    The split depends on the participants alone, so that training seeds are compared on one test split.

    Parameters
    ----------
    config : Config
    cohort : path, optional
        Folder of a Cohort; by default the simulated one of the config.
    modalities : sequence of str
        What the cohort must have: pairs, unless one modality is enough.

    Raises
    ------
    DataError
        If the cohort does not have a modality.
    """
    loaded = Cohort.load(cohort if cohort is not None else simulate_cohort(config.simulation))
    loaded.require(modalities)
    return Data(config, loaded, pack(loaded), loaded.split())


def ingested(
    source: str, download: Path | str, cohort: Path | str | None = None, again: bool = False, /, **options: Any
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
    again : bool
        As in `eccl.data.sources.ingest.ingest`.
    **options
        Settings of the adapter.
    """
    place = Path(download).expanduser().resolve()
    name = f"{source}-{digest(source, str(place), options)}"
    return ingest(open_source(source, place, **options), cohort or home() / "cohorts" / name, again=again)


def pretrain(data: Data) -> Pretrained:
    """The three pretraining stages, in order: ECG autoencoder, CMR encoder, ECCL."""
    return Pretrained(*(stage.run for stage in _stages(data)))


def _stages(data: Data) -> tuple[Trained, Trained, Trained]:
    mae = pretrain_ecg(data.store, data.split, data.config)
    cmr = pretrain_cmr(data.store, data.split, data.config)
    return mae, cmr, pretrain_eccl(data.store, data.split, data.config, mae.run, cmr.run)


def pretrain_available(data: Data) -> dict[str, Run]:
    """The runs of the stages that a cohort allows, by what they train: all three where there are pairs.

    Scans alone train the CMR encoder, on the traits where all are measured, else on the first known diagnosis that
    tells people apart; on nothing where there is none.
    """
    if len(data.cohort.modalities) == 2:
        runs = pretrain(data)
        return {"ECG autoencoder": runs.mae, "CMR encoder": runs.cmr, "ECCL": runs.eccl}
    if data.cohort.modalities == ("ecg",):
        return {"ECG autoencoder": pretrain_ecg(data.store, data.split, data.config).run}
    target = _image_target(data)
    if target is None:
        return {}
    return {f"CMR encoder, {target}": pretrain_cmr(data.store, data.split, data.config, target).run}


def _image_target(data: Data) -> str | None:
    if np.isfinite(data.parts(data.cohort.traits)[0]).any(axis=0).all():
        return "traits"
    for code in data.cohort.known_diagnoses:
        train, validation, _ = data.parts(data.cohort.diagnoses[:, DIAGNOSES.index(code)])
        if len(set(train)) == len(set(validation)) == 2:
            return code
    return None


def encoders(data: Data) -> dict[str, nn.Module]:
    """ECG encoders to compare, frozen: random weights, stage 1a alone (MAE), and stage 2 (ECCL)."""
    mae, _, eccl = _stages(data)
    with torch.random.fork_rng():
        torch.manual_seed(data.config.seed)
        random = ECGEncoder(data.config.ecg).eval()
    return {"random": random, "MAE": mae.model.encoder, "ECCL": eccl.model.ecg}


def features(data: Data, encoder: nn.Module, modality: str = "ecg") -> np.ndarray:
    """Features h_ecg, or h_cmr, of all participants, shape (N, width)."""
    return embed(encoder, data.store, np.arange(len(data.store)), modality, fabric=engine(data.config))


def probed(data: Data, target: str) -> dict[str, np.ndarray]:
    """Test predictions by linear probes of frozen encoders, beside those without learning.

    Parameters
    ----------
    target : "traits" or "diagnoses"

    Returns
    -------
    dict of str to ndarray, shape (n_test, 82 or 4)
        baseline (mean or prevalence), measurements (classical ECG measurements), random, MAE, ECCL.
    """
    data.cohort.require(diagnoses=DIAGNOSES if target == "diagnoses" else ())
    labels = data.cohort.traits if target == "traits" else data.cohort.diagnoses
    probe = probe_traits if target == "traits" else probe_diagnoses
    train, validation, _ = data.parts(labels)
    predictions = {
        "baseline": baseline(train, len(data.split.test)),
        "measurements": measurement_baseline(measurements(data.cohort), labels, data.split, probe),
    }
    for name, encoder in encoders(data).items():
        h_train, h_validation, h_test = data.parts(features(data, encoder))
        predictions[name] = probe(h_train, train, h_validation, validation, h_test)
    return predictions


def fine_tuned(data: Data, target: str) -> dict[str, np.ndarray]:
    """Test predictions of the whole encoder trained on from each start, shape (n_test, 82 or 4)."""
    runs = pretrain(data)
    starts = {"scratch": None, "MAE, fine-tuned": runs.mae, "ECCL, fine-tuned": runs.eccl}
    return {
        name: fine_tune(data.store, data.split, data.config, start, target).predict(data.split.test)
        for name, start in starts.items()
    }


def measurements(cohort: Cohort) -> pd.DataFrame:
    """Classical measurements of every ECG of a cohort, one row a participant; measured once and kept."""
    from joblib import Parallel, delayed

    path = make_folder(home() / "stores") / f"measurements-{digest(cohort.fingerprint, VERSION)}.csv"
    if not path.exists():
        paths = [cohort.ecg_path(i) for i in range(len(cohort.participant_ids))]
        rows = Parallel(n_jobs=-1)(delayed(_measure)(path) for path in paths)
        with replacing(path) as beside:
            pd.DataFrame(rows, index=cohort.participant_ids).to_csv(beside)
    return pd.read_csv(path, index_col=0)


def _measure(path: Path) -> dict[str, float]:
    return measure_ecg(read_ecg(path))


def ceiling(data: Data) -> np.ndarray | None:
    """Test predictions of the traits from the true electrical state, shape (n_test, 82); computed once and kept.

    None where no truth is known: of real people, and of a simulated download that was ingested.
    """
    if not (data.cohort.folder / TRUTH).exists():
        return None
    key = digest(data.cohort.fingerprint, data.split.test.tolist(), data.config.seed)
    path = make_folder(home() / "runs" / f"ceiling-{key}") / "predictions.npy"
    if not path.exists():
        electrical = read_truth(data.cohort.folder).filter(like="electrical.")
        predicted = trait_ceiling(electrical, data.cohort.traits, data.split, data.config.seed)
        with replacing(path) as beside, open(beside, "wb") as file:
            np.save(file, predicted)
    return np.load(path)


def embeddings(data: Data, indices: np.ndarray, shuffle_pairs: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings z_ecg and z_cmr of stage 2, each (n, latent), or of the control trained on shuffled pairs."""
    mae, cmr, eccl = _stages(data)
    if shuffle_pairs:
        eccl = pretrain_eccl(data.store, data.split, data.config, mae.run, cmr.run, shuffle_pairs=True)
    model = eccl.model
    h_cmr = torch.from_numpy(cmr_features(data.store, data.config, cmr.run)[indices])
    h_ecg = torch.from_numpy(embed(model.ecg, data.store, indices, fabric=engine(data.config)))
    with torch.inference_mode():
        z_ecg, z_cmr = model.cpu().project_ecg(h_ecg), model.project_cmr(h_cmr)
    return tuple(torch.nn.functional.normalize(z, dim=-1).numpy() for z in (z_ecg, z_cmr))


def prevalence(data: Data) -> pd.DataFrame:
    """Participants and cases of each diagnosis by split."""
    data.cohort.require(diagnoses=DIAGNOSES)
    rows = []
    for name in ("train", "validation", "test"):
        labels = data.cohort.diagnoses[getattr(data.split, name)]
        rows.append({"split": name, "participants": len(labels), **dict(zip(DIAGNOSES, labels.sum(axis=0)))})
    return pd.DataFrame(rows).set_index("split")


def embed_records(data: Data, ecgs: Sequence[ECG], cines: Sequence[Cine]) -> tuple[np.ndarray, np.ndarray]:
    """Unit embeddings z_ecg (n, latent) of ECGs and z_cmr (m, latent) of cines that belong to no cohort, by stage 2."""
    model = _stages(data)[2].model
    signals = torch.from_numpy(np.stack([ecg.signal for ecg in ecgs]))
    frames = torch.from_numpy(np.stack([scale_intensity(cine.frames) for cine in cines]))
    with torch.inference_mode():
        z_ecg, z_cmr = model.cpu().project_ecg(model.ecg(signals)), model.project_cmr(model.encode_cmr(frames))
    return tuple(torch.nn.functional.normalize(z, dim=-1).numpy() for z in (z_ecg, z_cmr))


def nearest_cosine(queries: np.ndarray, gallery: np.ndarray | None = None) -> np.ndarray:
    """Cosine of each unit vector (n, D) to the nearest of a gallery (m, D), or to the nearest other query: (n,)."""
    cosine = queries @ (queries if gallery is None else gallery).T
    if gallery is None:
        np.fill_diagonal(cosine, -1.0)
    return cosine.max(axis=1)
