"""What a model was trained for: the range of its training ECGs and features, and the refusal of an ECG outside of it.

The margins of `eccl.share.quality.CHECKS` are wide: they refuse what is no usable ECG. Finer differences are left to
the features, whose distance from those of training is compared with that of the validation participants. Where training
hearts are simulated, a real recording may be far from them, and is then refused as such.

References
----------
Ledoit and Wolf, J Multivar Anal 2004 (the shrunk covariance); Hill, Ann Stat 1975 (the tail of a distribution).
Lee et al., NeurIPS 2018 (Mahalanobis distance in feature space tells what a network was not trained for).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eccl.data.formats.limb_leads import law_broken
from eccl.evaluation.probes import Standardiser
from eccl.records import ECG, LEADS, DataError
from eccl.share.arrays import damaged, load_arrays, save_arrays
from eccl.share.quality import CHECKS, Check, mean_beat, measures, polarity, seen_range

NAME = "domain"
FALSE_REFUSALS = 1e-3  # of people like those of validation, whose features are called far, at most
TAIL = 0.3  # of the distances, the largest, from which the limit is extrapolated
LEAST = 1e-12  # of a distance or a variance: an encoder that gives everyone the same feature is no error here
UNSEEN = "use a recording of an adult at rest like those of the cohort; this model has not seen such a one"


@dataclass(frozen=True, eq=False)
class Domain:
    """The range of what a model was trained on; `fit_domain` makes it.

    Attributes
    ----------
    sampling_rate : float
        Hz, of every ECG.
    samples : int
        Of every ECG.
    template : ndarray, shape (12, samples of a beat)
        The mean beat, as `eccl.share.quality.mean_beat` gives it.
    seen : dict of ndarray
        The least and the largest value of each check in training, by name.
    centre : ndarray, shape (D,)
        Mean of the training features.
    whitening : ndarray, shape (D, D)
        Of features less their mean: the length of the product is the Mahalanobis distance.
    distances : ndarray of float64, shape (2,)
        The largest distance in validation, and the largest that is taken.
    """

    sampling_rate: float
    samples: int
    template: np.ndarray
    seen: dict[str, np.ndarray]
    centre: np.ndarray
    whitening: np.ndarray
    distances: np.ndarray

    def check(self, ecg: ECG, name: str = "") -> None:
        """Raise DataError unless a model may look at an ECG; one that is of no file goes by a name in the refusal.

        Raises
        ------
        DataError
            If not: the name of the check, the value, the range in training and the limit, and what to do.
        """
        source = ecg.source or name or None
        self._check_grid(ecg, source)
        values, beat = measures(ecg)
        values["polarity"] = polarity(beat, self.template)
        for check in CHECKS:
            low, high = check.limits(self.seen[check.name])
            outside = ~((values[check.name] >= low) & (values[check.name] <= high))  # nan is outside too
            if outside.any():
                raise self._refusal(check, values[check.name], outside, source)
        broken = law_broken(ecg.signal[:6], ecg.sampling_rate)
        if broken is not None:
            raise DataError(
                f"limb leads: they contradict one another, {broken}",
                source=source,
                remedy="check which limb lead is which, and their signs; III, aVR, aVL and aVF follow from I and II",
            )

    def check_features(self, h: np.ndarray, sources: Sequence[str]) -> None:
        """Raise DataError if one of the features (n, D) is far from those of training; `sources` are named in it.

        Raises
        ------
        DataError
            If one is, with its distance and the limit.
        """
        seen, limit = self.distances
        for distance, source in zip(self.distance(h), sources):
            if not distance <= limit:
                raise DataError(
                    f"features: this ECG lies {distance:.3g} from the features of training, {distance / limit:.2g} "
                    f"times the limit of {limit:.3g}, where validation had up to {seen:.3g} (Mahalanobis distance)",
                    source=source or None,
                    remedy=UNSEEN,
                )

    def distance(self, h: np.ndarray) -> np.ndarray:
        """Mahalanobis distance (n,) of features (n, D) from the mean of training."""
        return np.linalg.norm((np.asarray(h, float) - self.centre) @ self.whitening, axis=1)

    def _check_grid(self, ecg: ECG, source: str | None) -> None:
        if ecg.sampling_rate != self.sampling_rate:
            raise DataError(
                f"sampling rate: {ecg.sampling_rate:g} Hz, where training had {self.sampling_rate:g} Hz",
                source=source,
                remedy="read the file with eccl.read_ecg, which resamples it",
            )
        if ecg.signal.shape[1] != self.samples:
            expected = self.samples / self.sampling_rate
            raise DataError(
                f"duration: {ecg.duration:g} s ({ecg.signal.shape[1]} samples), where training had {expected:g} s "
                f"({self.samples} samples)",
                source=source,
                remedy=f"give {expected:g} s; a longer recording is cut by eccl.read_ecg, a shorter one is not padded",
            )

    def _refusal(self, check: Check, value: np.ndarray, outside: np.ndarray, source: str | None) -> DataError:
        """The error of a value outside of a check's limits; of several leads the one that is farthest outside."""
        seen = self.seen[check.name]
        ends = [np.broadcast_to(end, outside.shape).ravel() for end in (*check.limits(seen), *seen)]
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.maximum(ends[0] / value.ravel(), value.ravel() / ends[1])
        worst = int(np.argmax(np.where(outside.ravel(), np.nan_to_num(excess, nan=np.inf), -np.inf)))
        low, high, least, largest = (end[worst] for end in ends)
        number, unit = value.ravel()[worst], f" {check.unit}" if check.unit else ""
        where = f" of {LEADS[worst]}" if outside.ndim else ""
        others = f" ({outside.sum() - 1} more leads are outside too)" if outside.sum() > 1 else ""
        taken = f"at least {low:.3g}" if number < low else f"up to {high:.3g}"
        return DataError(
            f"{check.name}: {check.label}{where} is {number:.3g}{unit}{others}, where training had {least:.3g} to "
            f"{largest:.3g}{unit}, and {taken}{unit} is taken",
            source=source,
            remedy=check.remedy,
        )

    def save(self, folder: Path | str) -> None:
        """Write domain.safetensors and domain.json into a folder."""
        arrays = {name: getattr(self, name) for name in _ARRAYS} | {f"seen.{name}": v for name, v in self.seen.items()}
        save_arrays(folder, NAME, arrays, {"sampling_rate": self.sampling_rate, "samples": self.samples})

    @classmethod
    def load(cls, folder: Path | str) -> Domain:
        """The domain that `save` wrote.

        Raises
        ------
        DataError
            If a file is missing or damaged.
        """
        arrays, facts = load_arrays(folder, NAME)
        try:
            seen = {check.name: arrays[f"seen.{check.name}"] for check in CHECKS}
            parts = {name: arrays[name] for name in _ARRAYS}
            return cls(facts["sampling_rate"], facts["samples"], seen=seen, **parts)
        except KeyError as error:
            raise damaged(Path(folder) / f"{NAME}.json", error) from error


