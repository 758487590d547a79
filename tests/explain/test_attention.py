"""Attention rollout against a plain loop, and without a change of the feature."""

import numpy as np
import pytest
import torch

from eccl.config import ECGEncoderConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.explain.attention import attention_rollout, gradient_attention_rollout, gradient_rollout, rollout

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


def test_where_all_gradients_are_one_it_is_the_plain_rollout():
    maps = maps_of()
    torch.testing.assert_close(gradient_rollout(maps, torch.ones_like(maps)), rollout(maps))


def test_where_nothing_is_mixed_or_nothing_raises_the_score_each_token_stays_itself():
    identity = torch.eye(5).expand(4, 1, 2, 5, 5)
    torch.testing.assert_close(gradient_rollout(identity, torch.ones_like(identity))[0], torch.eye(5))
    maps = maps_of().float()
    torch.testing.assert_close(gradient_rollout(maps, -torch.rand_like(maps)), torch.eye(6).expand(2, 6, 6))


def test_the_gradient_rollout_is_the_published_rule_in_a_loop():
    maps = maps_of()
    gradients = torch.randn_like(maps)
    found = gradient_rollout(maps, gradients)
    for person in range(2):
        relevance = np.eye(6)
        for attention, gradient in zip(maps[:, person].numpy(), gradients[:, person].numpy()):
            relevance = relevance + np.maximum(gradient * attention, 0).mean(axis=0) @ relevance
        np.testing.assert_allclose(found[person], relevance / relevance.sum(axis=1, keepdims=True))


def test_the_gradients_are_those_of_the_scores_by_the_attention(encoder):
    torch.manual_seed(1)
    ecg, weights = torch.randn(2, 12, 5000), torch.randn(32, 3)
    encoder.requires_grad_(False)
    found = gradient_attention_rollout(encoder, lambda x: encoder(x) @ weights, ecg)
    assert found.shape == (2, 3, 12, 1000) and (found >= 0).all() and not found.requires_grad
    assert not any(block.attention._forward_hooks for block in encoder.transformer.blocks)
    tokens, maps, kept = encoder.transformer.prepend(encoder.embed(encoder.patchify(ecg))), [], encoder.transformer
    for block in kept.blocks:  # the layers written out
        inside = block.norm_attention(tokens)
        q, k, v = block.attention.queries_keys_values(inside)
        maps.append((q @ k.transpose(-2, -1) / 4).softmax(dim=-1).requires_grad_())
        tokens = tokens + block.attention.project((maps[-1] @ v).transpose(1, 2).flatten(2))
        tokens = tokens + block.mlp(block.norm_mlp(tokens))
    score = (encoder.pool(kept.norm(tokens)) @ weights)[:, 1].sum()
    arrived = gradient_rollout(torch.stack(maps).detach(), torch.stack(torch.autograd.grad(score, maps)))
    expected = encoder.pool(arrived)[:, 1:].reshape(2, 4, 20) / 150
    torch.testing.assert_close(found[:, 1].reshape(2, 4, 3, 20, 50)[:, :, 0, :, 0], expected, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("explain", [attention_rollout, lambda net, ecg: gradient_attention_rollout(net, net, ecg)])
def test_a_residual_network_has_no_attention(explain):
    with pytest.raises(TypeError, match="ECGResNet has no attention"):
        explain(ecg_encoder(ECGEncoderConfig(width=24)), torch.zeros(1, 12, 5000))
