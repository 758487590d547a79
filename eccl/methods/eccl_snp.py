"""ECCL with genotypes: the ECG is drawn to 157 variants in 49 groups, beside the CMR feature, as to a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from eccl.config import Config
from eccl.encoders.pair import ECCLTable
from eccl.encoders.snp import SNPEncoder
from eccl.methods import eccl, eccl_tabular
from eccl.methods.base import Data, Setup, Trained, variant
from eccl.training.tables import SNP, with_snp


@dataclass(frozen=True)
class Settings(eccl.Settings):
    """What decides it: also the size of the transformer over the groups of variants."""

    width: int = 64
    depth: int = 2
    heads: int = 4


def settings(config: Config) -> Settings:
    """Those of a config."""
    return Settings(**vars(eccl.settings(config)))


def view(data: Data) -> Data:
    """The data with the genotypes in their batches."""
    return replace(data, store=with_snp(data.store, data.cohort))


def setup(settings: Settings, data: Data, upstream: Mapping[str, Trained]) -> Setup:
    """The pairs and the genotypes."""
    return eccl_tabular.three(settings, data, upstream, SNP)


def build(settings: Settings) -> ECCLTable:
    """Three encoders, that of the image frozen."""
    table = partial(SNPEncoder, settings.width, settings.depth, settings.heads)
    return ECCLTable(settings.ecg, settings.cmr, settings.embedding, table).freeze_cmr()


METHOD = variant(
    eccl.METHOD,
    name="eccl_snp",
    label="ECCL, genotypes too",
    colour="#6E7F0E",
    settings=settings,
    build=build,
    setup=setup,
    view=view,
    reads=("ecg", SNP),
    learns_from=lambda settings: eccl_tabular.learns_from("genotypes", settings),
    standard=False,
)
