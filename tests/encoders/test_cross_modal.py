"""The cross-modal autoencoder: shapes, the error by hand, the latent that is drawn from, and that it learns."""

import numpy as np
import pytest
import torch

from eccl.config import CMREncoderConfig, ECGEncoderConfig
from eccl.encoders.cross_modal import CrossModalAutoencoder, mixed

ECG = ECGEncoderConfig(width=24)
CMR = CMREncoderConfig(width=16)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CrossModalAutoencoder(ECG, CMR, 8)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(1)
    return 0.3 * torch.randn(2, 12, 5000, generator=generator), torch.rand(2, 50, 80, 80, generator=generator)


@pytest.mark.parametrize("rate", [500, 250, 100])
def test_both_views_come_back_in_their_own_shape(rate, pair):
    torch.manual_seed(0)
    model = CrossModalAutoencoder(ECGEncoderConfig(width=24, sampling_rate=rate), CMR, 8)
    z_ecg, z_cmr = model.encode(*pair)
    assert z_ecg.shape == z_cmr.shape == (2, 8)
    drawn = model.draw(z_ecg)
    assert drawn.ecg.shape == (2, 12, 10 * rate) and drawn.cine.shape == (2, 50, 80, 80)


def test_the_error_is_that_of_a_loop_over_samples_and_pixels(model, pair):
    ecg, cine = pair
    with torch.no_grad():
        drawn = model.draw(model.encode(*pair)[0])
        signal = model.ecg.input(ecg).numpy().astype(float)
        of_ecg = np.mean([(a - b) ** 2 for a, b in zip(drawn.ecg.numpy().ravel(), signal.ravel())])
        pixels = cine.numpy().astype(float)
        of_cine = ((drawn.cine.numpy() - pixels) ** 2).mean() / pixels.var(ddof=1)
        assert float(model.error(drawn, ecg, cine)) == pytest.approx(of_ecg + of_cine, rel=1e-4)


def test_a_latent_is_of_either_or_of_both_a_third_each():
    one, two = torch.zeros(3000, 2), torch.ones(3000, 2)
    z = mixed(one, two, torch.Generator().manual_seed(0))
    assert (z[:, 0] == z[:, 1]).all() and set(z.unique().tolist()) == {0.0, 0.5, 1.0}
    assert all((z[:, 0] == value).float().mean() == pytest.approx(1 / 3, abs=0.03) for value in (0, 0.5, 1))


def test_it_learns_to_draw_a_pair(model, pair):
    ecg, cine = 0.1 * torch.sin(torch.arange(5000) / 40).expand(2, 12, 5000), pair[1].mean(dim=1, keepdim=True)
    cine = cine.expand(2, 50, 80, 80)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    errors = []
    for _ in range(12):
        error = model.error(model.draw(model.encode(ecg, cine)[1]), ecg, cine)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < 0.6 * errors[0]
