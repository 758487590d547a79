"""The score that is explained: a frozen encoder and a linear probe of its feature, on what its layers take in.

Attributions are of the signals behind the encoder's filter, at its own rate and in its own unit. The filter is fixed
and linear: what goes before it would only smear what is said of each sample over its length.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from eccl.evaluation.probes import LogisticProbe, RidgeProbe


class _Readout(nn.Module):
    """Scores (B, K): the feature of a frozen encoder times the weights of a probe.

    Parameters
    ----------
    encoder : nn.Module
        It is copied and left as it is.
    weights : ndarray, shape (width, K)
        Of `weights_of`.
    """

    def __init__(self, encoder: nn.Module, weights: np.ndarray):
        super().__init__()
        self.encoder = copy.deepcopy(encoder).eval().requires_grad_(False)
        self.register_buffer("weights", torch.from_numpy(weights).float())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.encoder(inputs) @ self.weights


class LinearReadout(_Readout):
    """Scores (B, K) of signals (B, 12, T') of `inside`, by one of `eccl.encoders.ecg`.

    Traits are in z-scores, diagnoses in log-odds, each less the probe's constant. Where a feature is constant in
    training, nothing is read from it.
    """

    def __init__(self, encoder: nn.Module, weights: np.ndarray):
        super().__init__(encoder, weights)
        self.input, self.encoder.input = self.encoder.input, nn.Identity()  # `inside` does its work

    @property
    def factor(self) -> int:
        """Samples of an ECG for one of the signals inside."""
        return self.input.factor

    @torch.no_grad()
    def inside(self, ecg: Tensor) -> Tensor:
        """ECGs (B, 12, T) in mV as the encoder's layers take them, (B, 12, T')."""
        return self.input(ecg)


class CineReadout(_Readout):
    """Scores (B, K) of cines (B, F, H, W) in [0, 1], by one of `eccl.encoders.cmr`."""


def weights_of(probe: RidgeProbe | LogisticProbe, columns: Sequence[int]) -> np.ndarray:
    """Weights (D, K) from features, as they come, to some of the scores of a probe."""
    ridge = isinstance(probe, RidgeProbe)
    coefficients = probe.coefficients if ridge else probe.coefficients.T
    std = probe.features.std
    return np.where(std > 0, 1 / np.where(std > 0, std, 1), 0)[:, None] * coefficients[:, list(columns)]
