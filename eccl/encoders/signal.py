"""The ECG as an encoder takes it: at its rate, in its unit."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import ECGEncoderConfig
from eccl.records import LEADS, SAMPLING_RATE

UNITS_PER_MILLIVOLT = 5.0  # 0.2 mV, about the RMS of a clinical ECG, is 1 inside the networks; a constant
AMPLITUDES = ("millivolt", "lead")
LEAD_SETS = {"all": LEADS, "limb": LEADS[:6], "I": LEADS[:1]}
HALF_LENGTH = 5  # of the filter on either side, in samples of the lower rate


def per_lead(ecg: Tensor) -> Tensor:
    """Signals (B, L, T) with each lead of each ECG scaled to -1 .. 1: ratios between the leads are lost.

    A lead without any change becomes 0.
    """
    low, high = ecg.amin(dim=-1, keepdim=True), ecg.amax(dim=-1, keepdim=True)
    return torch.where(high > low, 2 * (ecg - low) / (high - low).clamp(min=1e-6) - 1, 0.0)


def low_pass(factor: int) -> Tensor:
    """A filter (2 * 5 * factor + 1,) that lets pass what a rate `factor` times lower can hold, and sums to 1.

    A windowed sine cardinal whose gain is one half at that rate's Nyquist frequency.
    """
    place = torch.arange(-HALF_LENGTH * factor, HALF_LENGTH * factor + 1, dtype=torch.float64)
    window = torch.hamming_window(len(place), periodic=False, dtype=torch.float64)
    taps = torch.sinc(place / factor) * window
    return (taps / taps.sum()).float()


class Input(nn.Module):
    """ECGs (B, 12, T) in mV at 500 Hz, as the layers behind take them: (B, 12, T / factor), without weights.

    Raises
    ------
    ValueError
        If the rate is no whole fraction of 500 Hz, or the amplitude or the leads are none that there are.
    """

    def __init__(self, config: ECGEncoderConfig):
        super().__init__()
        self.factor, rest = divmod(round(SAMPLING_RATE), config.sampling_rate)
        if rest:
            raise ValueError(
                f"{config.sampling_rate} Hz is no whole fraction of {SAMPLING_RATE:g} Hz, as 250 and 100 are"
            )
        if config.amplitude not in AMPLITUDES:
            raise ValueError(f"the amplitude is {config.amplitude!r}; it is one of {', '.join(AMPLITUDES)}")
        if config.leads not in LEAD_SETS:
            raise ValueError(f"the leads are {config.leads!r}; they are one of {', '.join(LEAD_SETS)}")
        seen = torch.tensor([[float(lead in LEAD_SETS[config.leads])] for lead in LEADS])
        self.register_buffer("seen", seen, persistent=False)
        self.amplitude = config.amplitude
        self.units = UNITS_PER_MILLIVOLT if config.amplitude == "millivolt" else 1.0
        self.register_buffer("taps", low_pass(self.factor), persistent=False)

    def forward(self, ecg: Tensor) -> Tensor:
        scaled = (ecg if self.amplitude == "millivolt" else per_lead(ecg)) * (self.units * self.seen)
        if self.factor == 1:
            return scaled
        batch, leads, samples = scaled.shape
        edge = HALF_LENGTH * self.factor
        padded = F.pad(scaled.reshape(batch * leads, 1, samples), (edge, edge), mode="replicate")
        lower = F.conv1d(padded, self.taps[None, None].to(padded.dtype), stride=self.factor)
        return lower.reshape(batch, leads, -1)
