"""Embeddings in the shared space, of participants and of recordings from elsewhere."""

import numpy as np
import pytest
import torch

from eccl.config import preset
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.machine import Machine
from eccl.methods import METHODS, obtain
from eccl.methods.base import variant
from eccl.study.data import Data
from eccl.study.embeddings import embed_records, embeddings, embeddings_at_start, nearest_cosine

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
ONE = {"epochs": 1, "batch_size": 6}


def data_start(data):
    """The CMR encoder that stage 2 starts from."""
    return obtain(METHODS["cmr_supervised"], data)


def test_nearest_cosine_equals_a_double_loop_and_leaves_oneself_out():
    rng = np.random.default_rng(0)
    unit = rng.standard_normal((6, 4))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    expected = [max(unit[i] @ unit[j] for j in range(6) if j != i) for i in range(6)]
    np.testing.assert_allclose(nearest_cosine(unit.copy()), expected)
    np.testing.assert_allclose(nearest_cosine(unit, unit), 1.0)


def test_a_participant_embeds_alike_from_the_store_and_from_its_files(tiny_cohort, tiny_store, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    config = preset("smoke", **{f"stage_{name}": ONE for name in ("mae", "cmr", "eccl")})
    data = Data(config, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))
    z_ecg, z_cmr = embeddings(data, SPLIT.test[:3])
    assert z_ecg.shape == z_cmr.shape == (3, config.embedding)
    people = [data.cohort[int(index)] for index in SPLIT.test[:3]]
    own = embed_records(data, [person.ecg for person in people], [person.cine for person in people])
    np.testing.assert_allclose(own[0], z_ecg, atol=1e-4)
    np.testing.assert_allclose(own[1], z_cmr, atol=1e-2)  # packed at 1/255
    with pytest.raises(ValueError, match="no space"):
        embeddings(data, SPLIT.test, "masked_autoencoder")
    before = embeddings_at_start(data, SPLIT.test[:3])
    untaught = METHODS["eccl"].initial(config).eval()
    METHODS["eccl"].start(untaught, {"cmr": data_start(data)})
    with torch.no_grad():
        batch = tiny_store.batch(SPLIT.test[:3], ("ecg", "cine"))
        output = untaught(batch["ecg"], batch["cine"])
    for found, expected, trained in zip(before, output.embeddings, (z_ecg, z_cmr)):
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert np.abs(found - trained).max() > 1e-3


def test_a_cine_encoder_that_was_trained_on_embeds_by_itself(tiny_cohort, tiny_store, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    config = preset("smoke", **{f"stage_{name}": ONE for name in ("mae", "cmr", "eccl")})
    data = Data(config, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))

    def start(model, upstream):
        METHODS["eccl"].start(model, upstream)
        for weight in model.cmr.parameters():
            weight.data.mul_(1.5)

    method = variant(METHODS["eccl"], "other_cmr", "", "#000000", start=start, frozen=())
    _, z_cmr = embeddings(data, SPLIT.test[:3], method)
    person = data.cohort[int(SPLIT.test[0])]
    own = embed_records(data, [person.ecg], [person.cine], method)[1]
    np.testing.assert_allclose(own, z_cmr[:1], atol=1e-2)
