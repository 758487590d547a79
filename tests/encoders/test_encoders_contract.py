"""What training and evaluation rely on, asked of every encoder alike."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from eccl.config import CMREncoderConfig, ECGEncoderConfig
from eccl.encoders.cmr import cmr_encoder
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.ecg_vit import ECGViT
from eccl.encoders.snp import SNPEncoder
from eccl.encoders.tabular import TabularEncoder

ECG = {"width": 16, "depth": 2, "heads": 2, "dropout": 0.1}
CMR = {"width": 12, "image_size": 64, "frames": 6}
ENCODERS = {
    "ecg, 12 leads a patch": lambda: ECGViT(
        ECGEncoderConfig(name="vit", sampling_rate=500, patch_leads=12, patch_samples=50, **ECG), 600
    ),
    "ecg, 1 lead a patch": lambda: ECGViT(
        ECGEncoderConfig(name="vit", sampling_rate=500, patch_leads=1, patch_samples=100, **ECG), 600
    ),
    "ecg, resnet": lambda: ecg_encoder(
        ECGEncoderConfig(name="resnet", sampling_rate=500, width=24, depth=1, dropout=0.1), 600
    ),
    "ecg, resnet at 100 Hz": lambda: ecg_encoder(
        ECGEncoderConfig(name="resnet", sampling_rate=100, width=24, depth=2, dropout=0.1), 600
    ),
    "ecg, mean of tokens at 250 Hz": lambda: ecg_encoder(
        ECGEncoderConfig(name="vit", patch_samples=25, sampling_rate=250, pooling="mean", **ECG), 600
    ),
    "resnet 18": lambda: cmr_encoder(CMREncoderConfig(name="resnet", depth=18, **CMR)),
    "resnet 34": lambda: cmr_encoder(CMREncoderConfig(name="resnet", depth=34, **CMR)),
    "resnet 50": lambda: cmr_encoder(CMREncoderConfig(name="resnet", depth=50, **CMR)),
    "swin": lambda: cmr_encoder(CMREncoderConfig(name="swin", drop_path=0.2, **CMR)),
    "vit": lambda: cmr_encoder(CMREncoderConfig(name="vit", depth=2, **CMR)),
    "tabular": lambda: TabularEncoder(32),
    "snp": lambda: SNPEncoder(32, depth=2, heads=2),
}
SHAPES = {"ecg": (12, 600), "tabular": (255,), "snp": (49, 120)}
CINE = (6, 64, 64)


@pytest.fixture(params=ENCODERS)
def build(request):
    def seeded(seed=0):
        torch.manual_seed(seed)
        return ENCODERS[request.param]()

    seeded.shape = SHAPES.get(request.param.split(",")[0], CINE)
    return seeded


def inputs(build, batch=4):
    return torch.rand(batch, *build.shape, generator=torch.Generator().manual_seed(1))


def test_features_have_the_stated_width_and_are_finite_float32(build):
    encoder = build()
    for mode in (True, False):
        h = encoder.train(mode)(inputs(build))
        assert h.shape == (4, encoder.width) and h.dtype == torch.float32 and h.isfinite().all()


def test_gradient_reaches_every_parameter(build):
    encoder = build().train()
    h = encoder(inputs(build, batch=8))
    (h * torch.randn_like(h)).sum().backward()
    assert [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_same_seed_builds_the_same_encoder(build):
    first, second, other = build(0).state_dict(), build(0).state_dict(), build(1).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_evaluation_is_deterministic(build):
    encoder, x = build().eval(), inputs(build)
    assert torch.equal(encoder(x), encoder(x))


def test_a_feature_does_not_depend_on_its_batch(build):
    encoder, x = build().eval(), inputs(build)
    alone = torch.cat([encoder(row[None]) for row in x])
    torch.testing.assert_close(encoder(x), alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encoder(x.flip(0)), alone.flip(0), rtol=1e-4, atol=1e-5)


def test_different_inputs_give_different_features(build):
    h = build().eval()(inputs(build))
    assert (torch.pdist(h) > 1e-4).all()


def test_weights_survive_a_file(build, tmp_path):
    encoder, other = build(0), build(1)
    encoder.train()(inputs(build))  # moves the running statistics of batch norm, which must be saved too
    save_file(encoder.state_dict(), tmp_path / "model.safetensors")
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    x = inputs(build)
    assert torch.equal(encoder.eval()(x), other.eval()(x))


def test_mixed_precision_stays_close(build):
    encoder, x = build().eval(), inputs(build)
    exact = encoder(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = encoder(x).float()
    assert (mixed - exact).norm() < 0.1 * exact.norm()
