"""Each loss against a plain loop over numbers, and at its limits."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from eccl.config import LossConfig
from eccl.training.losses import (
    Contrast,
    clip_loss,
    contrastive_logits,
    gather,
    nt_xent_loss,
    trait_loss,
    triplet_loss,
)


def embeddings(batch=7, width=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(2, batch, width, generator=generator, dtype=torch.float64), dim=-1).float()


def loop_infonce(anchors, others, temperature, within):
    """Mean over anchors of -log softmax at their own pair; `within` adds the anchor's modality to the negatives."""
    total = 0.0
    for i, anchor in enumerate(anchors):
        scores = [math.exp(float(anchor @ other) / temperature) for other in others]
        same = [math.exp(float(anchor @ a) / temperature) for j, a in enumerate(anchors) if j != i] if within else []
        total -= math.log(scores[i] / (sum(scores) + sum(same)))
    return total / len(anchors)


def loop_triplet(anchors, others, margin):
    total = 0.0
    for i, anchor in enumerate(anchors):
        distances = [float(np.linalg.norm(anchor - other)) for other in others]
        negatives = [d for j, d in enumerate(distances) if j != i]
        farther = [d for d in negatives if d > distances[i]]
        negative = min(farther) if farther else max(negatives)
        total += max(0.0, distances[i] - negative + margin)
    return total / len(anchors)


def test_logits_are_cosines_over_temperature():
    a, b = embeddings()
    logits = contrastive_logits(a, b[:4], 0.2)
    assert logits.shape == (7, 4)
    for i in range(7):
        for j in range(4):
            assert logits[i, j].item() == pytest.approx(np.dot(a[i].numpy(), b[j].numpy()) / 0.2, abs=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
@pytest.mark.parametrize("loss, within", [(clip_loss, False), (nt_xent_loss, True)])
def test_infonce_equals_the_double_loop(loss, within, temperature, alpha):
    a, b = embeddings()
    x, y = a.numpy().astype(float), b.numpy().astype(float)
    expected = alpha * loop_infonce(x, y, temperature, within) + (1 - alpha) * loop_infonce(y, x, temperature, within)
    assert loss(a, b, temperature, alpha).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("margin", [0.1, 0.5, 2.5])
@pytest.mark.parametrize("seed", range(5))
def test_triplet_equals_the_search_over_all_triplets(margin, seed):
    a, b = embeddings(seed=seed)
    x, y = a.numpy().astype(float), b.numpy().astype(float)
    expected = 0.5 * (loop_triplet(x, y, margin) + loop_triplet(y, x, margin))
    assert triplet_loss(a, b, margin).item() == pytest.approx(expected, rel=1e-5)


def test_triplet_takes_the_farthest_where_no_negative_is_farther_than_the_pair():
    a = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    b = torch.tensor([[-1.0, 0.0], [0.6, 0.8]])  # the first pair is as far apart as can be
    x, y = a.numpy(), b.numpy()
    expected = 0.5 * (loop_triplet(x, y, 1.0) + loop_triplet(y, x, 1.0))
    assert triplet_loss(a, b, 1.0).item() == pytest.approx(expected, rel=1e-6)
    assert expected > 1.0


@pytest.mark.parametrize("loss", [clip_loss, nt_xent_loss, triplet_loss])
def test_symmetric_and_blind_to_the_order_of_the_batch(loss):
    a, b = embeddings()
    torch.testing.assert_close(loss(a, b), loss(b, a))
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(loss(a[order], b[order]), loss(a, b))
    assert loss(a, b.roll(1, 0)) != loss(a, b)


def test_alpha_exchanges_the_directions():
    a, b = embeddings()
    for loss in (clip_loss, nt_xent_loss):
        torch.testing.assert_close(loss(a, b, alpha=0.2), loss(b, a, alpha=0.8))
        assert not torch.isclose(loss(a, b, alpha=0.2), loss(a, b, alpha=0.8))


def test_limits_of_infonce():
    a, b = embeddings()
    assert clip_loss(a, b, temperature=1e4).item() == pytest.approx(math.log(7), abs=1e-3)
    assert nt_xent_loss(a, b, temperature=1e4).item() == pytest.approx(math.log(13), abs=1e-3)
    same = torch.eye(5)
    for loss in (clip_loss, nt_xent_loss):
        assert loss(same, same, temperature=0.01).item() == pytest.approx(0, abs=1e-6)
        collapsed = torch.ones(4, 3) / math.sqrt(3)
        chance = math.log(4) if loss is clip_loss else math.log(7)
        assert loss(collapsed, collapsed).item() == pytest.approx(chance, abs=1e-5)


def test_limits_of_the_triplet():
    same = torch.eye(5)
    assert triplet_loss(same, same, margin=1.0).item() == 0  # every negative lies sqrt(2) farther
    assert triplet_loss(same, same, margin=2.5).item() == pytest.approx(2.5 - math.sqrt(2))


@pytest.mark.parametrize("loss", [clip_loss, nt_xent_loss, triplet_loss])
def test_gradients_are_finite_also_where_pairs_coincide_and_for_a_single_pair(loss):
    for z in (torch.eye(5), torch.eye(5)[:1]):
        a, b = z.clone().requires_grad_(), z.clone().requires_grad_()
        value = loss(a, b)
        value.backward()
        assert value.isfinite() and a.grad.isfinite().all() and b.grad.isfinite().all()


@pytest.mark.parametrize("loss", [clip_loss, nt_xent_loss, triplet_loss])
def test_gradient_equals_finite_differences(loss):
    a, b = embeddings(batch=4, width=3)
    a.requires_grad_()
    loss(a, b).backward()
    step = 1e-2
    for index in np.ndindex(*a.shape):
        up, down = a.detach().clone(), a.detach().clone()
        up[index] += step
        down[index] -= step
        slope = (loss(up, b) - loss(down, b)).item() / (2 * step)
        assert a.grad[index].item() == pytest.approx(slope, abs=2e-2)


def test_losses_keep_their_digits_in_mixed_precision():
    a, b = embeddings()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for loss in (clip_loss, nt_xent_loss, triplet_loss):
            mixed = loss(a, b)
            assert mixed.dtype == torch.float32
            with torch.autocast("cpu", enabled=False):
                torch.testing.assert_close(mixed, loss(a, b))


def test_trait_loss_is_the_mean_square():
    prediction, target = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    assert trait_loss(prediction, target).item() == pytest.approx((1 + 4 + 9) / 4)


def test_a_config_chooses_the_loss_and_its_settings():
    a, b = embeddings()
    settings = {"temperature": 0.3, "alpha": 0.7, "margin": 0.4}
    expected = {
        "clip": clip_loss(a, b, 0.3, 0.7),
        "nt_xent": nt_xent_loss(a, b, 0.3, 0.7),
        "triplet": triplet_loss(a, b, 0.4),
    }
    for name, value in expected.items():
        assert torch.equal(Contrast(LossConfig(name=name, **settings))(a, b), value)
    with pytest.raises(ValueError, match="barlow"):
        Contrast(LossConfig(name="barlow"))


def test_gather_is_the_identity_in_one_process():
    z = torch.eye(3)
    assert gather(z) is z
