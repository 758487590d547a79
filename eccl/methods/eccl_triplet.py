"""ECCL by the triplet loss: each ECG nearer to its own image than to the nearest of those farther away, by a margin."""

from __future__ import annotations

from dataclasses import replace

from eccl.methods.base import variant
from eccl.methods.eccl import METHOD as ECCL
from eccl.methods.eccl import settings

METHOD = variant(
    ECCL,
    name="eccl_triplet",
    label="ECCL, triplet loss",
    colour="#999933",
    reference="Schroff et al., CVPR 2015",
    settings=lambda config: replace(settings(config), loss=replace(config.loss, name="triplet")),
    standard=False,
)
