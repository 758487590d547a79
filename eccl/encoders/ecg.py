"""The encoders of the ECG, by the name that a config gives them."""

from __future__ import annotations

from torch import nn

from eccl.config import ECGEncoderConfig
from eccl.encoders.ecg_resnet import ECGResNet
from eccl.encoders.ecg_vit import ECGViT
from eccl.records import SAMPLES

ENCODERS: dict[str, type[nn.Module]] = {"vit": ECGViT, "resnet": ECGResNet}


def ecg_encoder(config: ECGEncoderConfig, samples: int = SAMPLES) -> nn.Module:
    """The encoder that a config names, of ECGs (B, 12, T) in mV at 500 Hz: features (B, width), with `.width`.

    Raises
    ------
    ValueError
        If there is no such encoder, or its sizes do not fit.
    """
    if config.name not in ENCODERS:
        raise ValueError(f"no ECG encoder is named {config.name!r}; there are {', '.join(ENCODERS)}")
    return ENCODERS[config.name](config, samples)
