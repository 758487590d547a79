"""ECCL: two encoders, their projections to the shared sphere, and the trait head; and ECCL with a table as a third.

Initial weights come from torch's global generator: seed it (`torch.manual_seed(config.seed)`) before building a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import CMREncoderConfig, ECGEncoderConfig
from eccl.encoders.cmr import cmr_encoder
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.heads import linear_head
from eccl.traits import TRAIT_NAMES


@dataclass(frozen=True, eq=False)
class ECCLOutput:
    """Features, embeddings and predictions of a batch; what needs the cine is None without it.

    Attributes
    ----------
    h_ecg, h_cmr : Tensor (B, width of the encoder)
        Before the projections.
    z_ecg, z_cmr : Tensor (B, embedding)
        On the unit sphere, float32.
    traits : Tensor (B, 82)
        Standardised, predicted from h_ecg.
    z_table : Tensor (B, embedding), optional
        Of a model that has an encoder of a table, as z_ecg.
    """

    h_ecg: Tensor
    h_cmr: Tensor | None
    z_ecg: Tensor
    z_cmr: Tensor | None
    traits: Tensor
    z_table: Tensor | None = None

    @property
    def embeddings(self) -> list[Tensor]:
        """Those that there are, of ECG, CMR and table, in that order."""
        return [z for z in (self.z_ecg, self.z_cmr, self.z_table) if z is not None]


class ECCL(nn.Module):
    """The model of stage 2: `.ecg`, `.cmr`, `.project_ecg`, `.project_cmr`, `.trait_head`."""

    def __init__(self, ecg: ECGEncoderConfig, cmr: CMREncoderConfig, embedding: int):
        super().__init__()
        self.ecg = ecg_encoder(ecg)
        self.cmr = cmr_encoder(cmr)
        self.project_ecg = linear_head(self.ecg.width, embedding)
        self.project_cmr = linear_head(self.cmr.width, embedding)
        self.trait_head = linear_head(self.ecg.width, len(TRAIT_NAMES))
        self.cmr_frozen = False

    def freeze_cmr(self) -> ECCL:
        """Stops training and all randomness of the CMR encoder, for good; its projection goes on learning."""
        self.cmr.requires_grad_(False)
        self.cmr_frozen = True
        return self.train(self.training)

    def train(self, mode: bool = True) -> ECCL:
        super().train(mode)
        if self.cmr_frozen:
            self.cmr.eval()  # else dropout and drop path would make the targets wobble, and batch norm would drift
        return self

    def encode_cmr(self, cine: Tensor) -> Tensor:
        """h_cmr (B, width) of cines (B, F, H, W), without gradient where the encoder is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.cmr_frozen):
            return self.cmr(cine)

    def forward(self, ecg: Tensor, cine: Tensor | None = None, h_cmr: Tensor | None = None) -> ECCLOutput:
        """Everything about ECGs (B, 12, T) in mV and the same people's cines (B, F, H, W), or their cached h_cmr."""
        if cine is not None and h_cmr is not None:
            raise ValueError("give the cine or its cached feature h_cmr, not both")
        h_ecg = self.ecg(ecg)
        if cine is not None:
            h_cmr = self.encode_cmr(cine)
        z_cmr = None if h_cmr is None else F.normalize(self.project_cmr(h_cmr).float(), dim=-1)
        z_ecg = F.normalize(self.project_ecg(h_ecg).float(), dim=-1)
        return ECCLOutput(h_ecg, h_cmr, z_ecg, z_cmr, self.trait_head(h_ecg))


class ECCLTable(ECCL):
    """ECCL with an encoder of a table of the same people: `.table`, `.project_table`.

    The rest starts from the weights that ECCL of the same seed starts from.

    Parameters
    ----------
    table : callable () -> nn.Module
        Builds the encoder, with a `.width`.
    """

    def __init__(self, ecg: ECGEncoderConfig, cmr: CMREncoderConfig, embedding: int, table: Callable[[], nn.Module]):
        super().__init__(ecg, cmr, embedding)
        self.table = table()
        self.project_table = linear_head(self.table.width, embedding)

    def forward(
        self, ecg: Tensor, cine: Tensor | None = None, h_cmr: Tensor | None = None, table: Tensor | None = None
    ) -> ECCLOutput:
        """As ECCL, and the embedding of the same people's rows of the table (B, ...), if they are given."""
        output = super().forward(ecg, cine, h_cmr)
        if table is None:
            return output
        return replace(output, z_table=F.normalize(self.project_table(self.table(table)).float(), dim=-1))
