"""What the masked autoencoder promises, asked of each encoder alike; then tokens and maps by themselves."""

import dataclasses

import pytest
import torch

from eccl.config import ECGEncoderConfig, MAEConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.masked_autoencoder import masked_autoencoder
from eccl.encoders.masking import draw_mask
from eccl.encoders.signal import UNITS_PER_MILLIVOLT

SAMPLES = 600
VIT = ECGEncoderConfig(name="vit", sampling_rate=500, width=16, heads=2)
TOKENS = dataclasses.replace(VIT, patch_leads=1, patch_samples=100, depth=1)
ENCODERS = {
    "12 leads a patch": dataclasses.replace(VIT, patch_leads=12, patch_samples=50, depth=2),
    "1 lead a patch": TOKENS,
    "mean of tokens at 250 Hz": dataclasses.replace(TOKENS, sampling_rate=250, patch_samples=50, pooling="mean"),
    "resnet": ECGEncoderConfig(name="resnet", sampling_rate=500, width=24, depth=1),
    "resnet at 100 Hz": ECGEncoderConfig(name="resnet", sampling_rate=100, width=24, depth=1),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_ecg(batch=3, seed=0):
    return 0.2 * torch.randn(batch, 12, SAMPLES, generator=seeded(seed))


def build(encoder, **settings):
    torch.manual_seed(0)
    config = MAEConfig(**{"width": 16, "depth": 1, "heads": 2, "span": 0.2, **settings})
    return masked_autoencoder(ecg_encoder(encoder, SAMPLES), config)


@pytest.fixture(params=ENCODERS)
def encoder(request):
    return ENCODERS[request.param]


@pytest.mark.parametrize("masking", ["random", "mixed"])
def test_a_reconstruction_has_the_shape_of_the_signal_inside(encoder, masking):
    output = build(encoder, masking=masking)(random_ecg(), seeded())
    inside = SAMPLES * encoder.sampling_rate // 500
    assert output.loss.ndim == 0 and output.loss > 0
    assert output.reconstruction.shape == output.hidden.shape == (3, 12, inside)
    assert output.hidden.dtype == torch.bool and 0.4 < output.hidden.float().mean() < 0.6


def test_the_generator_alone_decides_what_is_hidden(encoder):
    mae, ecg = build(encoder).eval(), random_ecg()
    one, same, other = (mae(ecg, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.hidden, same.hidden) and torch.equal(one.reconstruction, same.reconstruction)
    assert not torch.equal(one.hidden, other.hidden)


def test_nothing_that_is_hidden_is_seen(encoder, monkeypatch):
    """Hidden samples of the signal inside change; the reconstruction does not. A kept one changes; it does."""
    mae, ecg = build(encoder).eval(), random_ecg()
    inner, before = mae.encoder.input.forward, mae(ecg, seeded())

    def changed(where, by):
        monkeypatch.setattr(mae.encoder.input, "forward", lambda x: torch.where(where, inner(x) + by, inner(x)))
        return mae(ecg, seeded())

    assert torch.equal(changed(before.hidden, 9.0).reconstruction, before.reconstruction)
    assert not torch.allclose(changed(~before.hidden, 9.0).reconstruction, before.reconstruction)


def test_the_loss_is_that_of_hidden_samples_in_the_stated_unit(encoder):
    mae, ecg = build(encoder).eval(), random_ecg()
    output = mae(ecg, seeded())
    error = output.reconstruction * UNITS_PER_MILLIVOLT - mae.encoder.input(ecg)
    assert output.loss.item() == pytest.approx(error[output.hidden].square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("guided", [False, True])
def test_gradient_reaches_every_parameter(encoder, guided):
    mae = build(encoder, guided=guided)
    mae(random_ecg(), seeded()).loss.backward()
    assert [name for name, p in mae.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_guided_decoder_knows_the_feature_wherever_something_is_hidden(encoder, monkeypatch):
    """Another feature is another reconstruction of every hidden sample, without any layer in the decoder."""
    mae, ecg = build(encoder, guided=True, depth=0).eval(), random_ecg()
    before, pool = mae(ecg, seeded()), mae.encoder.pool
    monkeypatch.setattr(mae.encoder, "pool", lambda encoded: pool(encoded) + 1)
    after = mae(ecg, seeded())
    assert (after.reconstruction != before.reconstruction)[before.hidden].all()


@pytest.mark.parametrize("name", ["12 leads a patch", "resnet at 100 Hz"])
def test_a_regular_signal_is_learnt(name):
    encoder = ENCODERS[name]
    mae = build(dataclasses.replace(encoder, width=36 if encoder.name == "resnet" else 32), width=32, mask_ratio=0.5)
    time = torch.arange(SAMPLES) / 500  # s
    waves = torch.sin(2 * torch.pi * (1.5 * time + torch.arange(8)[:, None] / 8))  # 8 phases of 1.5 Hz
    ecg = 0.3 * waves[:, None] * torch.linspace(0.2, 1.5, 12)[:, None]
    optimizer = torch.optim.AdamW(mae.parameters(), lr=3e-3)
    generator, losses = seeded(), []
    for _ in range(200):
        loss = mae(ecg, generator).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) / 5 < 0.4 * mae.encoder.input(ecg).var().item()


# tokens


def test_the_transformer_is_given_the_kept_patches_alone():
    mae, ecg = build(TOKENS).eval(), random_ecg()
    patches = mae.encoder.patchify(ecg)
    kept, mask = draw_mask("random", 3, 12, 6, 0.75, seeded())
    latent = mae.forward_encoder(patches, kept)
    assert latent.shape == (3, 1 + 18, 16)
    assert torch.equal(latent, mae.forward_encoder(torch.where(mask.bool()[..., None], 99.0, patches), kept))
    assert not torch.equal(latent, mae.forward_encoder(torch.where(mask.bool()[..., None], patches, 99.0), kept))


def test_kept_tokens_return_to_their_place_in_the_decoder():
    mae = build(TOKENS, depth=0)  # without layers the decoder acts on each token alone
    mae.positions.zero_()
    kept, mask = draw_mask("random", 3, 12, 6, 0.75, seeded())
    latent = torch.randn(3, 19, 16)
    prediction = mae.forward_decoder(latent, kept, mask)
    for row in range(3):
        for token in range(72):
            place = (kept[row] == token).nonzero()
            source = mae.bridge(latent[row, 1 + place.item()]) if len(place) else mae.mask_token[0, 0]
            assert (len(place) == 0) == bool(mask[row, token])
            torch.testing.assert_close(prediction[row, token], mae.head(mae.norm(source)))


def test_a_perfect_prediction_is_the_ecg_in_millivolts(monkeypatch):
    mae, ecg = build(ENCODERS["12 leads a patch"]), random_ecg()
    monkeypatch.setattr(mae, "forward_decoder", lambda *_: mae.encoder.patchify(ecg))
    output = mae(ecg, seeded())
    assert output.loss == 0
    torch.testing.assert_close(output.reconstruction, ecg)


# maps


def test_a_step_of_the_maps_makes_the_samples_that_it_stands_for():
    mae = build(ENCODERS["resnet at 100 Hz"], depth=0)  # without layers the decoder acts on each step alone
    maps = torch.randn(2, 24, 8, requires_grad=True)  # 8 steps of 16 samples, of which 120 are there
    made = mae.forward_decoder(maps, 120)
    assert made.shape == (2, 12, 120)
    (gradient,) = torch.autograd.grad(made[0, 5, 37], maps)  # sample 37 is of step 2
    assert gradient[0, :, 2].all() and gradient.count_nonzero() == 24
    channels = mae.head(mae.bridge(maps))  # a lead's samples lie together
    torch.testing.assert_close(made[1, 5, 37], channels[1, 5 * 16 + 37 % 16, 2])


def test_spans_are_of_the_stated_seconds():
    hidden = build(ENCODERS["resnet at 100 Hz"], masking="time", span=0.3)(random_ecg(1), seeded()).hidden[0, 0]
    assert hidden.tolist() == [bool(first) for first in hidden[::30] for _ in range(30)]
