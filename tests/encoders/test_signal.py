"""What an encoder does to an ECG before any weight: its rate behind a filter, and its unit."""

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from eccl.config import ECGEncoderConfig
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.signal import UNITS_PER_MILLIVOLT, Input, low_pass, per_lead


def tone(hertz: float, seconds: float = 10.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hertz * torch.arange(int(500 * seconds)) / 500).expand(1, 12, -1)


def test_at_the_rate_of_a_cohort_only_the_unit_changes():
    x = tone(5)
    assert torch.equal(Input(ECGEncoderConfig(sampling_rate=500))(x), x * UNITS_PER_MILLIVOLT)


@pytest.mark.parametrize(("rate", "passed", "stopped"), [(100, 20.0, 80.0), (250, 60.0, 190.0)])
def test_what_a_lower_rate_holds_passes_and_the_rest_does_not_fold_into_it(rate, passed, stopped):
    take = Input(ECGEncoderConfig(sampling_rate=rate))
    middle = slice(rate, -rate)  # away from the edges
    low, high = (take(tone(hertz))[0, 0, middle] / UNITS_PER_MILLIVOLT for hertz in (passed, stopped))
    assert take(tone(1)).shape == (1, 12, 10 * rate)
    assert low.abs().max() == pytest.approx(1, abs=0.05) and high.abs().max() < 0.02


def test_a_slow_signal_is_that_of_an_independent_resampler():
    x = tone(3) + 0.5 * tone(17)
    ours = Input(ECGEncoderConfig(sampling_rate=100))(x)[0, 0].numpy() / UNITS_PER_MILLIVOLT
    theirs = resample_poly(x[0, 0].numpy(), 1, 5)
    np.testing.assert_allclose(ours[50:-50], theirs[50:-50], atol=0.02)


@pytest.mark.parametrize("factor", [2, 5])
def test_the_filter_keeps_a_constant_and_has_no_side(factor):
    taps = low_pass(factor)
    assert float(taps.sum()) == pytest.approx(1, abs=1e-6) and torch.equal(taps, taps.flip(0))
    level = torch.full((2, 12, 500), 0.7)
    at = Input(ECGEncoderConfig(sampling_rate=500 // factor))(level)
    torch.testing.assert_close(at, torch.full_like(at, 0.7 * UNITS_PER_MILLIVOLT))


def test_leads_scaled_to_one_lose_their_voltage_and_nothing_else():
    x = tone(2) * torch.arange(1, 13)[None, :, None]
    scaled = per_lead(x)
    assert scaled.amax() == pytest.approx(1, abs=1e-6) and scaled.amin() == pytest.approx(-1, abs=1e-6)
    torch.testing.assert_close(scaled[:, 0], scaled[:, 11])
    assert not per_lead(torch.ones(1, 12, 50)).any()
    take = Input(ECGEncoderConfig(amplitude="lead"))
    torch.testing.assert_close(take(3 * x), take(x))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling_rate": 300}, "300 Hz is no whole fraction"),
        ({"amplitude": "volt"}, "one of millivolt, lead"),
        ({"name": "s4"}, "no ECG encoder is named 's4'"),
        ({"name": "resnet", "width": 64}, "does not divide by 6"),
        ({"name": "vit", "pooling": "max"}, "one of class, mean"),
        ({"name": "vit", "patch_samples": 300}, "do not divide into patches"),
    ],
)
def test_settings_that_do_not_exist_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ecg_encoder(ECGEncoderConfig(**settings))


@pytest.mark.parametrize(("leads", "count"), [("all", 12), ("limb", 6), ("I", 1)])
@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_leads_that_are_not_seen_change_nothing(leads, count, name):
    torch.manual_seed(0)
    encoder = ecg_encoder(ECGEncoderConfig(name=name, leads=leads, width=24, heads=2)).eval()
    ecg = torch.randn(2, 12, 5000)
    other = torch.cat([ecg[:, :count], torch.randn(2, 12 - count, 5000)], dim=1)
    assert torch.equal(encoder(ecg), encoder(other))
    assert not torch.equal(encoder(ecg), encoder(torch.cat([-ecg[:, :1], other[:, 1:]], dim=1)))


def test_leads_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="the leads are 'V1'; they are one of all, limb, I"):
        Input(ECGEncoderConfig(leads="V1"))
