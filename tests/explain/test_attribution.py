"""Attributions against closed forms, plain loops and their axioms."""

import numpy as np
import pytest
import torch
from torch import nn

from eccl.config import ECGEncoderConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.evaluation.probes import fit_diagnoses, fit_traits
from eccl.explain.attribution import gradient, integrated_gradients, leads, occlusion, smooth_grad
from eccl.explain.readout import LinearReadout, weights_of

SMALL = {
    "resnet": ECGEncoderConfig(width=24),
    "vit": ECGEncoderConfig(name="vit", sampling_rate=100, patch_samples=50, width=32, heads=2, depth=2),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def signals(count=3, samples=1000, dtype=torch.float32):
    return torch.randn(count, 12, samples, generator=generator(), dtype=dtype)


@pytest.fixture(params=sorted(SMALL))
def encoder(request):
    torch.manual_seed(0)
    made = ecg_encoder(SMALL[request.param])
    made(signals(8, 5000))  # batch norm has seen something
    return made.eval()


@pytest.fixture
def readout(encoder, rng):
    return LinearReadout(encoder, rng.normal(size=(encoder.width, 3)))


def test_of_a_linear_score_all_are_the_closed_form():
    x, w = signals(4, 40, torch.float64), signals(2, 40, torch.float64)

    def score(ecg):
        return torch.einsum("blt,klt->bk", ecg, w) + 5

    torch.testing.assert_close(gradient(score, x), w.expand(4, 2, 12, 40))
    torch.testing.assert_close(smooth_grad(score, x, generator(), samples=3), w.expand(4, 2, 12, 40))
    torch.testing.assert_close(integrated_gradients(score, x), w * x[:, None])
    torch.testing.assert_close(integrated_gradients(score, x, baseline=0.3, steps=2), w * (x[:, None] - 0.3))
    single = torch.eye(12 * 40, dtype=torch.bool).reshape(-1, 12, 40)
    torch.testing.assert_close(occlusion(score, x, single), w * x[:, None])


def test_one_score_is_one_of_several(readout):
    x = signals(2)
    several, one = gradient(readout, x), gradient(lambda ecg: readout(ecg)[:, 1], x)
    assert several.shape == (2, 3, 12, 1000) and one.shape == x.shape
    torch.testing.assert_close(one, several[:, 1])


def test_integrated_gradients_are_complete(readout):
    x = signals()
    wanted = readout(x) - readout(torch.zeros_like(x))
    errors = [
        (integrated_gradients(readout, x, steps=steps).sum(dim=(-2, -1)) - wanted).abs().max() / wanted.abs().max()
        for steps in (2, 64)
    ]
    assert errors[1] < 0.01 and errors[1] < errors[0]


def test_the_gradient_is_that_of_a_small_step(readout):
    x, step = signals(1).double(), 1e-6
    readout = readout.double()
    found = gradient(readout, x)
    for lead, sample in ((0, 5), (7, 500), (11, 980)):
        moved = x.clone()
        moved[0, lead, sample] += step
        expected = (readout(moved) - readout(x))[0] / step
        torch.testing.assert_close(found[0, :, lead, sample], expected, rtol=1e-3, atol=1e-7)


def test_smooth_grad_is_the_mean_over_noisy_signals(readout):
    x, drawn = signals(2), generator(5)
    noisy = [x + 0.2 * x.std(dim=(1, 2), keepdim=True) * torch.randn(x.shape, generator=drawn) for _ in range(3)]
    expected = torch.stack([gradient(readout, each) for each in noisy]).mean(dim=0)
    torch.testing.assert_close(smooth_grad(readout, x, generator(5), samples=3, noise=0.2), expected)


def test_occlusion_of_a_lead_is_the_score_without_it(readout):
    x = signals(2)
    found = occlusion(readout, x, leads(x)).sum(dim=-1)  # (B, K, 12)
    for lead in (0, 6):
        without = x.clone()
        without[:, lead] = 0
        torch.testing.assert_close(found[:, :, lead], (readout(x) - readout(without)).detach(), rtol=1e-4, atol=1e-5)


def test_occlusion_takes_groups_of_each_participants_own(readout):
    x, groups = signals(2), torch.zeros(2, 1, 12, 1000, dtype=torch.bool)
    groups[0, 0, :, :100] = True  # the second has no such wave
    found = occlusion(readout, x, groups)
    assert (found[1] == 0).all() and (found[0, :, :, 100:] == 0).all() and (found[0, :, :, :100] != 0).any()


def test_the_readout_is_the_probe_on_the_encoders_feature(encoder, rng):
    ecg = signals(6, 5000)
    with torch.no_grad():
        h = encoder(ecg).numpy()
    h[:, 3] = 1.0  # constant in training: nothing is read from it
    y = rng.normal(size=(6, 4))
    probes = fit_traits(h, y, h, y), fit_diagnoses(h, y > 0, h, y > 0)
    for probe, scale in zip(probes, (True, False)):
        readout = LinearReadout(encoder, weights_of(probe, [0, 2]))
        found = readout(readout.inside(ecg)).detach().numpy()
        expected = probe.scaler.transform(probe.predict(h)) if scale else probe.log_odds(h)
        np.testing.assert_allclose(np.diff(found, axis=0), np.diff(expected[:, [0, 2]], axis=0), rtol=1e-3, atol=1e-4)


def test_explaining_leaves_the_encoder_as_it_was(encoder, rng):
    before = encoder(signals(2, 5000)).detach()
    readout = LinearReadout(encoder, rng.normal(size=(encoder.width, 1)))
    integrated_gradients(readout, readout.inside(signals(2, 5000)), steps=2)
    torch.testing.assert_close(encoder(signals(2, 5000)).detach(), before, rtol=0, atol=0)
    assert not isinstance(encoder.input, nn.Identity) and all(part.requires_grad for part in encoder.parameters())
