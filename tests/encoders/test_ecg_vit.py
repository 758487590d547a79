"""The ECG transformer and its masked autoencoder against loops, numpy and torch's own transformer layer."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from eccl.config import ECGEncoderConfig, MAEConfig, preset
from eccl.encoders.ecg_vit import ECGViT, patchify, unpatchify
from eccl.encoders.masked_autoencoder import ECGMaskedAutoencoder, random_mask
from eccl.encoders.signal import UNITS_PER_MILLIVOLT
from eccl.encoders.transformer import Block, sincos_positions_2d

JOINT = ECGEncoderConfig(patch_leads=12, patch_samples=50, width=16, depth=2, heads=2)
SINGLE = ECGEncoderConfig(patch_leads=1, patch_samples=100, width=16, depth=1, heads=2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_ecg(batch=3, samples=600, seed=0):
    return 0.2 * torch.randn(batch, 12, samples, generator=seeded(seed))


def autoencoder(encoder=SINGLE, samples=600, **settings):
    torch.manual_seed(0)
    config = MAEConfig(**{"width": 16, "depth": 1, "heads": 2, **settings})
    return ECGMaskedAutoencoder(ECGViT(encoder, samples), config)


@pytest.mark.parametrize("leads, samples", [(12, 50), (1, 100), (3, 20)])
def test_patches_are_lead_groups_by_time(leads, samples):
    ecg = random_ecg()
    patches = patchify(ecg, leads, samples)
    row = 0
    for group in range(12 // leads):
        for column in range(600 // samples):
            block = ecg[:, group * leads : (group + 1) * leads, column * samples : (column + 1) * samples]
            assert torch.equal(patches[:, row], block.flatten(1))
            row += 1
    assert patches.shape == (3, row, leads * samples)
    assert torch.equal(unpatchify(patches, 12, leads, samples), ecg)


def test_positions_equal_a_double_loop():
    width, rows, columns = 24, 3, 5
    positions = sincos_positions_2d(width, rows, columns)
    n = width // 4
    for row in range(rows):
        for column in range(columns):
            expected = [
                function(np.pi * place / 100 ** (k / n))
                for place in (row, column)
                for function in (np.sin, np.cos)
                for k in range(n)
            ]
            np.testing.assert_allclose(positions[row, column].numpy(), expected, atol=1e-6)


def test_block_equals_torchs_pre_norm_layer():
    torch.manual_seed(0)
    block = Block(24, heads=3, mlp_ratio=2.0)
    layer = nn.TransformerEncoderLayer(
        24, 3, 48, dropout=0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    pairs = {
        "self_attn.in_proj_": block.attention.qkv,
        "self_attn.out_proj.": block.attention.project,
        "linear1.": block.mlp[0],
        "linear2.": block.mlp[3],
        "norm1.": block.norm_attention,
        "norm2.": block.norm_mlp,
    }
    layer.load_state_dict(
        {f"{name}{key}": value for name, ours in pairs.items() for key, value in ours.state_dict().items()}
    )
    x = torch.randn(2, 7, 24)
    torch.testing.assert_close(block(x), layer(x), rtol=1e-4, atol=1e-5)


def test_attention_maps_are_the_attention_of_the_forward_pass():
    torch.manual_seed(0)
    encoder = ECGViT(JOINT, 600).eval()
    ecg = random_ecg()
    h, maps = encoder.forward_attention(ecg)
    torch.testing.assert_close(h, encoder(ecg))
    assert maps.shape == (2, 3, 2, 13, 13)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 3, 2, 13))
    attention, x = encoder.transformer.blocks[0].attention, torch.randn(3, 13, 16)
    naive = (attention.weights(x) @ attention.queries_keys_values(x)[2]).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attention.project(naive), attention(x))


def test_a_shorter_ecg_takes_the_first_positions():
    torch.manual_seed(0)
    long, short = ECGViT(SINGLE, 600), ECGViT(SINGLE, 300)
    short.load_state_dict(long.state_dict())
    ecg = random_ecg(samples=300)
    torch.testing.assert_close(long(ecg), short(ecg))


@pytest.mark.parametrize(
    "shape, words", [((2, 12, 700), "700.*600"), ((2, 12, 150), "150.*100"), ((2, 8, 600), "8.*12")]
)
def test_an_ecg_that_does_not_fit_is_named(shape, words):
    with pytest.raises(ValueError, match=words):
        ECGViT(SINGLE, 600)(torch.zeros(shape))


@pytest.mark.parametrize(
    "setting, words", [({"patch_leads": 5}, "12 leads"), ({"heads": 3}, "3 heads"), ({"width": 18}, "18")]
)
def test_sizes_that_do_not_fit_are_errors(setting, words):
    with pytest.raises(ValueError, match=words):
        ECGViT(dataclasses.replace(JOINT, **setting), 600)


def test_amplitude_reaches_the_tokens_unnormalised():
    encoder = ECGViT(JOINT, 600)
    ecg = random_ecg()
    zero = encoder.embed(encoder.patchify(torch.zeros_like(ecg)))
    once, twice = (encoder.embed(encoder.patchify(k * ecg)) - zero for k in (1, 2))
    torch.testing.assert_close(twice, 2 * once)


def test_the_place_of_a_patch_matters():
    torch.manual_seed(0)
    encoder = ECGViT(SINGLE, 600).eval()
    ecg = random_ecg()
    later, other_lead = ecg.roll(100, dims=2), ecg.roll(1, dims=1)
    assert (encoder(ecg) - encoder(later)).abs().max() > 1e-3
    assert (encoder(ecg) - encoder(other_lead)).abs().max() > 1e-3


def test_the_papers_patching_gives_600_tokens():
    encoder = ECGViT(dataclasses.replace(preset("paper").ecg, width=16, depth=1, heads=1))
    assert encoder.embed(encoder.patchify(torch.zeros(1, 12, 5000))).shape == (1, 600, 16)


def test_dropout_is_on_in_training_only():
    encoder = ECGViT(dataclasses.replace(JOINT, dropout=0.5), 600)
    ecg = random_ecg()
    assert not torch.equal(encoder(ecg), encoder(ecg))
    encoder.eval()
    assert torch.equal(encoder(ecg), encoder(ecg))


def test_masks_keep_the_stated_share_and_follow_the_generator():
    kept, mask = random_mask(64, 72, 0.75, seeded(1))
    assert kept.shape == (64, 18) and set(mask.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(mask.sum(1), torch.full((64,), 54.0))
    assert torch.equal(mask.gather(1, kept), torch.zeros(64, 18))
    assert torch.equal(mask, random_mask(64, 72, 0.75, seeded(1))[1])
    assert not torch.equal(mask, random_mask(64, 72, 0.75, seeded(2))[1])
    removed = mask.mean(0)  # 64 draws of 0.75: five standard deviations are 0.27
    assert (removed - 0.75).abs().max() < 0.27
    over_leads = mask.view(64, 12, 6)  # masking is over lead x time, not over time alone
    assert (over_leads != over_leads[:, :1]).any(dim=(1, 2)).all()


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.5])
def test_a_mask_ratio_that_masks_nothing_or_all_is_an_error(ratio):
    with pytest.raises(ValueError, match=str(ratio)):
        random_mask(2, 10, ratio, seeded())


def test_the_encoder_sees_kept_patches_only():
    mae = autoencoder().eval()
    ecg = random_ecg()
    patches = mae.encoder.patchify(ecg)
    kept, mask = random_mask(3, 72, 0.75, seeded())
    latent = mae.forward_encoder(patches, kept)
    assert latent.shape == (3, 1 + 18, 16)
    assert torch.equal(latent, mae.forward_encoder(torch.where(mask.bool()[..., None], 99.0, patches), kept))
    assert not torch.equal(latent, mae.forward_encoder(torch.where(mask.bool()[..., None], patches, 99.0), kept))


def test_kept_tokens_return_to_their_place_in_the_decoder():
    mae = autoencoder(depth=0)  # without layers the decoder acts on each token alone
    mae.positions.zero_()
    kept, mask = random_mask(3, 72, 0.75, seeded())
    latent = torch.randn(3, 19, 16)
    prediction = mae.forward_decoder(latent, kept, mask)
    for row in range(3):
        for token in range(72):
            place = (kept[row] == token).nonzero()
            source = mae.bridge(latent[row, 1 + place.item()]) if len(place) else mae.mask_token[0, 0]
            assert (len(place) == 0) == bool(mask[row, token])
            torch.testing.assert_close(prediction[row, token], mae.head(mae.norm(source)))


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_is_over_masked_patches_by_a_double_loop(weight):
    mae = autoencoder(correlation_weight=weight)
    patches, prediction = torch.randn(2, 3, 72, 100, generator=seeded())
    mask = random_mask(3, 72, 0.75, seeded())[1]
    squares, correlations = [], []
    for row in range(3):
        target, guess = [], []
        for token in range(72):
            if mask[row, token]:
                target += patches[row, token].tolist()
                guess += prediction[row, token].tolist()
        squares += [(a - b) ** 2 for a, b in zip(target, guess)]
        correlations.append(np.corrcoef(target, guess)[0, 1])
    expected = (1 - weight) * np.mean(squares) + weight * (1 - np.mean(correlations))
    assert mae.forward_loss(patches, prediction, mask).item() == pytest.approx(expected, rel=1e-5)
    elsewhere = prediction + 7 * (1 - mask[..., None])
    assert mae.forward_loss(patches, elsewhere, mask).item() == pytest.approx(expected, rel=1e-5)


def test_the_correlation_ignores_scale_and_offset():
    mae = autoencoder(correlation_weight=1.0)
    patches, mask = torch.randn(3, 72, 100), random_mask(3, 72, 0.75, seeded())[1]
    assert mae.forward_loss(patches, 3 * patches + 5, mask).item() == pytest.approx(0, abs=1e-5)
    assert mae.forward_loss(patches, -patches, mask).item() == pytest.approx(2, abs=1e-5)


@pytest.mark.parametrize("config", [JOINT, SINGLE])
def test_a_perfect_prediction_is_the_ecg_in_millivolts(config, monkeypatch):
    mae = autoencoder(config)
    ecg = random_ecg()
    monkeypatch.setattr(mae, "forward_decoder", lambda *_: mae.encoder.patchify(ecg))
    output = mae(ecg, seeded())
    assert output.loss == 0
    torch.testing.assert_close(output.reconstruction, ecg)


def test_the_loss_is_in_the_stated_unit(monkeypatch):
    mae = autoencoder()
    monkeypatch.setattr(mae, "forward_decoder", lambda *_: torch.zeros(3, 72, 100))
    loss = mae(torch.full((3, 12, 600), 0.4), seeded()).loss.item()
    assert loss == pytest.approx((0.4 * UNITS_PER_MILLIVOLT) ** 2)


def test_gradient_reaches_every_parameter_of_the_autoencoder():
    mae = autoencoder(JOINT)
    mae(random_ecg(), seeded()).loss.backward()
    assert [name for name, p in mae.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_autoencoder_learns_a_regular_signal():
    mae = autoencoder(dataclasses.replace(JOINT, width=32, depth=1), width=32, mask_ratio=0.5)
    time = torch.arange(600) / 500  # s
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
    assert np.mean(losses[-5:]) < 0.3 * mae.encoder.patchify(ecg).var().item()  # 0.15 when written
