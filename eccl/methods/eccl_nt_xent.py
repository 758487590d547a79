"""ECCL by NT-Xent: the other ECGs of a batch are negatives of an ECG too, and the other images of an image."""

from __future__ import annotations

from dataclasses import replace

from eccl.methods.base import variant
from eccl.methods.eccl import METHOD as ECCL
from eccl.methods.eccl import settings

METHOD = variant(
    ECCL,
    name="eccl_nt_xent",
    label="ECCL, NT-Xent",
    colour="#661100",
    reference="Chen et al., ICML 2020",
    settings=lambda config: replace(settings(config), loss=replace(config.loss, name="nt_xent")),
    standard=False,
)
