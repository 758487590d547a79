"""Pairs without labels: ECCL's stage 2 by its contrast alone, so that only images of the same people teach the ECG."""

from __future__ import annotations

from dataclasses import replace

from eccl.methods.base import variant
from eccl.methods.eccl import METHOD as ECCL
from eccl.methods.eccl import settings

METHOD = variant(
    ECCL,
    name="eccl_pairs",
    label="ECCL, pairs alone",
    colour="#56B4E9",
    settings=lambda config: replace(settings(config), loss=replace(config.loss, trait_weight=0.0)),
)
