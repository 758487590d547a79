"""Attention rollout against a plain loop, and without a change of the feature."""

import numpy as np
import pytest
import torch

from eccl.config import ECGEncoderConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.explain.attention import attention_rollout, rollout

VIT = ECGEncoderConfig(name="vit", sampling_rate=100, patch_samples=50, width=32, heads=2, depth=3)


@pytest.fixture(params=["class", "mean"])
def encoder(request):
    from dataclasses import replace

    torch.manual_seed(0)
    return ecg_encoder(replace(VIT, pooling=request.param)).eval()


def maps_of(depth=3, people=2, heads=4, tokens=6):
    return torch.randn(depth, people, heads, tokens, tokens, dtype=torch.float64).softmax(dim=-1)


def test_rollout_is_the_product_of_the_layers_and_rows_sum_to_one():
    maps = maps_of()
    found = rollout(maps)
    for person in range(2):
        expected = np.eye(6)
        for layer in maps[:, person].numpy():
            expected = (0.5 * layer.mean(axis=0) + 0.5 * np.eye(6)) @ expected
        np.testing.assert_allclose(found[person], expected)
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(2, 6, dtype=torch.float64))


def test_where_nothing_is_mixed_each_token_stays_itself():
    identity = torch.eye(5).expand(4, 1, 2, 5, 5)
    torch.testing.assert_close(rollout(identity)[0], torch.eye(5))


def test_the_feature_is_that_of_the_encoder(encoder):
    ecg = torch.randn(2, 12, 5000)
    feature, maps = encoder.forward_attention(ecg)
    torch.testing.assert_close(feature, encoder(ecg), rtol=0, atol=0)
    assert maps.shape == (3, 2, 2, 81, 81)


def test_a_patch_has_one_value_and_all_sum_to_what_arrives(encoder):
    ecg = torch.randn(2, 12, 5000)
    found = attention_rollout(encoder, ecg)
    assert found.shape == (2, 12, 1000) and (found >= 0).all()
    patches = found.reshape(2, 4, 3, 20, 50)
    assert (patches == patches[:, :, :1, :, :1]).all()
    arrived = rollout(encoder.forward_attention(ecg)[1].detach())
    kept = encoder.pool(arrived)[:, 0]
    torch.testing.assert_close(found.sum(dim=(1, 2)), 1 - kept)


def test_a_residual_network_has_no_attention():
    with pytest.raises(TypeError, match="ECGResNet has no attention"):
        attention_rollout(ecg_encoder(ECGEncoderConfig(width=24)), torch.zeros(1, 12, 5000))
