"""Grad-CAM against class activation maps in closed form; a cell stands at the middle of what it sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from eccl.config import CMREncoderConfig
from eccl.encoders.cmr import cmr_encoder
from eccl.explain.grad_cam import STAGES, enlarged, grad_cam, stage_of
from eccl.explain.readout import CineReadout

RESNET = CMREncoderConfig(frames=4, width=8, image_size=32)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    made = cmr_encoder(RESNET)
    made(torch.rand(8, 4, 32, 32))  # batch norm has seen something
    return made.eval()


@pytest.fixture
def readout(encoder, rng):
    return CineReadout(encoder, rng.normal(size=(encoder.width, 3)))


def test_under_a_linear_head_on_the_mean_it_is_the_class_activation_map():
    torch.manual_seed(0)
    layer, head = nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU()), nn.Linear(5, 3)
    images = torch.randn(4, 2, 9, 7)
    found = grad_cam(lambda x: head(layer(x).mean(dim=(2, 3))), layer, images)
    features = layer(images).detach().numpy()
    for person in range(4):
        for k, weights in enumerate(head.weight.detach().numpy()):
            activation = sum(weight * one for weight, one in zip(weights, features[person]))
            expected = np.maximum(activation, 0) / (7 * 5)
            np.testing.assert_allclose(found[person, k], expected, rtol=1e-4, atol=1e-7)
    assert (found == 0).any() and (found > 0).any()


def test_of_a_probe_on_the_last_stage_what_raises_and_lowers_sums_to_the_score(readout):
    images, layer = torch.rand(3, 4, 32, 32), stage_of(readout.encoder)
    raises = grad_cam(readout, layer, images)
    lowers = grad_cam(lambda x: -readout(x), layer, images)
    assert raises.shape == (3, 3, 2, 2)
    torch.testing.assert_close((raises - lowers).sum(dim=(2, 3)), readout(images), rtol=1e-4, atol=1e-5)


def test_before_a_nonlinear_stage_it_is_the_plain_chain_of_layers(readout):
    images, net = torch.rand(3, 4, 32, 32), readout.encoder.backbone
    found = grad_cam(readout, stage_of(readout.encoder, "stage before"), images)
    features = net.layer3(net.layer2(net.layer1(net.act(net.bn1(net.conv1(images)))))).requires_grad_()
    scores = net.avgpool(net.layer4(features)).flatten(1) @ readout.weights
    for k in range(3):
        (gradient,) = torch.autograd.grad(scores[:, k].sum(), features, retain_graph=True)
        expected = torch.einsum("bc,bchw->bhw", gradient.mean(dim=(2, 3)), features).relu()
        torch.testing.assert_close(found[:, k], expected.detach(), rtol=1e-4, atol=1e-6)


def test_the_network_is_left_as_it_was(encoder, readout):
    before = encoder(torch.ones(1, 4, 32, 32)).detach()
    for stage in STAGES:
        grad_cam(readout, stage_of(readout.encoder, stage), torch.rand(2, 4, 32, 32))
        assert not stage_of(readout.encoder, stage)._forward_hooks
    with pytest.raises(ValueError, match="a cine batch"):
        grad_cam(readout, stage_of(readout.encoder), torch.rand(2, 3, 32, 32))
    assert not stage_of(readout.encoder)._forward_hooks
    torch.testing.assert_close(encoder(torch.ones(1, 4, 32, 32)).detach(), before, rtol=0, atol=0)
    assert all(weight.requires_grad for weight in encoder.parameters())


@pytest.mark.parametrize("stage", STAGES)
def test_a_cell_stands_at_the_middle_of_what_it_sees(stage):
    torch.manual_seed(0)
    net = cmr_encoder(replace(RESNET, image_size=160)).eval()
    for weight in net.parameters():
        weight.data.fill_(0.01)  # so that what a cell sees, it sees alike on all sides
    images, seen = torch.ones(1, 4, 160, 160, requires_grad=True), []
    hook = stage_of(net, stage).register_forward_hook(lambda layer, inputs, output: seen.append(output))
    net(images)
    hook.remove()
    cells = seen[0].shape[-1]
    middle = cells // 2  # where the border of the image cuts off as much on all sides
    (sight,) = torch.autograd.grad(seen[0][0, :, middle, middle].sum(), images)
    sight = sight[0].sum(dim=0).numpy()
    found = [(sight.sum(axis=1 - axis) * np.arange(160)).sum() / sight.sum() for axis in (0, 1)]
    one = np.zeros((cells, cells))
    one[middle, middle] = 1
    drawn = enlarged(one, 160)
    highest = np.unravel_index(drawn.argmax(), drawn.shape)
    assert drawn.shape == (160, 160) and drawn.max() == pytest.approx(1)
    np.testing.assert_allclose(found, highest, atol=1.0)


def test_between_cells_a_map_is_linear_and_behind_the_last_it_stays():
    drawn = enlarged(np.array([[[0.0, 4.0], [8.0, 12.0]]]), 8)
    np.testing.assert_allclose(drawn[0, 0], [0, 1, 2, 3, 4, 4, 4, 4])
    np.testing.assert_allclose(drawn[0, :, 7], [4, 6, 8, 10, 12, 12, 12, 12])


@pytest.mark.parametrize("name", ["swin", "vit"])
def test_tokens_keep_no_place(name):
    encoder = cmr_encoder(CMREncoderConfig(name=name, width=12, depth=1, image_size=32))
    with pytest.raises(TypeError, match=r"needs a ResNet's feature maps; a \w+ has none"):
        stage_of(encoder)
