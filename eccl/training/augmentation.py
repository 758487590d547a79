"""Augmentations of whole batches on their device: parameters are sampled apart from being applied.

`params = augmentation.sample(batch_size, generator)` is random, `augmentation.apply(x, params)` is not: the same
parameters give the same result. Parameters that change nothing return the batch bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch.nn.functional import affine_grid, grid_sample

from eccl.records import LEADS, SAMPLING_RATE


class _Parameters:
    """Tensors of one row a participant, which move together."""

    def to(self, device: torch.device | str):
        """The parameters on a device."""
        return type(self)(
            **{
                item.name: value.to(device) if torch.is_tensor(value := getattr(self, item.name)) else value
                for item in fields(self)
            }
        )


@dataclass(frozen=True, eq=False)
class ECGParameters(_Parameters):
    """What is done to each ECG of a batch."""

    gain: torch.Tensor  # (B, L) factor; 0 silences a lead
    wander: torch.Tensor  # (B, L) amplitude of a sinusoidal baseline, mV
    wander_rate: torch.Tensor  # (B,) Hz
    wander_phase: torch.Tensor  # (B,) radians
    noise: torch.Tensor  # (B,) standard deviation of white noise, mV
    noise_seed: int  # the noise itself is made where the batch is
    shift: torch.Tensor  # (B,) samples to the right, around the end
    time_flip: torch.Tensor  # (B,) bool
    sign_flip: torch.Tensor  # (B,) bool

    @classmethod
    def identity(cls, batch_size: int) -> ECGParameters:
        """Parameters that change nothing."""
        zeros, leads = torch.zeros(batch_size), torch.zeros(batch_size, len(LEADS))
        return cls(leads + 1, leads, zeros, zeros, zeros, 0, zeros.long(), zeros.bool(), zeros.bool())


@dataclass(frozen=True)
class ECGAugmentation:
    """Changes of an ECG that leave the heart as it is: electrodes, breathing, muscle, and when the recording began.

    Amplitude carries the mass of the heart, so the gain of a whole ECG varies little by default, and signals stay in
    mV. Reversal of time or sign makes an ECG that no heart has: off by default, there for the ablation.
    """

    gain: float = 0.05  # of all leads together, uniform in 1 +- gain
    lead_gain: float = 0.03  # of each lead, uniform in 1 +- lead_gain
    wander: float = 0.05  # mV, largest amplitude of the baseline's swing at 0.15-0.4 Hz, the rate of breathing
    noise: float = 0.01  # mV, largest standard deviation of white noise
    shift: float = 1.0  # s, largest shift to either side, around the end
    lead_dropout: float = 0.05  # probability that a lead is silent
    time_flip: float = 0.0  # probability
    sign_flip: float = 0.0  # probability

    @classmethod
    def paper(cls) -> ECGAugmentation:
        """The original's: time flip 0.33 and sign flip 0.33, nothing else."""
        return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, time_flip=0.33, sign_flip=0.33)

    def sample(self, batch_size: int, generator: torch.Generator) -> ECGParameters:
        """Parameters for a batch, on the generator's device."""
        size, leads = (batch_size, 1), (batch_size, len(LEADS))
        gain = _between(-self.gain, self.gain, size, generator) + 1
        gain = gain * (1 + _between(-self.lead_gain, self.lead_gain, leads, generator))
        samples = self.shift * SAMPLING_RATE
        return ECGParameters(
            gain=gain * ~_chance(self.lead_dropout, leads, generator),
            wander=_between(-self.wander, self.wander, leads, generator),
            wander_rate=_between(0.15, 0.4, (batch_size,), generator),
            wander_phase=_between(0.0, 2 * math.pi, (batch_size,), generator),
            noise=_between(0.0, self.noise, (batch_size,), generator),
            noise_seed=int(torch.randint(2**31, (), generator=generator, device=generator.device)),
            shift=_between(-samples, samples, (batch_size,), generator).round().long(),
            time_flip=_chance(self.time_flip, (batch_size,), generator),
            sign_flip=_chance(self.sign_flip, (batch_size,), generator),
        )

    def apply(self, ecg: torch.Tensor, parameters: ECGParameters) -> torch.Tensor:
        """ECGs (B, 12, T), mV, changed as the parameters say; the input is left as it was."""
        p = parameters.to(ecg.device)
        length = ecg.shape[-1]
        if p.shift.any() or p.time_flip.any():
            place = torch.arange(length, device=ecg.device)
            place = torch.where(p.time_flip[:, None], length - 1 - place, place)  # (B, T): flipped after the shift
            place = (place - p.shift[:, None]) % length
            ecg = ecg.gather(-1, place[:, None].expand_as(ecg))
        sign = 1 - 2 * p.sign_flip.to(ecg.dtype)
        ecg = ecg * (p.gain * sign[:, None]).to(ecg.dtype)[..., None]  # a new tensor, which the rest may change
        if p.wander.any():
            seconds = torch.arange(length, device=ecg.device, dtype=ecg.dtype) / SAMPLING_RATE
            swing = torch.sin(2 * math.pi * p.wander_rate[:, None] * seconds + p.wander_phase[:, None])  # (B, T)
            ecg.addcmul_(p.wander[..., None], swing[:, None].to(ecg.dtype))
        if p.noise.any():
            made = torch.Generator(ecg.device).manual_seed(p.noise_seed)
            white = torch.randn(ecg.shape, generator=made, device=ecg.device, dtype=ecg.dtype)
            ecg.addcmul_(white, p.noise[:, None, None].to(ecg.dtype))
        return ecg


