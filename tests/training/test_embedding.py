"""What a model makes of participants: in the precision and on the device that it is told."""

import numpy as np
import pytest
import torch

from eccl.config import preset, replace
from eccl.encoders.ecg import ecg_encoder
from eccl.machine import Machine, engine
from eccl.training.embedding import embed

CONFIG = preset("smoke")


def test_the_precision_is_that_of_the_engine(tiny_store):
    encoder, rows, machine = ecg_encoder(CONFIG.ecg).eval(), np.arange(6), Machine("cpu")
    plain = embed(encoder, tiny_store, rows)
    np.testing.assert_array_equal(embed(encoder, tiny_store, rows, fabric=engine(machine)), plain)
    half = embed(encoder, tiny_store, rows, fabric=engine(machine, "bf16-mixed"))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = encoder(tiny_store.batch(rows)["ecg"]).float().numpy()
    np.testing.assert_allclose(half, expected, rtol=1e-2, atol=1e-2)
    assert half.dtype == np.float32 and 0 < np.abs(half - plain).max() < 0.2


def test_no_gpu_is_taken_unasked(tiny_store, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    embed(ecg_encoder(CONFIG.ecg), tiny_store, np.arange(2))  # were it sent there, there would be none


def test_embedding_leaves_the_encoder_as_it_was(tiny_store):
    encoder = ecg_encoder(replace(CONFIG.ecg, dropout=0.5)).train()
    rows = np.array([5, 2, 9])
    features = embed(encoder, tiny_store, rows, batch_size=2)
    assert features.shape == (3, CONFIG.ecg.width) and features.dtype == np.float32 and encoder.training
    with torch.no_grad():
        expected = encoder.eval()(tiny_store.batch(rows)["ecg"])
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="there are ecg, cine"):
        embed(encoder, tiny_store, rows, "cmr")
