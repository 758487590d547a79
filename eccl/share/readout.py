"""From features to traits and probabilities, each with an interval that was calibrated on the validation participants.

A trait's interval is split conformal: the probe's prediction, plus and minus a quantile of its errors in validation. It
holds the true value of 95 % of people like those of the cohort, on average over all of them; among the ill alone, who
are harder to predict, it may hold fewer. A diagnosis has two calibrated probabilities, by inductive Venn-Abers: what
isotonic regression on validation gives if this person is taken not to have the disease, and if to have it. Their
distance says how little validation tells about such a score.

References
----------
Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Lei et al., J Am Stat Assoc 2018 (split
conformal). Vovk, Petej and Fedorova, NeurIPS 2015 (inductive Venn-Abers predictors and their merged probability).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eccl.data.scaling import Scaler
from eccl.evaluation.probes import LogisticProbe, RidgeProbe, Standardiser, fit_diagnoses, fit_traits
from eccl.share.arrays import damaged, load_arrays, save_arrays
from eccl.traits import DIAGNOSES, TRAIT_NAMES, trait

LEVEL = 0.95  # of people, whose true value a trait's interval holds
NAME = "readout"


@dataclass(frozen=True, eq=False)
class Interval:
    """Values with their lower and upper ends, each of shape (n, K)."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Readout:
    """Traits and probabilities of features; `fit_readout` makes it.

    Attributes
    ----------
    trait_names : tuple of str
        K of `eccl.traits.TRAIT_NAMES`: those with a value in training and in validation.
    trait_probe : RidgeProbe or None
        From features to these traits; None if there are none.
    half_widths : ndarray of float64, shape (K,)
        Half of each trait's interval, in the trait's unit. Infinite where validation has too few values for the level:
        the interval is then the trait's plausible range.
    level : float
        Share of people whose true value an interval of `half_widths` holds.
    codes : tuple of str
        The diagnoses that the cohort knows.
    diagnosis_probe : LogisticProbe or None
        From features to their log-odds; None if there are none.
    calibration : tuple of ndarray of float64, each (m, 3)
        For each diagnosis the different log-odds in validation, ascending, how many people have each, and how many of
        these have the disease.
    """

    trait_names: tuple[str, ...]
    trait_probe: RidgeProbe | None
    half_widths: np.ndarray
    level: float
    codes: tuple[str, ...]
    diagnosis_probe: LogisticProbe | None
    calibration: tuple[np.ndarray, ...]

    def traits(self, h: np.ndarray) -> Interval:
        """Traits (n, K) of features (n, D), in their units: the probe's prediction within its conformal interval.

        No end lies beyond the trait's plausible range, where no true value of a cohort lies either.
        """
        if self.trait_probe is None:
            return Interval(*np.empty((3, len(h), 0)))
        value = np.asarray(self.trait_probe.predict(h), float)
        low, high = np.array([(trait(name).low, trait(name).high) for name in self.trait_names]).T
        return Interval(
            value,
            np.maximum(value - self.half_widths, np.minimum(low, value)),
            np.minimum(value + self.half_widths, np.maximum(high, value)),
        )

    def diagnoses(self, h: np.ndarray) -> Interval:
        """Calibrated probabilities (n, K) of features (n, D), between the two of Venn-Abers."""
        if self.diagnosis_probe is None:
            return Interval(*np.empty((3, len(h), 0)))
        scores = self.diagnosis_probe.log_odds(h)
        columns = [venn_abers(table, scores[:, k]) for k, table in enumerate(self.calibration)]
        low, high = np.moveaxis(np.array(columns), 0, -1)
        return Interval(high / (1 - low + high), low, high)

    def save(self, folder: Path | str) -> None:
        """Write readout.safetensors and readout.json into a folder."""
        arrays = {"traits.half_widths": self.half_widths}
        if self.trait_probe is not None:
            probe = self.trait_probe
            arrays |= _features("traits", probe.features) | {"traits.coefficients": probe.coefficients}
            arrays |= {"traits.scaler.mean": probe.scaler.mean, "traits.scaler.std": probe.scaler.std}
            arrays |= {"traits.strength": np.array([probe.strength])}
        if self.diagnosis_probe is not None:
            probe = self.diagnosis_probe
            arrays |= _features("diagnoses", probe.features)
            arrays |= {f"diagnoses.{name}": getattr(probe, name) for name in _LOGISTIC}
        arrays |= {f"calibration.{code}": table for code, table in zip(self.codes, self.calibration)}
        save_arrays(folder, NAME, arrays, {"level": self.level, "traits": self.trait_names, "diagnoses": self.codes})

    @classmethod
    def load(cls, folder: Path | str) -> Readout:
        """The readout that `save` wrote.

        Raises
        ------
        DataError
            If a file is missing or damaged.
        """
        arrays, facts = load_arrays(folder, NAME)
        try:
            names, codes = tuple(facts["traits"]), tuple(facts["diagnoses"])
            return cls(
                names,
                _ridge_probe(arrays) if names else None,
                arrays["traits.half_widths"],
                facts["level"],
                codes,
                _logistic_probe(arrays) if codes else None,
                tuple(arrays[f"calibration.{code}"] for code in codes),
            )
        except (KeyError, TypeError) as error:
            raise damaged(Path(folder) / f"{NAME}.json", error) from error


