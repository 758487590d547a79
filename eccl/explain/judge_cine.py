"""How much of a Grad-CAM map of the cine lies on the heart, less what lies there by chance, or by another's heart.

The heart is where the simulator has drawn it, and a pixel that it takes in half of the frames counts as half: the
frames are the channels of one image, and a map has no time.

References
----------
Selvaraju et al., ICCV 2017 (Grad-CAM). Adebayo et al., NeurIPS 2018 (maps of a network whose weights are random).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from eccl.cache import kept_array
from eccl.evaluation.probes import fit_traits
from eccl.evaluation.protocols import features_of, known_split, labels_of
from eccl.explain.grad_cam import STAGES, enlarged, grad_cam, stage_of
from eccl.explain.judge import BATCH, PEOPLE, mean_of, shares
from eccl.explain.readout import CineReadout, weights_of
from eccl.methods import METHODS, Method, obtain
from eccl.methods.base import Data, variant
from eccl.simulate.regions import REGIONS, cohort_labels, regions
from eccl.traits import TRAIT_NAMES, trait

if TYPE_CHECKING:
    import pandas as pd

PAIRS = (  # of a trait and the region where it can be seen; that of EF moves between wall and cavity
    ("lv_mass", "heart"),
    ("lv_mass", "wall"),
    ("lv_edv", "heart"),
    ("lv_edv", "LV cavity"),
    ("lv_ef", "heart"),
    ("lv_ef", "LV cavity"),
)
TARGETS = tuple(dict.fromkeys(target for target, _ in PAIRS))
ENCODERS = {  # as readers see them
    "trained": METHODS["cmr_supervised"],
    "random weights": variant(METHODS["cmr_supervised"], "cmr_random", "CMR, random weights", "#999999", setup=None),
}


def cine_readout(method: Method, data: Data) -> CineReadout:
    """The scores of `TARGETS` by the linear probe of a method's frozen CMR encoder, in z-scores less a constant."""
    h, labels, split = features_of(method, data), labels_of(data, "traits"), known_split(data, "traits")
    probe = fit_traits(h[split.train], labels[split.train], h[split.validation], labels[split.validation])
    weights = weights_of(probe, [TRAIT_NAMES.index(name) for name in TARGETS])
    return CineReadout(obtain(method, data).encoder("cine"), weights)


def mapped(data: Data, readout: CineReadout, rows: np.ndarray, stage: str = "last stage") -> np.ndarray:
    """Grad-CAM maps (n, K, H, W) of participants' cines, on their pixels; K the scores of a readout."""
    layer, parts = stage_of(readout.encoder, stage), []
    for start in range(0, len(rows), BATCH):
        cines = data.store.batch(rows[start : start + BATCH], ("cine",))["cine"]
        parts.append(enlarged(grad_cam(readout, layer, cines).numpy(), cines.shape[-1]))
    return np.concatenate(parts)


def judged_maps(data: Data, stages: Sequence[str] = tuple(STAGES), people: int = PEOPLE) -> pd.DataFrame:
    """How much of the map of each trait lies where the trait can be seen, of a trained encoder and of a random one.

    Parameters
    ----------
    data : Data
        Of a simulated cohort.
    stages : sequence of str
        Of the residual network, names in `STAGES`.
    people : int
        The first of the test split.

    Returns
    -------
    DataFrame
        encoder, stage, pair, target, region; value, low, high and n (share of the map on the region); and each with
        `_low` and `_high`: beyond (less the share when the map is moved round the image by every number of pixels,
        which is the region's part of the image), own (less the mean share on the regions of the other participants),
        and over (less the share of the random encoder, paired). Whoever has a map of nothing but 0 is left out.

    Raises
    ------
    DataError
        If the cohort is not simulated: nobody knows where its hearts lie.
    """
    import pandas as pd

    shared, rows, entries = data.shared(), data.split.test[:people], []
    own = cache(lambda: np.stack([regions(labels) for labels in cohort_labels(shared.cohort, rows)]))
    for stage in stages:
        found = {name: _kept_shares(shared, method, rows, stage, own) for name, method in ENCODERS.items()}
        for name, (share, area, others) in found.items():
            for target, region in PAIRS:
                place = (slice(None), TARGETS.index(target), list(REGIONS).index(region))
                over = share[place] - found["random weights"][0][place]
                ways = {
                    "value": share[place],
                    "beyond": share[place] - area[place],
                    "own": share[place] - others[place],
                    "over": over if name == "trained" else np.full(len(over), np.nan),
                }
                columns = {
                    key: number
                    for column, values in ways.items()
                    for key, number in mean_of(values[np.isfinite(values)], data).as_columns(column).items()
                }
                names = {"encoder": name, "stage": stage, "pair": f"{trait(target).label}: {region}"}
                entries.append({**names, "target": target, "region": region, **columns})
    return pd.DataFrame(entries)


def _kept_shares(
    data: Data, method: Method, rows: np.ndarray, stage: str, regions_of: Callable[[], np.ndarray]
) -> np.ndarray:
    """Of each map its share on each region, the region's part of the image, and its share on the others' regions."""

    def make() -> np.ndarray:
        own, maps = regions_of(), mapped(data, cine_readout(method, data), rows, stage)
        others = (own.sum(axis=0) - own) / max(len(own) - 1, 1)
        flat = maps.reshape(*maps.shape[:2], 1, -1)  # as attributions over one lead
        on, beside = (shares(flat, each.reshape(*each.shape[:2], -1)) for each in (own, others))
        return np.stack([on, np.broadcast_to(own.mean(axis=(-2, -1))[:, None], on.shape), beside])

    known = known_split(data, "traits").train.tolist()
    names = (list(TARGETS), list(REGIONS), stage)
    parts = (obtain(method, data).run.name, data.store.fingerprint, rows.tolist(), known, names, data.config.precision)
    return kept_array("mapped", parts, make)
