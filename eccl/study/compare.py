"""Comparisons on one cohort: what each method predicts of the test participants, and tables of it.

Each function can be called from anywhere, in any order: what it needs is trained, or reused when it exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from eccl.cache import array_digest, kept_array, kept_table
from eccl.evaluation.baselines import baseline, trait_ceiling
from eccl.evaluation.protocols import find_protocol, labels_of
from eccl.evaluation.rows import Row
from eccl.evaluation.tables import diagnosis_table, trait_table
from eccl.methods import METHODS, Method, Trained, find
from eccl.methods import obtain as train
from eccl.simulate.cohort import TRUTH, read_truth
from eccl.study.data import Data
from eccl.traits import DIAGNOSES

MEAN = Row("mean", "none")


def predictions(
    data: Data,
    methods: Sequence[str | Method] | None = None,
    target: str = "traits",
    protocols: Sequence[str] = ("probe",),
    seeds: int = 1,
) -> dict[Row, np.ndarray]:
    """What each method predicts of the test participants, by each protocol that it can be judged by.

    Parameters
    ----------
    data : Data
    methods : sequence of str or Method, or one of these, optional
        By default all in `eccl.methods.METHODS` that are standard. The first row is the mean of the training labels.
    target : "traits" or "diagnoses"
    protocols : sequence of str, or one
        Of `eccl.evaluation.protocols.PROTOCOLS`: "probe", "finetune".
    seeds : int
        Of training, from the config's on; data, split and frozen encoders stay. A table of features has no seed.

    Returns
    -------
    dict of Row to ndarray, shape (n_test, 82 or 4)
    """
    if seeds < 1:
        raise ValueError(f"seeds is how many, at least 1; got {seeds}")
    labels = labels_of(data, target)
    known, _, test = data.parts(labels)
    found = {MEAN: baseline(known, len(test))}
    chosen = (
        [method for method in METHODS.values() if method.standard] if methods is None else map(find, _listed(methods))
    )
    for method in chosen:
        for protocol in map(find_protocol, _listed(protocols)):
            if not protocol.applies(method):
                continue
            for number in range(seeds if method.build else 1):
                seed = None if seeds == 1 or not method.build else data.config.seed + number
                one = data if seed is None else data.seeded(seed)
                found[Row(method.name, protocol.name, seed)] = protocol.predict(method, one, target)
    return found


def _listed(given: Sequence[Any] | str | Method) -> Sequence[Any]:
    return (given,) if isinstance(given, str | Method) else given


def compare(
    data: Data,
    methods: Sequence[str | Method] | None = None,
    target: str = "traits",
    protocols: Sequence[str] = ("probe",),
    seeds: int = 1,
    reference: Row | None = None,
) -> pd.DataFrame:
    """How well each method predicts the traits (mean r) or diagnoses (mean AUROC, AUPRC, Brier score), with intervals.

    Parameters
    ----------
    data, methods, target, protocols, seeds
        As in `predictions`.
    reference : Row, optional
        What paired differences are taken to.

    Returns
    -------
    DataFrame
        method, protocol, seed, metric, value, low, high, n, and differences; see `trait_table`, `diagnosis_table`.

    Examples
    --------
    >>> data = eccl.prepare(eccl.preset("smoke"))
    >>> table = compare(data, ["demographics", "random"])
    >>> list(table["method"])
    ['mean', 'demographics', 'random']
    """
    table = score(data, predictions(data, methods, target, protocols, seeds), target, reference)
    if target == "traits":
        return table.query("group == 'all traits'").reset_index(drop=True)
    return table.query("diagnosis == 'mean'").reset_index(drop=True)


def score(
    data: Data, predicted: Mapping[Row, np.ndarray], target: str = "traits", reference: Row | None = None
) -> pd.DataFrame:
    """The whole table of predictions of the test participants, kept: its parts are all that is in it.

    Parameters
    ----------
    predicted : mapping of Row to ndarray
        Of `predictions`.
    target, reference
        As in `compare`. Of the traits of simulated participants each row has its share of the ceiling.
    """
    truth = labels_of(data, target)[data.split.test]
    top = ceiling(data) if target == "traits" else None
    arrays = [truth, data.indices, *predicted.values(), *([] if top is None else [top])]
    parts = (target, list(predicted), reference, [array_digest(array) for array in arrays])

    def make() -> pd.DataFrame:
        if target == "traits":
            return trait_table(predicted, truth, data.indices, reference=reference, ceiling=top)
        return diagnosis_table(predicted, truth, data.indices, reference=reference)

    return kept_table(f"table-{target}", parts, make).astype({"seed": "Int64"})


def ceiling(data: Data) -> np.ndarray | None:
    """Test predictions of the traits from the true electrical state, shape (n_test, 82); computed once and kept.

    None where no truth is known: of real people, and of a simulated download that was ingested.
    """
    if not (data.cohort.folder / TRUTH).exists():
        return None

    def make() -> np.ndarray:
        electrical = read_truth(data.cohort.folder).filter(like="electrical.")
        return trait_ceiling(electrical, data.cohort.traits, data.split, data.config.seed)

    return kept_array("ceiling", (data.cohort.fingerprint, data.split.test.tolist(), data.config.seed), make)


def obtain_available(data: Data) -> dict[str, Trained]:
    """What a cohort allows to train, by label: all three stages where there are pairs.

    Scans alone train the CMR encoder, on the traits where all are measured, else on the first known diagnosis that
    tells people apart; on nothing where there is none.
    """
    if data.cohort.modalities != ("cine",):
        names = ("masked_autoencoder", "cmr_supervised", "eccl")
        pairs = {"ecg", "cine"} <= set(data.cohort.modalities)
        chosen = [METHODS[name] for name in names if name == "masked_autoencoder" or pairs]
        return {method.label: train(method, data) for method in chosen}
    target = _image_target(data)
    if target is None:
        return {}
    method = METHODS["cmr_supervised"]
    one = replace(data, config=replace(data.config, cmr_target=target))
    return {f"{method.label}, {target}": train(method, one)}


def _image_target(data: Data) -> str | None:
    if np.isfinite(data.parts(data.cohort.traits)[0]).any(axis=0).all():
        return "traits"
    for code in data.cohort.known_diagnoses:
        known, validation, _ = data.parts(data.cohort.diagnoses[:, DIAGNOSES.index(code)])
        if len(set(known)) == len(set(validation)) == 2:
            return code
    return None
