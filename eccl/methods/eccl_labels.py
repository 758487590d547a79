"""Labels without pairs: ECCL's stage 2 from the same start and for the same passes, by its trait regression alone."""

from __future__ import annotations

from dataclasses import replace

from eccl.methods.base import variant
from eccl.methods.eccl import METHOD as ECCL
from eccl.methods.eccl import settings

METHOD = variant(
    ECCL,
    name="eccl_labels",
    label="ECCL, labels alone",
    colour="#7A5195",
    settings=lambda config: replace(settings(config), loss=replace(config.loss, contrast_weight=0.0)),
    standard=False,
)
