"""ECCL with a table: the ECG is drawn to what people answered and what was measured on them, beside the CMR feature.

Each two of ECG, image and table are contrasted, and the three losses are summed. The ECG encoder alone is judged, as of
all methods: nobody who records an ECG needs the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from eccl.config import Config
from eccl.data.store import Batch
from eccl.encoders.pair import ECCLTable
from eccl.encoders.tabular import TabularEncoder
from eccl.methods import eccl
from eccl.methods.base import Data, Setup, Trained, variant
from eccl.training.losses import Contrast
from eccl.training.tables import TABULAR, refuse_leaks_of, with_tabular


@dataclass(frozen=True)
class Settings(eccl.Settings):
    """What decides it.

    Attributes
    ----------
    hidden : int
        Width of the two hidden layers over the table.
    allowed : tuple of str
        Columns of the table that may tell a trait nearly by itself, since they are no measure of the heart.
    """

    hidden: int = 256
    allowed: tuple[str, ...] = ()


def settings(config: Config) -> Settings:
    """Those of a config."""
    return Settings(**vars(eccl.settings(config)))


def view(data: Data) -> Data:
    """The data with the table in their batches."""
    return replace(data, store=with_tabular(data.store, data.cohort, data.split))


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """The pairs and the table, if no column of it leaks.

    Raises
    ------
    DataError
        If one tells a trait.
    """
    refuse_leaks_of(data.store, data.split, settings.allowed)
    return three(settings, data, upstream, TABULAR)


def three(settings: eccl.Settings, data: Data, upstream: Mapping[str, Trained], modality: str) -> Setup:
    """The contrast of each two of ECG, cached feature of the image, and table; and the traits."""
    recordings = replace(data, store=data.store.store)  # under whose name the cached features are found
    image = eccl.cached(settings, recordings, upstream)

    def beside(model: nn.Module, batch: Batch, generator: Any) -> Mapping[str, Tensor]:
        return {**image(model, batch, generator), "table": batch[modality]}

    return eccl.of_pairs(settings, data, Contrast(settings.loss), beside)


def build(settings: Settings) -> ECCLTable:
    """Three encoders, that of the image frozen."""
    table = partial(TabularEncoder, settings.hidden)
    return ECCLTable(settings.ecg, settings.cmr, settings.embedding, table).freeze_cmr()


def learns_from(name: str, settings: eccl.Settings) -> tuple[str, ...]:
    """As ECCL, and from the table if anything is contrasted."""
    return eccl.learns_from(settings) + ((name,) if settings.loss.contrast_weight else ())


METHOD = variant(
    eccl.METHOD,
    name="eccl_tabular",
    label="ECCL, a table too",
    colour="#6699CC",
    reference="Hager et al., CVPR 2023",
    settings=settings,
    build=build,
    setup=setup,
    view=view,
    reads=("ecg", TABULAR),
    learns_from=lambda settings: learns_from("tables", settings),
    standard=False,
)
