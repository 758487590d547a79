"""The encoders of the cine: sizes known from the literature, resizing, and errors that name what is wrong."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from eccl.config import CMREncoderConfig, preset
from eccl.encoders.cmr import Swin, cmr_encoder


def small(**settings):
    torch.manual_seed(0)
    return cmr_encoder(CMREncoderConfig(**{"width": 12, "image_size": 32, "frames": 6, **settings})).eval()


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_swin_is_swin_t():
    with torch.device("meta"):
        encoder = cmr_encoder(CMREncoderConfig(name="swin", width=96, image_size=224, drop_path=0.2))
    # 28,288,354 with a classifier of 1000 outputs and 3 input channels (Liu et al., ICCV 2021)
    assert parameters(encoder) == 28_288_354 - 769_000 + 47 * 16 * 96
    assert encoder.width == 768


@pytest.mark.parametrize(
    "depth, published, features", [(18, 11_689_512, 512), (34, 21_797_672, 512), (50, 25_557_032, 2048)]
)
def test_resnets_have_the_published_size(depth, published, features):
    with torch.device("meta"):
        encoder = cmr_encoder(CMREncoderConfig(name="resnet", width=64, depth=depth))
    # He et al., CVPR 2016, with a classifier of 1000 outputs and 3 input channels
    assert parameters(encoder) == published - 1000 * (features + 1) + 47 * 49 * 64
    assert encoder.width == features


def test_the_resnet_enters_its_stages_at_half_the_image():
    encoder = small(image_size=80)
    sizes = []
    encoder.backbone.layer1.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape[2:]))
    encoder(torch.rand(1, 6, 80, 80))
    assert sizes == [(40, 40)]


@pytest.mark.parametrize("name", ["resnet", "swin", "vit"])
def test_a_cine_of_another_size_is_resized_bilinearly(name):
    encoder = small(name=name, depth=18 if name == "resnet" else 2)
    cine = torch.rand(2, 6, 24, 20)
    resized = F.interpolate(cine, size=(32, 32), mode="bilinear", align_corners=False)
    torch.testing.assert_close(encoder(cine), encoder.backbone(resized))


def test_swin_sees_across_windows():
    torch.manual_seed(0)
    swin = Swin(frames=1, width=6, image_size=112, drop_path=0.0).eval()  # 28 x 28 tokens: windows of 7, shifted by 3
    image = torch.rand(1, 1, 112, 112).requires_grad_()
    first_stage = swin.norm_patch(swin.patch(image).permute(0, 2, 3, 1))
    first_stage.retain_grad()
    from monai.networks.nets.swin_unetr import compute_mask

    x, mask = first_stage, compute_mask([28, 28], (7, 7), (3, 3), "cpu")
    for layer in swin.stages[0]:
        x = layer(x, mask)
    x[0, 7, 7].sum().backward()
    rows, columns = first_stage.grad[0].abs().sum(-1).nonzero(as_tuple=True)
    # token (7, 7) lies with 4..10 in the shifted window, and these with 0..13 in the plain ones
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 13, 0, 13)


def test_swin_drop_path_grows_with_depth():
    from monai.networks.layers import DropPath

    layers = [layer for stage in Swin(1, 6, 32, drop_path=0.2).stages for layer in stage]
    rates = [layer.drop_path.drop_prob if isinstance(layer.drop_path, DropPath) else 0.0 for layer in layers]
    assert rates == pytest.approx([0.2 * k / 11 for k in range(12)])


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"name": "densenet"}, "densenet"),
        ({"depth": 19}, "19"),
        ({"name": "swin", "width": 16}, "16"),
        ({"name": "swin", "image_size": 30}, "30"),
        ({"name": "vit", "image_size": 30}, "30"),
    ],
)
def test_settings_that_do_not_exist_or_fit_are_named(settings, words):
    with pytest.raises(ValueError, match=words):
        small(**settings)


def test_a_cine_with_other_frames_is_named():
    with pytest.raises(ValueError, match=r"\(2, 5, 32, 32\), expected \(B, 6"):
        small()(torch.rand(2, 5, 32, 32))


def test_a_laptop_learns_on_two_threads_whatever_the_batch():
    code = """
import torch
from eccl.config import preset
from eccl.encoders.cmr import cmr_encoder
torch.set_num_threads(2)
encoder = cmr_encoder(preset("smoke").cmr)
for batch in (3, 9):
    encoder(torch.rand(batch, 50, 80, 80)).sum().backward()
"""
    assert preset("smoke").cmr == preset("laptop").cmr
    subprocess.run([sys.executable, "-c", code], check=True)  # a process of its own: memory may be corrupted
