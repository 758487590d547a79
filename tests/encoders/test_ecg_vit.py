"""The ECG transformer against loops, numpy and torch's own transformer layer."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from eccl.config import ECGEncoderConfig, preset
from eccl.encoders.ecg_vit import ECGViT, patchify, unpatchify
from eccl.encoders.transformer import Block, sincos_positions_2d

JOINT = ECGEncoderConfig(sampling_rate=500, patch_leads=12, patch_samples=50, width=16, depth=2, heads=2)
SINGLE = ECGEncoderConfig(sampling_rate=500, patch_leads=1, patch_samples=100, width=16, depth=1, heads=2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_ecg(batch=3, samples=600, seed=0):
    return 0.2 * torch.randn(batch, 12, samples, generator=seeded(seed))


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
