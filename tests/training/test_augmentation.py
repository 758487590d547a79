"""Augmentations: sampled apart from applied, exact where they change nothing, right in direction, size and unit."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.ndimage import rotate

from eccl.config import CineAugmentation, ECGAugmentation, preset
from eccl.training.augmentation import CineParameters, ECGParameters, sample


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def ecg(generator):
    return torch.randn(5, 12, 1000, generator=generator)


@pytest.fixture
def cine(generator):
    return torch.rand(5, 6, 40, 40, generator=generator)


BOTH = [(ECGAugmentation(), "ecg"), (CineAugmentation(noise=0.02), "cine")]


@pytest.mark.parametrize(("augmentation", "name"), BOTH)
def test_the_same_seed_gives_the_same_batch_and_another_another(augmentation, name, request):
    x = request.getfixturevalue(name)
    kept = x.clone()
    results = []
    for seed in (1, 1, 2):
        parameters = sample(augmentation, len(x), torch.Generator().manual_seed(seed))
        results.append(parameters.apply(x))
        assert torch.equal(parameters.apply(x), results[-1])  # no randomness of its own
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])
    assert torch.equal(x, kept)
    assert results[0].shape == x.shape and results[0].dtype == x.dtype


@pytest.mark.parametrize(
    ("augmentation", "parameters", "name"),
    [(ECGAugmentation(), ECGParameters, "ecg"), (CineAugmentation(), CineParameters, "cine")],
)
def test_identity_is_exact(augmentation, parameters, name, request):
    x = request.getfixturevalue(name)
    assert torch.equal(parameters.identity(len(x)).apply(x), x)


@pytest.mark.parametrize(
    ("augmentation", "name"),
    [
        (ECGAugmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), "ecg"),
        (CineAugmentation(0.0, 0.0, 1.0, 0.0, 0.0), "cine"),
    ],
)
def test_settings_of_zero_change_nothing(augmentation, name, request, generator):
    x = request.getfixturevalue(name)
    assert torch.equal(sample(augmentation, len(x), generator).apply(x), x)


@pytest.mark.parametrize("which", ["time_flip", "sign_flip"])
def test_a_flip_of_the_ecg_twice_is_none(ecg, which):
    flip = dataclasses.replace(ECGParameters.identity(5), **{which: torch.tensor([True, False, True, False, True])})
    once = flip.apply(ecg)
    expected = ecg.flip(-1) if which == "time_flip" else -ecg
    assert torch.equal(once[::2], expected[::2]) and torch.equal(once[1::2], ecg[1::2])
    assert torch.equal(flip.apply(once), ecg)


def test_a_shift_is_a_roll_and_comes_back(ecg):
    shift = torch.tensor([0, 1, -7, 500, -999])
    there = dataclasses.replace(ECGParameters.identity(5), shift=shift)
    back = dataclasses.replace(there, shift=-shift)
    moved = there.apply(ecg)
    for row, samples in enumerate(shift.tolist()):
        assert torch.equal(moved[row], ecg[row].roll(samples, -1))
    assert torch.equal(back.apply(moved), ecg)


def test_gain_and_dropout_act_lead_by_lead(ecg):
    gain = torch.ones(5, 12)
    gain[1, 3], gain[2, 11] = 0.0, 1.5
    changed = dataclasses.replace(ECGParameters.identity(5), gain=gain).apply(ecg)
    assert (changed[1, 3] == 0).all() and torch.equal(changed[2, 11], ecg[2, 11] * 1.5)
    same = gain == 1
    assert torch.equal(changed[same], ecg[same])


def test_millivolts_are_kept(generator):
    ecg = torch.randn(64, 12, 5000, generator=generator)
    augmentation = ECGAugmentation(lead_dropout=0.0)
    changed = sample(augmentation, 64, generator).apply(ecg)
    ratio = changed.std(dim=-1) / ecg.std(dim=-1)
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert 0.90 < ratio.min() < ratio.max() < 1.10  # (1 +- 0.05)(1 +- 0.03), and a little wander
    assert (changed.mean(dim=-1) - ecg.mean(dim=-1)).abs().max() < 0.06


def test_wander_and_noise_have_the_stated_size():
    still = torch.zeros(2, 12, 5000)
    identity = ECGParameters.identity(2)
    wander = torch.full((2, 12), 0.05)
    swing = dataclasses.replace(identity, wander=wander, wander_rate=torch.tensor([0.2, 0.3])).apply(still)
    seconds = np.arange(5000) / 500
    np.testing.assert_allclose(swing[1, 7], 0.05 * np.sin(2 * np.pi * 0.3 * seconds), atol=1e-5)
    noisy = dataclasses.replace(identity, noise=torch.tensor([0.01, 0.0])).apply(still)
    assert noisy[0].std() == pytest.approx(0.01, rel=0.02) and (noisy[1] == 0).all()


def test_noise_is_white_and_another_in_each_lead_of_each_ecg():
    noise = torch.full((4,), 0.01)
    changed = dataclasses.replace(ECGParameters.identity(4), noise=noise, noise_seed=3).apply(torch.zeros(4, 12, 5000))
    rows = changed.reshape(48, 5000).double()
    together = torch.corrcoef(rows) - torch.eye(48)
    assert together.abs().max() < 0.08  # of 1128 pairs, each of SD 0.014
    after = (rows[:, 1:] * rows[:, :-1]).mean(dim=1) / rows.var(dim=1)
    assert after.abs().max() < 0.08


def test_an_ecg_shifted_and_reversed_is_reversed_last(ecg):
    parameters = dataclasses.replace(
        ECGParameters.identity(5), shift=torch.full((5,), 30), time_flip=torch.tensor([True] * 4 + [False])
    )
    changed = parameters.apply(ecg)
    assert torch.equal(changed[:4], ecg[:4].roll(30, -1).flip(-1)) and torch.equal(changed[4], ecg[4].roll(30, -1))


def test_sampled_ecg_parameters_keep_their_limits(generator):
    p = sample(ECGAugmentation(lead_dropout=0.2, time_flip=0.3), 2000, generator)
    assert p.shift.min() >= -500 and p.shift.max() <= 500 and p.shift.min() < -450 and p.shift.max() > 450
    assert p.wander_rate.min() >= 0.15 and p.wander_rate.max() <= 0.4
    assert (p.gain == 0).float().mean() == pytest.approx(0.2, abs=0.02)
    assert p.time_flip.float().mean() == pytest.approx(0.3, abs=0.04) and not p.sign_flip.any()
    alive = p.gain[p.gain > 0]
    assert alive.min() >= 0.95 * 0.97 and alive.max() <= 1.05 * 1.03 + 1e-6


def test_flips_are_off_unless_asked_for(generator):
    assert not sample(ECGAugmentation(), 500, generator).time_flip.any()
    assert not sample(CineAugmentation(), 500, generator).horizontal_flip.any()
    assert (sample(CineAugmentation(), 500, generator).zoom == 1).all()


def test_the_papers_settings(generator):
    p = sample(preset("paper").ecg_augmentation, 3000, generator)
    assert p.time_flip.float().mean() == pytest.approx(0.33, abs=0.03)
    assert p.sign_flip.float().mean() == pytest.approx(0.33, abs=0.03)
    assert (p.gain == 1).all() and not p.shift.any() and not p.noise.any() and not p.wander.any()
    q = sample(preset("paper").cine_augmentation, 3000, generator)
    assert q.angle.abs().max() == pytest.approx(math.radians(15), rel=0.01)
    assert 0.8 <= q.zoom.min() < 0.81 and q.horizontal_flip.float().mean() == pytest.approx(0.5, abs=0.04)


def one(**changes):
    return dataclasses.replace(
        CineParameters.identity(1), **{name: torch.tensor([value]) for name, value in changes.items()}
    )


def test_a_quarter_turn_is_counter_clockwise(cine):
    turned = one(angle=math.pi / 2).apply(cine[:1])
    torch.testing.assert_close(turned, cine[:1].rot90(1, (-2, -1)), atol=1e-4, rtol=0)


def test_a_small_turn_is_scipys():
    row, column = np.mgrid[:40, :40]
    image = np.exp(-((row - 14) ** 2 + (column - 25) ** 2) / 30) + np.exp(-((row - 26) ** 2 + (column - 18) ** 2) / 60)
    turned = one(angle=math.radians(10)).apply(torch.from_numpy(image)[None, None].float())
    expected = rotate(image, 10, reshape=False, order=1)
    difference = np.abs(turned[0, 0].numpy() - expected)
    assert difference[2:-2, 2:-2].max() < 0.01  # at the very edge the two fade to 0 differently


def test_a_turn_in_an_oblong_image_keeps_distances():
    image = torch.zeros(1, 1, 41, 81)
    image[0, 0, 20, 55] = 1.0  # 15 pixels to the right of the centre
    turned = one(angle=math.pi / 2).apply(image)[0, 0]
    assert divmod(int(turned.argmax()), 81) == (5, 40)  # 15 pixels above it


def test_a_shift_is_in_shares_of_the_image(cine):
    moved = one(shift_row=0.1, shift_column=-0.05).apply(cine[:1])  # 4 down, 2 left
    torch.testing.assert_close(moved[..., 4:, :-2], cine[:1, :, :-4, 2:], atol=1e-4, rtol=0)
    assert moved[..., :3, :].max() == 0


def test_zoom_enlarges_what_is_in_the_centre():
    row, column = torch.meshgrid(torch.arange(80.0), torch.arange(80.0), indexing="ij")
    disc = (((row - 39.5) ** 2 + (column - 39.5) ** 2) < 20**2).float()[None, None]
    larger = one(zoom=0.8).apply(disc)
    assert larger.sum() / disc.sum() == pytest.approx(1 / 0.8**2, rel=0.01)


def test_all_frames_move_together(cine, generator):
    frames = cine[:, :1].expand(-1, 6, -1, -1)
    augmentation = CineAugmentation()
    changed = sample(augmentation, 5, generator).apply(frames)
    assert torch.equal(changed, changed[:, :1].expand_as(changed))


def test_a_horizontal_flip_twice_is_none(cine):
    flip = dataclasses.replace(CineParameters.identity(5), horizontal_flip=torch.tensor([True] * 4 + [False]))
    once = flip.apply(cine)
    assert torch.equal(once[:4], cine[:4].flip(-1)) and torch.equal(once[4], cine[4])
    assert torch.equal(flip.apply(once), cine)


def test_intensity_stays_between_0_and_1(cine, generator):
    augmentation = CineAugmentation(gamma=0.3, noise=0.1)
    changed = sample(augmentation, 5, generator).apply(cine)
    assert changed.min() >= 0 and changed.max() <= 1
    darker = one(gamma=2.0).apply(cine[:1])
    torch.testing.assert_close(darker, cine[:1] ** 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("augmentation", "name"), BOTH)
def test_parameters_sampled_on_the_cpu_serve_a_batch_on_the_gpu(augmentation, name, request, generator):
    x = request.getfixturevalue(name)
    still = dataclasses.replace(augmentation, noise=0.0)  # noise is made on the device, by its own generator
    parameters = sample(still, len(x), generator)
    torch.testing.assert_close(parameters.apply(x.cuda()).cpu(), parameters.apply(x), atol=1e-4, rtol=0)
