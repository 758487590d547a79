"""How much of an attribution lies on the wave it should lie on, less what lies there when it is moved in time.

The control moves each attribution along the recording, round its end, by every number of samples. The mean share that
then lies on a wave is exactly the share of the time that the wave takes: no shift needs to be drawn.

References
----------
Adebayo et al., NeurIPS 2018 (attributions of a network whose weights are random).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from eccl.cache import kept_array
from eccl.evaluation.probes import fit_diagnoses, fit_traits
from eccl.evaluation.protocols import features_of, known_split, labels_of
from eccl.evaluation.rows import Row, table_of
from eccl.explain.attribution import Score, integrated_gradients, occlusion, smooth_grad
from eccl.explain.pairs import PAIRS, TARGETS
from eccl.explain.readout import LinearReadout, weights_of
from eccl.methods import Method, find, obtain
from eccl.methods.base import Data
from eccl.metrics import Estimate, bootstrap_indices, estimate, mean
from eccl.simulate.waves import PARTS, cohort_waves
from eccl.traits import DIAGNOSES, TRAIT_NAMES

if TYPE_CHECKING:
    import pandas as pd

PEOPLE = 100  # of the test split, the first of them, who are explained
COMPARED = 20  # of these, of whom attributions are compared sample by sample
BATCH = 20
STEPS = 8
NOISY = 4
CHOSEN = "integrated gradients"  # before any was looked at


def _integrated(score: Score, signals: Tensor, masks: Tensor) -> Tensor:
    return integrated_gradients(score, signals, steps=STEPS)


def _smooth(score: Score, signals: Tensor, masks: Tensor) -> Tensor:
    return smooth_grad(score, signals, torch.Generator().manual_seed(0), samples=NOISY)


def _occluded(score: Score, signals: Tensor, masks: Tensor) -> Tensor:
    return occlusion(score, signals, masks[:, :, None].expand(-1, -1, signals.shape[1], -1))


Attribution = Callable[[Score, Tensor, Tensor], Tensor]  # of a score, signals (B, L, T) and masks (B, 5, T)
ATTRIBUTIONS: dict[str, Attribution] = {CHOSEN: _integrated, "SmoothGrad": _smooth, "occlusion by wave": _occluded}


def readout_of(method: str | Method, data: Data, encoder: str | Method | None = None) -> LinearReadout:
    """The scores of `TARGETS` by the linear probes of a method's frozen ECG encoder.

    Parameters
    ----------
    method : str or Method
        Whose probes are read.
    data : Data
        On whose training participants they are fitted, those whose labels are known.
    encoder : str or Method, optional
        Another method whose encoder stands in for the method's own, under the same probes.
    """
    chosen, columns = find(method), []
    h = features_of(chosen, data)
    for target, names, fit in (("traits", TRAIT_NAMES, fit_traits), ("diagnoses", DIAGNOSES, fit_diagnoses)):
        labels, split = labels_of(data, target), known_split(data, target)
        known, validation = split.train, split.validation
        probe = fit(h[known], labels[known], h[validation], labels[validation])
        columns.append(weights_of(probe, [names.index(name) for name in TARGETS if name in names]))
    return LinearReadout(obtain(find(encoder or method), data).encoder(), np.column_stack(columns))


def masks_of(data: Data, rows: np.ndarray, factor: int) -> np.ndarray:
    """The waves (n, 5, T') of test participants, at a rate `factor` times lower than the recordings'."""
    return cohort_waves(data.cohort, rows)[:, :, ::factor]


def explained(data: Data, readout: LinearReadout, rows: np.ndarray, attribution: str = CHOSEN) -> np.ndarray:
    """Attributions (n, K, 12, T') of participants' ECGs, K the scores of a readout; T' is at the encoder's rate."""
    attribute, parts = ATTRIBUTIONS[attribution], []
    masks = torch.from_numpy(masks_of(data, rows, readout.factor))
    for start in range(0, len(rows), BATCH):
        signals = readout.inside(data.store.batch(rows[start : start + BATCH], ("ecg",))["ecg"])
        parts.append(attribute(readout, signals, masks[start : start + BATCH]).detach().numpy())
    return np.concatenate(parts)


def shares(attributions: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Of the absolute attribution (n, K, L, T) the share on each part of the time (n, P, T): (n, K, P).

    It is nan where there is no attribution at all.
    """
    size = np.abs(attributions).sum(axis=2, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.einsum("nkt,npt->nkp", size, masks) / size.sum(axis=2)[:, :, None]


def judged(
    data: Data,
    methods: Sequence[str | Method] = ("eccl", "supervised", "random"),
    attributions: Sequence[str] = tuple(ATTRIBUTIONS),
    people: int = PEOPLE,
) -> pd.DataFrame:
    """How much of the attribution lies on the wave of each pair, beyond the share of the time that the wave takes.

    Parameters
    ----------
    data : Data
        Of a simulated cohort.
    methods : sequence of str or Method
        Whose encoders are explained, each under its linear probes.
    attributions : sequence of str
        Names in `ATTRIBUTIONS`.
    people : int
        The first of the test split.

    Returns
    -------
    DataFrame
        method, protocol, seed, attribution, pair, target, wave; value, low, high and n (share on the wave less that of
        the time it takes); beyond, beyond_low, beyond_high (share on the wave less the mean share there of the targets
        that have no pair with it). Whoever has no such wave is left out.

    Raises
    ------
    DataError
        If the cohort is not simulated: nobody knows where its waves lie.
    """
    rows, entries = data.split.test[:people], []
    for method in map(find, methods):
        readout = cache(partial(readout_of, method, data))
        for attribution in attributions:
            found, time = _kept_shares(data, method, attribution, rows, readout)
            for pair in PAIRS:
                part = PARTS.index(pair.wave)
                own = {each.target for each in PAIRS if each.wave == pair.wave}
                others = [place for place, target in enumerate(TARGETS) if target not in own]
                share = found[:, TARGETS.index(pair.target), part]
                there = (time[:, part] > 0) & np.isfinite(share)
                value = mean_of((share - time[:, part])[there], data)
                beyond = mean_of((share - found[:, others, part].mean(axis=1))[there], data)
                names = {"attribution": attribution, "pair": pair.label, "target": pair.target, "wave": pair.wave}
                columns = {**value.as_columns(), **beyond.as_columns("beyond")}
                entries.append({**Row(method.name)._asdict(), **names, **columns})
    return table_of(entries)


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """Of the pairs of `judged`: in how many the interval excludes 0 upwards, by method and attribution.

    Columns method, attribution, pairs, on_the_wave (beyond the attribution moved in time), more_than_others (beyond
    what the targets without a pair there have on that wave) and people.
    """
    groups = table.groupby(["method", "attribution"], sort=False)
    counts = groups.agg(
        pairs=("pair", "size"),
        on_the_wave=("low", lambda low: int((low > 0).sum())),
        more_than_others=("beyond_low", lambda low: int((low > 0).sum())),
        people=("n", "max"),
    )
    return counts.reset_index()


def ahead(
    data: Data,
    method: str | Method = "eccl",
    other: str | Method = "random",
    attribution: str = CHOSEN,
    people: int = PEOPLE,
) -> pd.DataFrame:
    """How much more of a method's attribution lies on the wave of each pair than of another's, paired by participant.

    Returns
    -------
    DataFrame
        pair, target, wave; value, low, high and n (share of the one less that of the other, of the same ECGs).

    Raises
    ------
    DataError
        As `judged`.
    """
    import pandas as pd

    rows, found = data.split.test[:people], []
    for each in (find(method), find(other)):
        shares_of, time = _kept_shares(data, each, attribution, rows, partial(readout_of, each, data))
        found.append(shares_of)
    entries = []
    for pair in PAIRS:
        part = PARTS.index(pair.wave)
        one, two = (shares_of[:, TARGETS.index(pair.target), part] for shares_of in found)
        there = (time[:, part] > 0) & np.isfinite(one) & np.isfinite(two)
        names = {"pair": pair.label, "target": pair.target, "wave": pair.wave}
        entries.append({**names, **mean_of((one - two)[there], data).as_columns()})
    return pd.DataFrame(entries)


def mean_of(values: np.ndarray, data: Data) -> Estimate:
    """The mean over participants with its interval; undefined where there is nobody."""
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan, 0)
    indices = bootstrap_indices(len(values), data.config.replicates, data.shared().config.seed)
    return estimate(mean, values, indices=indices)


def likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of absolute attributions (n, K, L, T) of the same ECGs, mean over scores: (n,)."""
    from scipy.stats import rankdata

    ranks = [rankdata(np.abs(each).reshape(*each.shape[:2], -1), axis=-1) for each in (a, b)]
    x, y = (each - each.mean(axis=-1, keepdims=True) for each in ranks)
    with np.errstate(invalid="ignore"):
        return ((x * y).sum(axis=-1) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))).mean(axis=1)


def weights_matter(data: Data, method: str | Method = "eccl", other: str | Method = "supervised") -> pd.DataFrame:
    """How alike the attributions of a trained encoder are to those of others: with random weights, and trained too.

    Returns
    -------
    DataFrame
        compared, and rank correlation as value, low, high and n: with the same encoder whose weights are all random,
        under the same probes; and with another method's encoder, under its own.
    """
    import pandas as pd

    rows, methods = data.split.test[:COMPARED], [find(method), find(other), find("random")]

    def make() -> np.ndarray:
        readouts = [readout_of(methods[0], data, each) for each in (methods[0], methods[2])]
        trained, random, another = (explained(data, each, rows) for each in (*readouts, readout_of(methods[1], data)))
        return np.stack([likeness(trained, random), likeness(trained, another)])

    alike = kept_array("explained-likeness", _parts(data, methods, rows, CHOSEN), make)
    names = ("weights drawn anew", f"trained otherwise: {methods[1].label}")
    known = [each[np.isfinite(each)] for each in alike]
    return pd.DataFrame([{"compared": name, **mean_of(each, data).as_columns()} for name, each in zip(names, known)])


def _kept_shares(
    data: Data, method: Method, attribution: str, rows: np.ndarray, readout: Callable[[], LinearReadout]
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the attribution (n, K, 5) and of the time (n, 5) on each part of the participants' ECGs."""
    masks = masks_of(data, rows, obtain(method, data).encoder().input.factor)
    parts = _parts(data, [method], rows, attribution)
    found = kept_array("explained", parts, lambda: shares(explained(data, readout(), rows, attribution), masks))
    return found, masks.mean(axis=2)


def _parts(data: Data, methods: Sequence[Method], rows: np.ndarray, attribution: str) -> tuple:
    """What decides attributions."""
    runs = [obtain(method, data).run.name for method in methods]
    known = [known_split(data, target).train.tolist() for target in ("traits", "diagnoses")]
    numbers = (STEPS, NOISY, list(TARGETS))
    return (runs, data.store.fingerprint, rows.tolist(), known, attribution, numbers, data.config.precision)