@dataclass(frozen=True, eq=False)
class CineParameters(_Parameters):
    """What is done to each cine of a batch, alike in all its frames."""

    angle: torch.Tensor  # (B,) radians, counter-clockwise as seen
    zoom: torch.Tensor  # (B,) share of the field of view that fills the image
    shift_row: torch.Tensor  # (B,) share of the image that the content moves down
    shift_column: torch.Tensor  # (B,) share of the image that the content moves right
    gamma: torch.Tensor  # (B,) exponent of intensity
    noise: torch.Tensor  # (B,) standard deviation of white noise
    noise_seed: int
    horizontal_flip: torch.Tensor  # (B,) bool

    @classmethod
    def identity(cls, batch_size: int) -> CineParameters:
        """Parameters that change nothing."""
        zeros = torch.zeros(batch_size)
        return cls(zeros, zeros + 1, zeros, zeros, zeros + 1, zeros, 0, zeros.bool())


@dataclass(frozen=True)
class CineAugmentation:
    """Changes of a cine that leave the heart as it is: how the image plane was turned and set, and the receiver.

    A horizontal flip puts the right ventricle on the wrong side: off by default, there for the ablation. Zoom changes
    the size of the heart, which is what the traits measure: off by default too.
    """

    angle: float = 10.0  # degrees, largest turn to either side
    shift: float = 0.04  # share of the image, largest shift along each axis (0.04 of 80 pixels is 5.8 mm)
    smallest_zoom: float = 1.0  # field of view uniform in [smallest_zoom, 1]
    gamma: float = 0.2  # exponent exp(uniform in +- gamma)
    noise: float = 0.0  # largest standard deviation of white noise, intensity being in [0, 1]; images bring their own
    horizontal_flip: float = 0.0  # probability

    @classmethod
    def paper(cls) -> CineAugmentation:
        """The original's: turn by up to 15 degrees, crop 0.8-1 (about the centre here), horizontal flip 0.5."""
        return cls(angle=15.0, shift=0.0, smallest_zoom=0.8, gamma=0.0, noise=0.0, horizontal_flip=0.5)

    def sample(self, batch_size: int, generator: torch.Generator) -> CineParameters:
        """Parameters for a batch, on the generator's device."""
        size, turn = (batch_size,), math.radians(self.angle)
        return CineParameters(
            angle=_between(-turn, turn, size, generator),
            zoom=_between(self.smallest_zoom, 1.0, size, generator),
            shift_row=_between(-self.shift, self.shift, size, generator),
            shift_column=_between(-self.shift, self.shift, size, generator),
            gamma=_between(-self.gamma, self.gamma, size, generator).exp(),
            noise=_between(0.0, self.noise, size, generator),
            noise_seed=int(torch.randint(2**31, (), generator=generator, device=generator.device)),
            horizontal_flip=_chance(self.horizontal_flip, size, generator),
        )

    def apply(self, cine: torch.Tensor, parameters: CineParameters) -> torch.Tensor:
        """Cines (B, F, H, W) in [0, 1], changed as the parameters say; the input is left as it was."""
        p = parameters.to(cine.device)
        if p.horizontal_flip.any():
            cine = torch.where(p.horizontal_flip[:, None, None, None], cine.flip(-1), cine)
        if p.angle.any() or (p.zoom != 1).any() or p.shift_row.any() or p.shift_column.any():
            grid = affine_grid(_placement(p, cine).to(cine.dtype), list(cine.shape), align_corners=False)
            cine = grid_sample(cine, grid, padding_mode="zeros", align_corners=False)
        if (p.gamma != 1).any():
            cine = cine.pow(p.gamma[:, None, None, None].to(cine.dtype))
        if p.noise.any():
            made = torch.Generator(cine.device).manual_seed(p.noise_seed)
            white = torch.randn(cine.shape, generator=made, device=cine.device, dtype=cine.dtype)
            cine = cine.addcmul(white, p.noise[:, None, None, None].to(cine.dtype)).clamp_(0, 1)
        return cine


def _placement(p: CineParameters, cine: torch.Tensor) -> torch.Tensor:
    """Matrices (B, 2, 3) from where a pixel is to where it comes from, in grid_sample's coordinates (-1 to 1)."""
    aspect = cine.shape[-2] / cine.shape[-1]  # rows by columns: a turn in pixels, not in relative coordinates
    cosine, sine = p.angle.cos() * p.zoom, p.angle.sin() * p.zoom
    column, row = -2 * p.shift_column, -2 * p.shift_row
    turned_column = cosine * column - sine * row * aspect
    turned_row = sine * column / aspect + cosine * row
    return torch.stack(
        [
            torch.stack([cosine, -sine * aspect, turned_column], dim=-1),
            torch.stack([sine / aspect, cosine, turned_row], dim=-1),
        ],
        dim=1,
    )


def _between(low: float, high: float, size: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    return low + (high - low) * torch.rand(size, generator=generator, device=generator.device)


def _chance(probability: float, size: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    return torch.rand(size, generator=generator, device=generator.device) < probability
