"""For whom predictions are better or worse: by sex, age, body mass, rhythm and conduction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from eccl import metrics
from eccl.metrics import Resampled

if TYPE_CHECKING:
    import pandas as pd

AGES = (55, 65)  # years, at which a group of age begins
BODY_MASS = (25, 30)  # kg/m2: overweight and obesity begin (WHO 2000)
FEWEST = 5  # cases, and controls, of a diagnosis that enters the mean of a subgroup


@dataclass(frozen=True, eq=False)
class Subgroup:
    """Some of the participants.

    Attributes
    ----------
    factor, label : str
        What tells them apart, "sex"; and who they are, "women".
    member : ndarray of bool, shape (n,)
    known : ndarray of bool, shape (n,)
        Of whom the factor is known; those of them who are no members are the rest.
    """

    factor: str
    label: str
    member: np.ndarray
    known: np.ndarray


def subgroups(people: pd.DataFrame, truth: pd.DataFrame | None = None) -> list[Subgroup]:
    """The subgroups of participants, as far as their table and, of simulated people, the truth say who they are.

    Parameters
    ----------
    people : DataFrame
        One row a participant: sex (0 female, 1 male), age (years), height (cm), weight (kg); any may be missing.
    truth : DataFrame, optional
        Of the same people, of `eccl.simulate.cohort.read_truth`: rhythm during the recording, and conduction.
    """
    sex = people["sex"].to_numpy(float)
    mass = people["weight"].to_numpy(float) / (people["height"].to_numpy(float) / 100) ** 2
    found = [_of("sex", label, sex == value, sex) for value, label in enumerate(("women", "men"))]
    found += _banded("age", people["age"].to_numpy(float), AGES, "{} years")
    found += _banded("body mass", mass, BODY_MASS, "{} kg/m²")
    if truth is not None:
        rhythm = truth["electrical.fibrillating"].to_numpy(bool)
        found += [
            _of("rhythm", label, rhythm == value) for value, label in enumerate(("sinus rhythm", "atrial fibrillation"))
        ]
        left, right = (truth[f"electrical.{name}"].to_numpy(bool) for name in ("lbbb", "rbbb"))
        blocks = {"no": ~(left | right), "left": left, "right": right}
        found += [_of("conduction", f"{side} bundle-branch block", member) for side, member in blocks.items()]
    return found


def _of(factor: str, label: str, member: np.ndarray, values: np.ndarray | None = None) -> Subgroup:
    return Subgroup(factor, label, member, np.ones(len(member), bool) if values is None else np.isfinite(values))


def _banded(factor: str, values: np.ndarray, edges: Sequence[float], unit: str) -> list[Subgroup]:
    """Those below the first edge, between each and the next, and from the last on."""
    ends = [-np.inf, *edges, np.inf]
    names = [f"under {edges[0]}", *(f"{low} to {high}" for low, high in pairwise(edges)), f"from {edges[-1]}"]
    return [
        _of(factor, unit.format(name), (values >= low) & (values < high), values)
        for name, (low, high) in zip(names, pairwise(ends))
    ]


def trait_subgroups(
    predicted: np.ndarray, y_test: np.ndarray, indices: np.ndarray, groups: Sequence[Subgroup]
) -> pd.DataFrame:
    """Mean r over the traits in each subgroup, and less that of the rest, whom the same draws of participants hold.

    Parameters
    ----------
    predicted, y_test : ndarray, shape (n, 82)
    indices : ndarray, shape (R, n)
    groups : sequence of Subgroup

    Returns
    -------
    DataFrame
        factor, subgroup, metric ("r"), value, low, high, n, columns (how many traits), and difference, difference_low,
        difference_high (to those of the factor who are not in the subgroup); "everyone" comes first and has none. An r
        is of how people are ordered within the subgroup: where they are more alike it is lower, at the same error.
    """
    return _table("r", partial(metrics.resample, metrics.pearson), _all, (y_test, predicted), indices, groups)


def diagnosis_subgroups(
    probabilities: np.ndarray, y_test: np.ndarray, indices: np.ndarray, groups: Sequence[Subgroup]
) -> pd.DataFrame:
    """Mean AUROC in each subgroup, as `trait_subgroups`, over the diagnoses with at least 5 cases and 5 controls there.

    A difference to the rest is of the diagnoses that both have enough of.

    Parameters
    ----------
    probabilities, y_test : ndarray, shape (n, 4)
    indices, groups
        As in `trait_subgroups`.
    """
    return _table("AUROC", _aurocs, _enough, (y_test, probabilities), indices, groups)


def _aurocs(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> Resampled:
    scores = [metrics.resample(metrics.auroc, y[:, k], p[:, k], weights=weights) for k in range(y.shape[1])]
    return Resampled(np.column_stack([score.draws for score in scores]))


def _enough(y: np.ndarray) -> np.ndarray:
    """Which diagnoses (4,) have enough cases and controls."""
    cases = y.sum(axis=0)
    return (cases >= FEWEST) & (len(y) - cases >= FEWEST)


def _all(y: np.ndarray) -> np.ndarray:
    return np.full(y.shape[1], len(y) > 2)


def _table(
    metric: str,
    scores: Callable[..., Resampled],
    usable: Callable[[np.ndarray], np.ndarray],
    arrays: tuple[np.ndarray, np.ndarray],
    indices: np.ndarray,
    groups: Sequence[Subgroup],
) -> pd.DataFrame:
    """The mean over the usable columns of truth and prediction, in each subgroup and less the rest."""
    import pandas as pd

    weights, entries = metrics.multiplicities(indices), []

    def mean(who: np.ndarray, which: np.ndarray) -> Resampled:
        if not which.any():
            return Resampled(np.full(1 + len(weights), np.nan))
        chosen = (array[who][:, which] for array in arrays)
        return Resampled(metrics.defined_mean(scores(*chosen, weights=weights[:, who]).draws))

    for group in [Subgroup("everyone", "everyone", *np.ones((2, len(arrays[0])), bool)), *groups]:
        member, rest = group.member, group.known & ~group.member
        own, n = usable(arrays[0][member]), int(member.sum())
        both = own & usable(arrays[0][rest])
        entry = {"factor": group.factor, "subgroup": group.label, "metric": metric}
        entry |= mean(member, own).estimate(n).as_columns() | {"columns": int(own.sum())}
        entries.append(entry | (mean(member, both) - mean(rest, both)).estimate(n).as_columns("difference"))
    return pd.DataFrame(entries)
