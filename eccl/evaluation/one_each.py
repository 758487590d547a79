"""The four diagnoses by a model each, as the paper has them: all cases, and controls in chunks of twice as many."""

from __future__ import annotations

import numpy as np

from eccl.cache import kept_array
from eccl.evaluation.probes import probe_diagnoses
from eccl.evaluation.protocols import features_of, known_split, labels_of, parts_of, tuned
from eccl.methods.base import Data, Method
from eccl.traits import DIAGNOSES

CONTROLS = 2  # for each case, in a chunk


def balanced(
    labels: np.ndarray, people: np.ndarray, rng: np.random.Generator, chunks: str = "one", per_case: int = CONTROLS
) -> np.ndarray:
    """Rows of some people, all cases and twice as many controls, drawn from those without this diagnosis.

    Parameters
    ----------
    labels : ndarray of 0 and 1, shape (N,)
        Of everyone.
    people : ndarray of int
        Rows of those to choose from.
    rng : Generator
    chunks : "one" or "all"
        "one": controls are drawn once and the others are left out. "all": the controls are cut into as many chunks as
        there are, and each comes with all cases, who so occur as often.
    per_case : int
        Controls in a chunk for each case.

    Returns
    -------
    ndarray of int, ascending
        The people as they are, where they are all alike.

    Raises
    ------
    ValueError
        If `chunks` is something else.
    """
    if chunks not in ("one", "all"):
        raise ValueError(f'chunks is "one" or "all", got {chunks!r}')
    cases, controls = people[labels[people] == 1], people[labels[people] == 0]
    if not len(cases) or not len(controls):
        return people
    size = per_case * len(cases)
    if chunks == "one":
        return np.sort(np.concatenate([cases, rng.permutation(controls)[:size]]))
    return np.sort(np.concatenate([np.tile(cases, -(-len(controls) // size)), controls]))


def probe_each(method: Method, data: Data, chunks: str = "one") -> np.ndarray:
    """Probabilities (n_test, 4) by a linear probe for each diagnosis, fitted and chosen on `balanced` participants.

    As cases are more frequent there, probabilities exceed the prevalence: they are for ranking people.
    """
    labels, split = labels_of(data, "diagnoses"), known_split(data, "diagnoses")
    seed = data.shared().config.seed

    def make() -> np.ndarray:
        h, columns = features_of(method, data), []
        for k in range(len(DIAGNOSES)):
            rng, y = np.random.default_rng((seed, k)), labels[:, [k]]
            known, chosen = (balanced(labels[:, k], part, rng, chunks) for part in (split.train, split.validation))
            columns.append(probe_diagnoses(h[known], y[known], h[chosen], y[chosen], h[split.test]))
        return np.hstack(columns)

    return kept_array("probe-each", (*parts_of([method], data, split, "diagnoses"), chunks, CONTROLS, seed), make)


def finetune_each(method: Method, data: Data) -> np.ndarray:
    """Probabilities (n_test, 4) by an encoder fine-tuned for each diagnosis apart: four trainings.

    Each learns from all participants, whose cases weigh as much as the controls together.
    """
    labels_of(data, "diagnoses")
    return np.hstack([tuned(method, data, code) for code in DIAGNOSES])