def fit_readout(
    h_train: np.ndarray,
    h_validation: np.ndarray,
    traits: tuple[np.ndarray, np.ndarray],
    diagnoses: tuple[np.ndarray, np.ndarray],
) -> Readout:
    """The readout of frozen features: the linear probes of `eccl.evaluation.probes`, calibrated on validation.

    Parameters
    ----------
    h_train, h_validation : ndarray, shape (n, D)
    traits : pair of ndarray, shape (n, 82)
        Of the training and the validation participants, in the units of `eccl.traits`; nan where not measured.
    diagnoses : pair of ndarray, shape (n, 4)
        0 or 1; a diagnosis with a nan is not known, and will not be predicted.
    """
    known = [np.isfinite(part).any(axis=0) for part in traits]
    which = np.flatnonzero(known[0] & known[1])
    y_train, y_validation = (np.asarray(part)[:, which] for part in traits)
    trait_probe, half_widths = None, np.empty(0)
    if len(which):
        trait_probe = fit_traits(h_train, y_train, h_validation, y_validation)
        half_widths = conformal(np.abs(y_validation - trait_probe.predict(h_validation)))
    coded = np.flatnonzero(np.isfinite(np.concatenate(diagnoses)).all(axis=0))
    diagnosis_probe, calibration = None, ()
    if len(coded):
        d_train, d_validation = (np.asarray(part)[:, coded] for part in diagnoses)
        diagnosis_probe = fit_diagnoses(h_train, d_train, h_validation, d_validation)
        scores = diagnosis_probe.log_odds(h_validation)
        calibration = tuple(score_counts(scores[:, k], d_validation[:, k]) for k in range(len(coded)))
    return Readout(
        tuple(TRAIT_NAMES[k] for k in which),
        trait_probe,
        half_widths,
        LEVEL,
        tuple(DIAGNOSES[k] for k in coded),
        diagnosis_probe,
        calibration,
    )


def conformal(errors: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """The error (K,) that the next person's stays below with probability `level`, by absolute errors (n, K) of others.

    It is the value of rank ceil((n + 1) level) of the n that are known (not nan), and infinite if there are fewer.
    """
    ranked = np.sort(errors, axis=0)  # nan comes last
    counts = np.isfinite(errors).sum(axis=0)
    ranks = np.array([math.ceil(round((count + 1) * level, 9)) for count in counts])
    enough = ranks <= counts
    return np.where(enough, ranked[np.where(enough, ranks, 1) - 1, np.arange(errors.shape[1])], np.inf)


def score_counts(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Different scores in ascending order, people of each, cases of each: (m, 3), of scores and labels (n,)."""
    different, place = np.unique(scores, return_inverse=True)
    return np.column_stack([different, np.bincount(place), np.bincount(place, weights=labels)])


def venn_abers(table: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Lower and upper calibrated probability (2, n) of new scores (n,), by the table of `score_counts`."""
    return np.array([[_isotonic(table, score, label) for score in scores] for label in (0.0, 1.0)])


def _isotonic(table: np.ndarray, score: float, label: float) -> float:
    """What isotonic regression gives at a score once one person of this score and label has joined."""
    from scipy.optimize import isotonic_regression

    at = int(np.searchsorted(table[:, 0], score))
    if at == len(table) or table[at, 0] != score:
        table = np.insert(table, at, (score, 0, 0), axis=0)
    people, cases = table[:, 1].copy(), table[:, 2].copy()
    people[at] += 1
    cases[at] += label
    return float(isotonic_regression(cases / people, weights=people).x[at])


_LOGISTIC = ("coefficients", "intercepts", "strengths")


def _features(prefix: str, features: Standardiser) -> dict[str, np.ndarray]:
    return {f"{prefix}.features.mean": features.mean, f"{prefix}.features.std": features.std}


def _standardiser(prefix: str, arrays: dict[str, np.ndarray]) -> Standardiser:
    return Standardiser(arrays[f"{prefix}.features.mean"], arrays[f"{prefix}.features.std"])


def _ridge_probe(arrays: dict[str, np.ndarray]) -> RidgeProbe:
    scaler = Scaler(arrays["traits.scaler.mean"], arrays["traits.scaler.std"])
    strength = float(arrays["traits.strength"][0])
    return RidgeProbe(_standardiser("traits", arrays), arrays["traits.coefficients"], scaler, strength)


def _logistic_probe(arrays: dict[str, np.ndarray]) -> LogisticProbe:
    return LogisticProbe(_standardiser("diagnoses", arrays), *(arrays[f"diagnoses.{name}"] for name in _LOGISTIC))
