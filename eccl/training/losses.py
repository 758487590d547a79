"""The contrastive losses between paired embeddings, as pure functions, and the gather across processes.

Embeddings are (B, D) on the unit sphere; row i of both modalities is the same participant. Losses are computed in
float32 whatever the precision around them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as distributed
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import LossConfig


def contrastive_logits(z_a: Tensor, z_b: Tensor, temperature: float | Tensor) -> Tensor:
    """Cosine similarities over the temperature, (A, B) float32, of unit embeddings (A, D) and (B, D)."""
    with torch.autocast(z_a.device.type, enabled=False):
        return z_a.float() @ z_b.float().T / temperature


def clip_loss(z_ecg: Tensor, z_cmr: Tensor, temperature: float | Tensor = 0.1, alpha: float = 0.5) -> Tensor:
    """alpha * InfoNCE(ECG -> CMR) + (1 - alpha) * InfoNCE(CMR -> ECG), the other modality's rows as negatives.

    This is also the objective of ConVIRT, which calls it NT-Xent and weights its directions by alpha = 0.75.

    References
    ----------
    van den Oord et al., arXiv 2018 (InfoNCE); Radford et al., ICML 2021 (CLIP); Zhang et al., MLHC 2022 (ConVIRT).
    """
    logits = contrastive_logits(z_ecg, z_cmr, temperature)  # (B, B), rows ECG, columns CMR
    partner = torch.arange(len(logits), device=logits.device)
    return alpha * F.cross_entropy(logits, partner) + (1 - alpha) * F.cross_entropy(logits.T, partner)


def nt_xent_loss(z_ecg: Tensor, z_cmr: Tensor, temperature: float | Tensor = 0.1, alpha: float = 0.5) -> Tensor:
    """SimCLR's NT-Xent: as `clip_loss`, but an anchor's own modality gives negatives too, 2 B - 2 in all.

    References
    ----------
    Chen et al., ICML 2020 (SimCLR); Sohn, NeurIPS 2016 (the N-pair loss).
    """

    def direction(anchor: Tensor, other: Tensor) -> Tensor:
        across = contrastive_logits(anchor, other, temperature)
        within = contrastive_logits(anchor, anchor, temperature)
        within = within.masked_fill(torch.eye(len(within), dtype=torch.bool, device=within.device), -torch.inf)
        partner = torch.arange(len(across), device=across.device)
        return F.cross_entropy(torch.cat([across, within], dim=1), partner)

    return alpha * direction(z_ecg, z_cmr) + (1 - alpha) * direction(z_cmr, z_ecg)


def triplet_loss(z_ecg: Tensor, z_cmr: Tensor, margin: float = 2.5) -> Tensor:
    """Mean of max(0, d(anchor, own) - d(anchor, semi-hard negative) + margin) over both directions, d Euclidean.

    The semi-hard negative is the nearest one that is farther than the anchor's own pair; where every negative is
    nearer, the farthest. A batch of one has no triplet and a loss of 0. On the unit sphere no distance exceeds 2, so
    the paper's margin of 2.5 never lets a triplet rest.

    References
    ----------
    Schroff et al., CVPR 2015 (FaceNet).
    """
    # the direct formula: the one through the inner product loses digits where a pair is close
    distance = torch.cdist(z_ecg.float(), z_cmr.float(), compute_mode="donot_use_mm_for_euclid_dist")
    if len(distance) < 2:
        return 0.0 * distance.sum()

    def direction(distance: Tensor) -> Tensor:
        positive = distance.diagonal()
        others = ~torch.eye(len(distance), dtype=torch.bool, device=distance.device)
        farther = others & (distance > positive[:, None])
        nearest_farther = distance.masked_fill(~farther, torch.inf).amin(dim=1)
        farthest = distance.masked_fill(~others, -torch.inf).amax(dim=1)
        negative = torch.where(farther.any(dim=1), nearest_farther, farthest)
        return F.relu(positive - negative + margin).mean()

    return 0.5 * (direction(distance) + direction(distance.T))


def trait_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of standardised traits, both (B, K); a NaN in the target is not known and does not count."""
    known = target.isfinite()
    if known.all():
        return F.mse_loss(prediction.float(), target.float())
    errors = (prediction.float() - target.float().nan_to_num()) ** 2 * known
    return errors.sum() / known.sum().clamp(min=1)


class Contrast(nn.Module):
    """The contrastive loss that a config names, of (z_ecg, z_cmr) of one process; see `gather` for several.

    With `learn_temperature` the temperature is a parameter, trained with the encoders from the config's value on and
    kept above 0.01, as CLIP does (Radford et al., ICML 2021).

    Raises
    ------
    ValueError
        If no loss has the name, or its temperature cannot be learned because it has none.
    """

    def __init__(self, config: LossConfig):
        super().__init__()
        if config.name not in LOSSES:
            raise ValueError(f"no loss is named {config.name!r}; there are {', '.join(LOSSES)}")
        if config.learn_temperature and config.name == "triplet":
            raise ValueError("the triplet loss has no temperature; leave learn_temperature at False, or use clip")
        self.config = config
        self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature))) if config.learn_temperature else None

    @property
    def temperature(self) -> Tensor | float:
        """What similarities are divided by."""
        if self.log_scale is None:
            return self.config.temperature
        return (-self.log_scale.clamp(max=math.log(LARGEST_SCALE))).exp()

    def forward(self, z_ecg: Tensor, z_cmr: Tensor) -> Tensor:
        return LOSSES[self.config.name](self, z_ecg, z_cmr)


LARGEST_SCALE = 100.0  # of similarities, where the temperature is learned
LOSSES: dict[str, Callable[[Contrast, Tensor, Tensor], Tensor]] = {
    "clip": lambda self, z_ecg, z_cmr: clip_loss(z_ecg, z_cmr, self.temperature, self.config.alpha),
    "nt_xent": lambda self, z_ecg, z_cmr: nt_xent_loss(z_ecg, z_cmr, self.temperature, self.config.alpha),
    "triplet": lambda self, z_ecg, z_cmr: triplet_loss(z_ecg, z_cmr, self.config.margin),
}


class _Gather(torch.autograd.Function):
    """Concatenation over processes whose backward sums what every process asks of this one's rows."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.rows = len(z)
        parts = [torch.empty_like(z) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, z.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        distributed.all_reduce(gradient)
        start = distributed.get_rank() * ctx.rows
        return gradient[start : start + ctx.rows]


def gather(z: Tensor) -> Tensor:
    """Embeddings of all processes, (world * B, D) in order of rank, with gradient; z itself where there is one process.

    Every process computes the same loss L of the whole batch from it. The backward sums dL/dz over the W processes, so
    each holds W times the gradient of its own rows; data-parallel training then averages over the processes,
    1/W sum_r W dL/dz_r dz_r/dtheta = dL/dtheta: exactly the gradient of one process with the whole batch. Every process
    must hold the same number of rows.
    """
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return z
    return _Gather.apply(z)
