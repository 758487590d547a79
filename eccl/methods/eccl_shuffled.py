"""The negative control of ECCL: trained in every way alike, each ECG with its own traits and another person's cine."""

from __future__ import annotations

from dataclasses import replace

from eccl.methods.base import variant
from eccl.methods.eccl import METHOD as ECCL
from eccl.methods.eccl import settings

METHOD = variant(
    ECCL,
    name="eccl_shuffled",
    label="ECCL, shuffled pairs",
    colour="#999999",
    settings=lambda config: replace(settings(config), shuffle_pairs=True),
    standard=False,
)
