"""Comparisons on one cohort: what each method predicts of the test participants, and tables of it.

Each function can be called from anywhere, in any order: what it needs is trained, or reused when it exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from eccl.cache import array_digest, kept_array, kept_table
from eccl.config import Config
from eccl.evaluation.baselines import baseline
from eccl.evaluation.boosting import boosted_diagnoses, boosted_traits
from eccl.evaluation.protocols import PROTOCOLS, find_protocol, labels_of
from eccl.evaluation.rows import Row
from eccl.evaluation.subgroups import Subgroup, subgroups
from eccl.evaluation.tables import diagnosis_table, trait_table
from eccl.evaluation.terms import with_terms
from eccl.methods import METHODS, Method, Trained, find
from eccl.methods import obtain as train
from eccl.methods.demographics import METHOD as DEMOGRAPHICS
from eccl.simulate.cohort import TRUTH, read_truth
from eccl.study.data import Data
from eccl.training.supervision import Known
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
        Of training, from the config's on, as `seeds_of`; data, split and frozen encoders stay.

    Returns
    -------
    dict of Row to ndarray, shape (n_test, 82 or 4)
    """
    if seeds < 1:
        raise ValueError(f"seeds is how many, at least 1; got {seeds}")
    labels = labels_of(data, target)
    known, _, test = data.parts(labels)
    found = {MEAN: baseline(known, len(test))}
    for method in _chosen(methods):
        for protocol in map(find_protocol, _listed(protocols)):
            if not protocol.applies(method):
                continue
            several = seeds_of(method, data.config, seeds)
            for seed in several:
                one = data if len(several) == 1 else data.seeded(seed)
                row = Row(method.name, protocol.name, None if len(several) == 1 else seed)
                found[row] = protocol.predict(method, one, target)
    return found


def seeds_of(method: Method, config: Config, count: int) -> list[int]:
    """The seeds that a method has, of so many: a table of features has one, unless a seed draws who is labelled."""
    draws = method.build is not None or Known.of(config, "diagnoses").share < 1
    return [config.seed + number for number in range(count if draws else 1)]


def _chosen(methods: Sequence[str | Method] | str | Method | None) -> list[Method]:
    """The methods that are asked for; all that are standard, unless some are."""
    if methods is None:
        return [method for method in METHODS.values() if method.standard]
    return [find(method) for method in _listed(methods)]


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
        Then the terms of each row, see `eccl.evaluation.terms.Terms`: a row that had fewer passes than ECCL says so in
        `note`.

    Examples
    --------
    >>> data = eccl.prepare(eccl.preset("smoke"))
    >>> table = compare(data, ["demographics", "random"])
    >>> list(table["method"])
    ['mean', 'demographics', 'random']
    """
    chosen = _chosen(methods)
    known = METHODS | {method.name: method for method in chosen}
    table = score(data, predictions(data, chosen, target, protocols, seeds), target, reference, known)
    if target == "traits":
        return table.query("group == 'all traits'").reset_index(drop=True)
    return table.query("diagnosis == 'mean'").reset_index(drop=True)


def score(
    data: Data,
    predicted: Mapping[Row, np.ndarray],
    target: str = "traits",
    reference: Row | None = None,
    methods: Mapping[str, Method] = METHODS,
) -> pd.DataFrame:
    """The whole table of predictions of the test participants, with the terms of each row; its estimates are kept.

    Parameters
    ----------
    predicted : mapping of Row to ndarray
        Of `predictions`.
    target, reference
        As in `compare`. Of the traits of simulated participants each row has its share of the ceiling: of that with
        demographics, if it sees them.
    methods : mapping of str to Method
        By the name of the row; what is none of them has no terms.
    """
    truth = labels_of(data, target)[data.split.test]
    tops = _ceilings(data, predicted) if target == "traits" else None
    arrays = [truth, data.indices, *predicted.values(), *(tops or {}).values()]
    parts = (target, list(predicted), reference, [array_digest(array) for array in arrays])

    def make() -> pd.DataFrame:
        if target == "traits":
            return trait_table(predicted, truth, data.indices, reference=reference, ceiling=tops)
        return diagnosis_table(predicted, truth, data.indices, reference=reference)

    table = kept_table(f"table-{target}", parts, make).astype({"seed": "Int64"})
    return with_terms(table, data, target, methods)


def _ceilings(data: Data, rows: Iterable[Row]) -> dict[Row, np.ndarray] | None:
    """The ceiling of the traits of each row, None where no truth is known."""
    sees = {row: _sees_demographics(row) for row in rows}
    tops = {each: ceiling(data, demographics=each) for each in set(sees.values())}  # each read once, for all its rows
    if any(top is None for top in tops.values()):
        return None
    return {row: tops[each] for row, each in sees.items()}


def _sees_demographics(row: Row) -> bool:
    protocol = PROTOCOLS.get(row.protocol)
    return row.method == DEMOGRAPHICS.name or (protocol is not None and protocol.demographics)


def ceiling(data: Data, target: str = "traits", demographics: bool = False) -> np.ndarray | None:
    """Test predictions from the true electrical state, shape (n_test, 82 or 4), by boosted trees; kept.

    The ECG of a simulated participant depends on the heart through the electrical parameters alone, so no model of the
    ECG can know more; but a regression on so many participants need not find all there is: the ceiling is an estimate.
    It is that of all labels, and all seeds of a comparison have one.

    Parameters
    ----------
    target : "traits" or "diagnoses"
    demographics : bool
        Whether sex, age, height and weight stand beside the electrical state: the ceiling of who sees them too.

    Returns
    -------
    ndarray or None
        None where no truth is known: of real people, and of a simulated download that was ingested.
    """
    if not (data.cohort.folder / TRUTH).exists():
        return None
    labels, seed = labels_of(data, target), data.shared().config.seed

    def make() -> np.ndarray:
        table = read_truth(data.cohort.folder).filter(like="electrical.").reset_index(drop=True)
        if demographics:
            table = pd.concat([table, DEMOGRAPHICS.table(data).reset_index(drop=True)], axis=1)
        fit = boosted_traits if target == "traits" else boosted_diagnoses
        return fit(table, labels, data.split, seed)

    who = [part.tolist() for part in (data.split.train, data.split.validation, data.split.test)]
    return kept_array("ceiling", (data.cohort.fingerprint, target, demographics, who, seed), make)


def subgroups_of(data: Data) -> list[Subgroup]:
    """The subgroups of the test participants; of simulated people by their true rhythm and conduction too."""
    truth = None
    if (data.cohort.folder / TRUTH).exists():
        truth = read_truth(data.cohort.folder).iloc[data.split.test]
    return subgroups(data.cohort.table.iloc[data.split.test], truth)


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
