"""Encoders of the cine: its frames are the input channels of a 2-D network.

References
----------
He et al., CVPR 2016 (ResNet); Liu et al., ICCV 2021 (Swin); Dosovitskiy et al., ICLR 2021 (ViT). ResNet and the layers
of Swin are MONAI's (Cardoso et al., arXiv 2022).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eccl.config import CMREncoderConfig
from eccl.encoders.transformer import Transformer, initialise, sincos_positions_2d
from eccl.records import FRAMES

RESNET_LAYERS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
SWIN_DEPTHS = (2, 2, 6, 2)
SWIN_HEADS = (3, 6, 12, 24)
SWIN_WINDOW = 7  # tokens along a side
SWIN_PATCH = 4  # pixels
VIT_HEAD_WIDTH = 64


class CMREncoder(nn.Module):
    """The feature h_cmr (B, width) of cines (B, F, H, W) in [0, 1], resized to `image_size` pixels a side.

    Of a cohort's 50 frames an encoder of fewer takes some, evenly spaced from the first, end-diastole.

    Raises
    ------
    ValueError
        If a cine has not the number of frames that the encoder was built for.
    """

    def __init__(self, backbone: nn.Module, width: int, frames: int, image_size: int):
        super().__init__()
        self.backbone, self.width, self.frames, self.image_size = backbone, width, frames, image_size

    def forward(self, cine: Tensor) -> Tensor:
        if cine.ndim != 4 or cine.shape[1] not in (self.frames, FRAMES):
            raise ValueError(f"a cine batch of shape {tuple(cine.shape)}, expected (B, {self.frames}, H, W)")
        if cine.shape[1] != self.frames:
            cine = cine[:, [round(frame * FRAMES / self.frames) for frame in range(self.frames)]]
        size = (self.image_size, self.image_size)
        if cine.shape[2:] != size:
            cine = F.interpolate(cine, size=size, mode="bilinear", align_corners=False)
        # frames last in memory: the ResNet then trains 1.2 times as fast on a CPU
        return self.backbone(cine.contiguous(memory_format=torch.channels_last))


class Swin(nn.Module):
    """Swin transformer of depths 2-2-6-2: (B, F, S, S) -> (B, 8 * width), the mean over the last tokens."""

    def __init__(self, frames: int, width: int, image_size: int, drop_path: float):
        from monai.networks.nets.swin_unetr import PatchMergingV2, SwinTransformerBlock

        super().__init__()
        if width % SWIN_HEADS[0]:
            raise ValueError(f"a width of {width} does not divide into the {SWIN_HEADS[0]} heads of Swin's first stage")
        if image_size % SWIN_PATCH:
            raise ValueError(f"an image of {image_size} pixels does not divide into patches of {SWIN_PATCH}")
        self.patch = nn.Conv2d(frames, width, kernel_size=SWIN_PATCH, stride=SWIN_PATCH)
        self.norm_patch = nn.LayerNorm(width)
        rates = torch.linspace(0, drop_path, sum(SWIN_DEPTHS), device="cpu").tolist()
        side = image_size // SWIN_PATCH
        self.stages, self.merges = nn.ModuleList(), nn.ModuleList()
        for stage, (depth, heads) in enumerate(zip(SWIN_DEPTHS, SWIN_HEADS)):
            window = min(SWIN_WINDOW, side)  # a small image has less than a window; relative positions follow
            layers = [
                SwinTransformerBlock(
                    dim=width * 2**stage,
                    num_heads=heads,
                    window_size=(window, window),
                    shift_size=(window // 2 * (layer % 2),) * 2,
                    drop_path=rates.pop(0),
                )
                for layer in range(depth)
            ]
            self.stages.append(nn.ModuleList(layers))
            if stage < len(SWIN_DEPTHS) - 1:
                self.merges.append(PatchMergingV2(width * 2**stage, spatial_dims=2))
                side = (side + 1) // 2
        self.norm = nn.LayerNorm(width * 8)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        from monai.networks.nets.swin_unetr import compute_mask

        x = self.norm_patch(self.patch(x).permute(0, 2, 3, 1))  # (B, H, W, D)
        for stage, layers in enumerate(self.stages):
            window, side = layers[0].window_size, x.shape[1]
            padded = -(-side // window[0]) * window[0]
            shift = (0, 0) if side <= window[0] else layers[1].shift_size
            mask = compute_mask([padded, padded], window, shift, x.device)
            for layer in layers:
                x = layer(x, mask)
            if stage < len(self.merges):
                x = self.merges[stage](x)
        return self.norm(x).mean(dim=(1, 2))


class CineViT(nn.Module):
    """Vision transformer over square patches of all frames: (B, F, S, S) -> (B, width), the class token."""

    def __init__(self, frames: int, width: int, depth: int, image_size: int, patch: int):
        super().__init__()
        if image_size % patch:
            raise ValueError(f"an image of {image_size} pixels does not divide into patches of {patch}")
        self.unfold = nn.PixelUnshuffle(patch)
        self.patch = nn.Linear(frames * patch**2, width)
        self.transformer = Transformer(width, depth, heads=max(1, width // VIT_HEAD_WIDTH))
        positions = sincos_positions_2d(width, image_size // patch, image_size // patch).flatten(0, 1)
        self.register_buffer("positions", positions, persistent=False)
        initialise(self.patch)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.unfold(x).flatten(2).transpose(1, 2)  # (B, N, F * patch * patch)
        return self.transformer(self.patch(patches) + self.positions)[:, 0]


def resnet(frames: int, width: int, depth: int) -> nn.Module:
    """MONAI's ResNet in 2-D without its classifier: (B, F, S, S) -> (B, 8 * width), or 32 * width at depth 50.

    The first convolution halves the image and there is no max-pool, so 80 x 80 pixels enter the stages at 40 x 40.
    """
    from monai.networks.nets import ResNet

    if depth not in RESNET_LAYERS:
        raise ValueError(f"no ResNet has depth {depth}; there are {', '.join(map(str, RESNET_LAYERS))}")
    return ResNet(
        block="bottleneck" if depth == 50 else "basic",
        layers=list(RESNET_LAYERS[depth]),
        block_inplanes=[width * 2**stage for stage in range(4)],
        spatial_dims=2,
        n_input_channels=frames,
        conv1_t_stride=2,
        no_max_pool=True,
        bias_downsample=False,  # batch norm follows and would cancel it
        feed_forward=False,
    )


def cmr_encoder(config: CMREncoderConfig) -> CMREncoder:
    """The encoder that a config names: resnet, swin or vit, with the size of its feature in `.width`.

    Raises
    ------
    ValueError
        If the name or the depth does not exist, or the sizes do not fit.
    """
    width, size, frames = config.width, config.image_size, config.frames
    if config.name == "resnet":
        features = width * (32 if config.depth == 50 else 8)
        return CMREncoder(resnet(frames, width, config.depth), features, frames, size)
    if config.name == "swin":
        return CMREncoder(Swin(frames, width, size, config.drop_path), width * 8, frames, size)
    if config.name == "vit":
        return CMREncoder(CineViT(frames, width, config.depth, size, config.patch), width, frames, size)
    raise ValueError(f"no CMR encoder is named {config.name!r}; there are resnet, swin and vit")