_ARRAYS = ("template", "centre", "whitening", "distances")


def fit_domain(ecgs: Sequence[ECG], h_train: np.ndarray, h_validation: np.ndarray) -> Domain:
    """The domain of a model.

    Parameters
    ----------
    ecgs : sequence of ECG
        Of training and validation participants, some hundreds at most: their range is widened by the margins anyway.
    h_train, h_validation : ndarray, shape (n, D)
        Features of all of them.
    """
    values, beats = zip(*map(measures, ecgs))
    template = mean_beat(beats)
    seen = seen_range([each | {"polarity": polarity(beat, template)} for each, beat in zip(values, beats)])
    centre, whitening = _whitening(np.asarray(h_train, float))
    distances = np.linalg.norm((np.asarray(h_validation, float) - centre) @ whitening, axis=1)
    limits = np.array([distances.max(), farthest(distances)])
    return Domain(ecgs[0].sampling_rate, ecgs[0].signal.shape[1], template, seen, centre, whitening, limits)


def farthest(distances: np.ndarray, share: float = FALSE_REFUSALS) -> float:
    """The distance that of `share` of people like these (n,) exceed, and no less than the largest of these.

    The larger distances are taken to fall off as a power, which is slower than they do; the limit allows for how few
    of them there are (the prediction interval of an exponential variable), and is far beyond the largest for 20 people.
    """
    count = len(distances)
    tail = max(round(TAIL * count), 3)
    if count <= tail:
        raise DataError(
            f"{count} validation participants, too few to say which features are far",
            remedy="use a cohort of more people; 20 in validation are few, 300 are well",
        )
    logs = np.sort(np.log(np.maximum(distances, LEAST)))
    start, mean_excess = logs[-tail - 1], np.mean(logs[-tail:] - logs[-tail - 1])
    reach = tail * mean_excess * ((tail / count / share) ** (1 / tail) - 1)
    return float(max(np.exp(start + reach), distances.max()))


def _whitening(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) of features and what makes their shrunk covariance the identity (D, D), constant ones left out."""
    from sklearn.covariance import ledoit_wolf

    features = Standardiser.fit(h)
    covariance, _ = ledoit_wolf(features.transform(h), assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    scale = np.divide(1.0, features.std, out=np.zeros_like(features.std), where=features.std > 0)
    return features.mean, scale[:, None] * (vectors / np.sqrt(np.maximum(values, LEAST)))
