"""The ECG encoder with its initial random weights: what its architecture alone sees. Fine-tuned, it is from scratch."""

from __future__ import annotations

from dataclasses import dataclass

from eccl.config import ECGEncoderConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.methods.base import Method


@dataclass(frozen=True)
class Settings:
    """What decides it."""

    ecg: ECGEncoderConfig


METHOD = Method(
    name="random",
    label="random encoder",
    colour="#8C6D31",
    reference="He et al., CVPR 2016",
    settings=lambda config: Settings(config.ecg),
    build=lambda settings: ecg_encoder(settings.ecg),
    ecg_encoder=lambda model: model,
)
