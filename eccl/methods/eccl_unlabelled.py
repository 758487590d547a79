"""Pairs without any label: ECCL's contrast alone, with images seen by an encoder that no label has taught either."""

from __future__ import annotations

from eccl.methods import cmr_simclr
from eccl.methods.base import variant
from eccl.methods.eccl import starts_from
from eccl.methods.eccl_pairs import METHOD as PAIRS

METHOD = variant(
    PAIRS,
    name="eccl_unlabelled",
    label="ECCL, no label at all",
    colour="#88CCEE",
    starts_from=lambda config: {**starts_from(config), "cmr": cmr_simclr.METHOD},
    standard=False,
)
