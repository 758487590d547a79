"""Grad-CAM: which places of a convolutional network's feature maps raise a score.

Where the score is linear in the mean of the maps, as a linear probe of a residual network's feature is in those of its
last stage, Grad-CAM is the class activation map: at each place what it adds to the score, if that is more than nothing.

References
----------
Selvaraju et al., ICCV 2017 (Grad-CAM). Zhou et al., CVPR 2016 (class activation maps).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from eccl.encoders.cmr import CMREncoder
from eccl.explain.attribution import Score

STAGES = {"last stage": "layer4", "stage before": "layer3"}  # of a ResNet: the maps of the second have twice the cells


@torch.enable_grad()
def grad_cam(score: Score, layer: nn.Module, images: Tensor) -> Tensor:
    """Maps (B, K, h, w) of K scores of images, at the size of a layer's feature maps; 0 where nothing raises a score.

    Each feature map is weighted by the mean of the score's gradient over it; of their sum the positive part is taken.

    Parameters
    ----------
    score : callable
        Of images (B, F, H, W), to (B, K), by way of the layer.
    layer : nn.Module
        Whose output (B, C, h, w) the feature maps are.
    images : Tensor, shape (B, F, H, W)
    """
    kept = []

    def cut(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        """The feature maps as the graph's first leaf: what made them needs no gradient."""
        kept.append(output.detach().requires_grad_())
        return kept[-1]

    hook = layer.register_forward_hook(cut)
    try:
        scores = score(images)
    finally:
        hook.remove()
    (features,) = kept
    gradients = [torch.autograd.grad(column, features, retain_graph=True)[0] for column in scores.sum(dim=0)]
    weights = torch.stack(gradients, dim=1).mean(dim=(-2, -1), keepdim=True)  # (B, K, C, 1, 1)
    return (weights * features.detach()[:, None]).sum(dim=2).clamp(min=0)


def stage_of(encoder: CMREncoder, stage: str = "last stage") -> nn.Module:
    """The layer of an encoder's residual network whose output are the feature maps of one of `STAGES`.

    Raises
    ------
    TypeError
        If the encoder is no residual network: tokens of a transformer, mixed with all others, keep no place.
    """
    if not hasattr(encoder.backbone, STAGES[stage]):
        raise TypeError(f"Grad-CAM needs a ResNet's feature maps; a {type(encoder.backbone).__name__} has none")
    return getattr(encoder.backbone, STAGES[stage])


def enlarged(maps: np.ndarray, size: int) -> np.ndarray:
    """Maps (..., h, w) on an image of `size` pixels a side, linear between cells, each at the middle of what it sees.

    A convolution of stride 2 with an odd kernel is centred on every other pixel, from the first on; so of h cells, i is
    centred on pixel i * size / h. To stretch the map from edge to edge would move all by half a cell.
    """
    down, across = (_between(cells, size) for cells in maps.shape[-2:])
    return np.einsum("pi,...ij,qj->...pq", down, maps, across)


def _between(cells: int, size: int) -> np.ndarray:
    """Weights (size, cells) of the cells at each pixel; behind the last one it alone counts."""
    place = np.arange(size) * cells / size
    return np.stack([np.interp(place, np.arange(cells), one) for one in np.eye(cells)], axis=1)
