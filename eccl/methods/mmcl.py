"""MMCL: the ECG from a masked autoencoder and the cine from SimCLR, drawn together by contrast alone, both learning on.

Here with ECCL's linear projections and InfoNCE; the published one projects by two layers, weights the two directions
0.75 and 0.25, and takes a ResNet-50 over frames of the cine.

References
----------
Turgut et al., Med Image Anal 2025.
"""

from __future__ import annotations

from dataclasses import replace

from eccl.config import Config
from eccl.methods import cmr_simclr, eccl_joint, masked_autoencoder
from eccl.methods.base import variant


def settings(config: Config) -> eccl_joint.Settings:
    """Those of a config, the traits left out."""
    return replace(eccl_joint.settings(config), loss=replace(config.loss, trait_weight=0.0))


METHOD = variant(
    eccl_joint.METHOD,
    name="mmcl",
    label="MMCL",
    colour="#AA4499",
    reference="Turgut et al., Med Image Anal 2025",
    settings=settings,
    starts_from=lambda config: {"ecg": masked_autoencoder.METHOD, "cmr": cmr_simclr.METHOD},
    standard=False,
)
