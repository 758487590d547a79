"""Augmentations of whole batches on their device: parameters are sampled apart from being applied.

`parameters = sample(augmentation, batch_size, generator)` is random, `parameters.apply(x)` is not: the same parameters
give the same result. Parameters that change nothing return the batch bit for bit. How much is changed is in
`eccl.config.ECGAugmentation` and `CineAugmentation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch.nn.functional import affine_grid, grid_sample

from eccl.config import CineAugmentation, ECGAugmentation
from eccl.machine import share
from eccl.records import LEADS, SAMPLING_RATE

Augmenter = Callable[[torch.Tensor, torch.nn.Module, torch.Generator], torch.Tensor]


class _Parameters:
    """Tensors of one row a participant, which move together."""

    def rows(self, chosen: slice) -> Self:
        """The parameters of some rows of a batch; the noise is that of the whole batch, of which they take theirs."""
        parts = {item.name: getattr(self, item.name) for item in fields(self)}
        taken = {name: value[chosen] if torch.is_tensor(value) else value for name, value in parts.items()}
        return type(self)(**taken | {"noise_rows": (len(self.noise), chosen)})

    def add_noise(self, x: torch.Tensor) -> None:
        """Adds white noise to a batch, in place and where it is.

        A batch shares one draw of the size of a recording, which each row reads from another place on: a draw for each
        took a fifth of a step of training on a CPU.
        """
        generator = torch.Generator(x.device).manual_seed(self.noise_seed)
        count, rows = self.noise_rows or (len(x), slice(None))
        size = x[0].numel()
        white = torch.randn(size, generator=generator, device=x.device, dtype=x.dtype).repeat(2)
        begin = torch.randint(size, (count,), generator=generator, device=x.device)[rows]
        for row, first, scale in zip(x, begin.tolist(), self.noise.tolist()):
            row.add_(white[first : first + size].view(row.shape), alpha=scale)

    def to(self, device: torch.device | str) -> Self:
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
    noise_rows: tuple[int, slice] | None = None  # which rows of how many, where the batch is shared by processes

    @classmethod
    def identity(cls, batch_size: int) -> ECGParameters:
        """Parameters that change nothing."""
        zeros, leads = torch.zeros(batch_size), torch.zeros(batch_size, len(LEADS))
        return cls(leads + 1, leads, zeros, zeros, zeros, 0, zeros.long(), zeros.bool(), zeros.bool())

    def apply(self, ecg: torch.Tensor) -> torch.Tensor:
        """ECGs (B, 12, T), mV, changed as these parameters say; the input is left as it was."""
        p = self.to(ecg.device)
        if p.shift.any():
            ecg = torch.stack([one.roll(samples, -1) for one, samples in zip(ecg, p.shift.tolist())])
        if p.time_flip.any():
            ecg = torch.where(p.time_flip[:, None, None], ecg.flip(-1), ecg)
        sign = 1 - 2 * p.sign_flip.to(ecg.dtype)
        ecg = ecg * (p.gain * sign[:, None]).to(ecg.dtype)[..., None]  # a new tensor, which the rest may change
        if p.wander.any():
            seconds = torch.arange(ecg.shape[-1], device=ecg.device, dtype=ecg.dtype) / SAMPLING_RATE
            swing = torch.sin(2 * math.pi * p.wander_rate[:, None] * seconds + p.wander_phase[:, None])  # (B, T)
            ecg.addcmul_(p.wander[..., None], swing[:, None].to(ecg.dtype))
        if p.noise.any():
            p.add_noise(ecg)
        return ecg


def _sample_ecg(augmentation: ECGAugmentation, batch_size: int, generator: torch.Generator) -> ECGParameters:
    size, leads = (batch_size, 1), (batch_size, len(LEADS))
    gain = _between(-augmentation.gain, augmentation.gain, size, generator) + 1
    gain = gain * (1 + _between(-augmentation.lead_gain, augmentation.lead_gain, leads, generator))
    samples = augmentation.shift * SAMPLING_RATE
    return ECGParameters(
        gain=gain * ~_chance(augmentation.lead_dropout, leads, generator),
        wander=_between(-augmentation.wander, augmentation.wander, leads, generator),
        wander_rate=_between(0.15, 0.4, (batch_size,), generator),
        wander_phase=_between(0.0, 2 * math.pi, (batch_size,), generator),
        noise=_between(0.0, augmentation.noise, (batch_size,), generator),
        noise_seed=int(torch.randint(2**31, (), generator=generator, device=generator.device)),
        shift=_between(-samples, samples, (batch_size,), generator).round().long(),
        time_flip=_chance(augmentation.time_flip, (batch_size,), generator),
        sign_flip=_chance(augmentation.sign_flip, (batch_size,), generator),
    )


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
    noise_rows: tuple[int, slice] | None = None  # as in ECGParameters

    @classmethod
    def identity(cls, batch_size: int) -> CineParameters:
        """Parameters that change nothing."""
        zeros = torch.zeros(batch_size)
        return cls(zeros, zeros + 1, zeros, zeros, zeros + 1, zeros, 0, zeros.bool())

    def apply(self, cine: torch.Tensor) -> torch.Tensor:
        """Cines (B, F, H, W) in [0, 1], changed as these parameters say; the input is left as it was."""
        p = self.to(cine.device)
        if p.horizontal_flip.any():
            cine = torch.where(p.horizontal_flip[:, None, None, None], cine.flip(-1), cine)
        if p.angle.any() or (p.zoom != 1).any() or p.shift_row.any() or p.shift_column.any():
            grid = affine_grid(_placement(p, cine).to(cine.dtype), list(cine.shape), align_corners=False)
            cine = grid_sample(cine, grid, padding_mode="zeros", align_corners=False)
        if (p.gamma != 1).any():
            cine = cine.pow(p.gamma[:, None, None, None].to(cine.dtype))
        if p.noise.any():
            cine = cine.clone()
            p.add_noise(cine)
            cine.clamp_(0, 1)
        return cine


def _sample_cine(augmentation: CineAugmentation, batch_size: int, generator: torch.Generator) -> CineParameters:
    size, turn = (batch_size,), math.radians(augmentation.angle)
    return CineParameters(
        angle=_between(-turn, turn, size, generator),
        zoom=_between(augmentation.smallest_zoom, 1.0, size, generator),
        shift_row=_between(-augmentation.shift, augmentation.shift, size, generator),
        shift_column=_between(-augmentation.shift, augmentation.shift, size, generator),
        gamma=_between(-augmentation.gamma, augmentation.gamma, size, generator).exp(),
        noise=_between(0.0, augmentation.noise, size, generator),
        noise_seed=int(torch.randint(2**31, (), generator=generator, device=generator.device)),
        horizontal_flip=_chance(augmentation.horizontal_flip, size, generator),
    )


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


def sample(
    augmentation: ECGAugmentation | CineAugmentation, batch_size: int, generator: torch.Generator
) -> ECGParameters | CineParameters:
    """Parameters for a batch, on the generator's device."""
    draw = _sample_ecg if isinstance(augmentation, ECGAugmentation) else _sample_cine
    return draw(augmentation, batch_size, generator)


def augmenter(augmentation: ECGAugmentation | CineAugmentation | None, always: bool = False) -> Augmenter:
    """A function (x, model, generator) -> x that augments while the model is training; None leaves x as it is.

    Parameters
    ----------
    always : bool
        Augments on validation too, which every process computes whole.
    """

    def augment(x: torch.Tensor, model: torch.nn.Module, generator: torch.Generator) -> torch.Tensor:
        if augmentation is None or not (model.training or always):
            return x
        count, rows = share(len(x)) if model.training else (len(x), slice(None))
        return sample(augmentation, count, generator).rows(rows).apply(x)

    return augment
