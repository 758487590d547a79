"""ECCL's relatives: each differs from it in what its name says, and in nothing else."""

import pytest
import torch
from helpers.methods import CMR, CONFIG, MAE, SPLIT, equal

from eccl.methods import METHODS, obtain
from eccl.methods.eccl import settings
from eccl.training.losses import clip_loss, nt_xent_loss, triplet_loss


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("eccl_nt_xent", lambda one, two: nt_xent_loss(one, two, CONFIG.loss.temperature)),
        ("eccl_triplet", lambda one, two: triplet_loss(one, two, CONFIG.loss.margin)),
    ],
)
def test_another_loss_from_the_same_start(name, loss, data, eccl):
    trained = obtain(METHODS[name], data, progress=False)
    assert trained.run.config["upstream"] == eccl.run.config["upstream"]
    mine, eccls = (one.run.config["settings"] for one in (trained, eccl))
    assert {key for key in mine if mine[key] != eccls[key]} == {"loss"}
    batch = data.store.batch(SPLIT.validation)
    with torch.no_grad():
        output = trained.model(batch["ecg"], batch["cine"])
    traits = trained.run.metrics["validation_loss"] - float(loss(output.z_ecg, output.z_cmr))
    assert 0.3 < traits < 3  # the rest of the loss: a mean squared error of z-scores after one pass


def test_the_cmr_encoder_is_trained_along(data, eccl):
    trained = obtain(METHODS["eccl_joint"], data, progress=False)
    assert trained.run.config["upstream"] == eccl.run.config["upstream"]
    assert not trained.model.cmr_frozen and not equal(trained.model.cmr, obtain(CMR, data).encoder("cine"))
    assert trained.features(data, "cine").shape == (24, trained.model.cmr.width)


def test_mmcl_starts_from_both_and_no_label_teaches_it(data, mae):
    trained = obtain(METHODS["mmcl"], data, progress=False)
    images = obtain(METHODS["cmr_simclr"], data)
    assert trained.run.config["upstream"] == {"ecg": mae.run.name, "cmr": images.run.name}
    assert not equal(trained.model.cmr, images.encoder("cine")) and not equal(
        trained.encoder(), obtain(MAE, data).encoder()
    )
    batch = data.store.batch(SPLIT.validation)
    with torch.no_grad():
        output = trained.model(batch["ecg"], batch["cine"])
    assert trained.run.metrics["validation_loss"] == pytest.approx(
        float(clip_loss(output.z_ecg, output.z_cmr)), rel=1e-4
    )
    assert settings(CONFIG).loss.trait_weight == 1.0  # of ECCL: the config is left as it is


def test_the_cross_modal_autoencoder_starts_from_nothing_and_knows_no_label(data):
    trained = obtain(METHODS["cross_modal_autoencoder"], data, progress=False)
    assert trained.run.config["upstream"] == {} and "outputs" not in trained.run.config
    for modality, encoder in (("ecg", trained.model.ecg), ("cine", trained.model.cmr)):
        assert equal(trained.encoder(modality), encoder)
        assert trained.features(data, modality).shape == (24, encoder.width)
