"""Masks: as many cells for every ECG, whole columns or rows where asked for; and a loss over hidden samples alone."""

import numpy as np
import pytest
import torch

from eccl.encoders.masking import MASKINGS, draw_mask, reconstruction_loss

ROWS, COLUMNS = 4, 20


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(kind, batch=64, ratio=0.75, seed=1):
    kept, mask = draw_mask(kind, batch, ROWS, COLUMNS, ratio, seeded(seed))
    return kept, mask, mask.view(batch, ROWS, COLUMNS)


@pytest.mark.parametrize("kind", MASKINGS)
def test_masks_keep_the_stated_share_and_follow_the_generator(kind):
    kept, mask, _ = draw(kind)
    assert kept.shape == (64, 20) and set(mask.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(mask.sum(1), torch.full((64,), 60.0))
    assert torch.equal(mask.gather(1, kept), torch.zeros(64, 20))
    assert torch.equal(mask, draw(kind)[1]) and not torch.equal(mask, draw(kind, seed=2)[1])
    removed = draw(kind, batch=1000)[1].mean(0)  # 1000 draws of 0.75: five standard deviations are 0.07
    assert (removed - 0.75).abs().max() < 0.07


def test_random_masks_hide_leads_and_moments_apart():
    grid = draw("random")[2]
    assert (grid != grid[:, :1]).any(dim=(1, 2)).all() and (grid != grid[..., :1]).any(dim=(1, 2)).all()


def test_masks_of_time_hide_all_leads_at_once_and_masks_of_leads_a_lead_as_a_whole():
    assert torch.equal(draw("time")[2], draw("time")[2][:, :1].expand(-1, ROWS, -1))
    assert torch.equal(draw("lead")[2], draw("lead")[2][..., :1].expand(-1, -1, COLUMNS))
    in_part = draw("lead", ratio=0.6)[2].mean(dim=2)  # a row and 12 of 20 cells of another are kept
    assert sorted(in_part[0].tolist()) == pytest.approx([0.0, 0.4, 1.0, 1.0])


def test_mixed_masks_are_of_all_three_kinds():
    grid = draw("mixed")[2]
    by_time = (grid == grid[:, :1]).all(dim=2).all(dim=1)
    by_lead = (grid == grid[..., :1]).all(dim=2).all(dim=1)
    for share in (by_time, by_lead, ~by_time & ~by_lead):
        assert 8 < share.sum() < 36


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.5])
def test_a_mask_ratio_that_hides_nothing_or_all_is_an_error(ratio):
    with pytest.raises(ValueError, match=str(ratio)):
        draw("random", ratio=ratio)


def test_a_masking_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(ValueError, match="'times'; it is one of random, time, lead, mixed"):
        draw("times")


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_is_over_hidden_samples_by_a_double_loop(weight):
    target, guess = torch.randn(2, 3, 12, 50, generator=seeded())
    hidden = torch.rand(3, 12, 50, generator=seeded(1)) < 0.7  # not as many in each row
    squares, correlations = [], []
    for row in range(3):
        samples = zip(*(x[row].flatten().tolist() for x in (target, guess, hidden)))
        pairs = [(a, b) for a, b, gone in samples if gone]
        squares.append(np.mean([(a - b) ** 2 for a, b in pairs]))
        correlations.append(np.corrcoef(*zip(*pairs))[0, 1])
    expected = (1 - weight) * np.mean(squares) + weight * (1 - np.mean(correlations))
    assert reconstruction_loss(target, guess, hidden, weight).item() == pytest.approx(expected, rel=1e-5)
    elsewhere = torch.where(hidden, guess, torch.nan)
    assert reconstruction_loss(target, elsewhere, hidden, weight).item() == pytest.approx(expected, rel=1e-5)


def test_the_correlation_ignores_scale_and_offset():
    target, hidden = torch.randn(3, 12, 50, generator=seeded()), torch.rand(3, 12, 50, generator=seeded(1)) < 0.7
    assert reconstruction_loss(target, 3 * target + 5, hidden, 1.0).item() == pytest.approx(0, abs=1e-5)
    assert reconstruction_loss(target, -target, hidden, 1.0).item() == pytest.approx(2, abs=1e-5)
