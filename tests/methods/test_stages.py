"""The stages on a tiny store: what each starts from, what it may see, and what its name hangs on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from eccl.config import preset
from eccl.config import replace as set_config
from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.encoders.cmr import cmr_encoder
from eccl.encoders.ecg_vit import ECGEncoder
from eccl.methods import stages
from eccl.methods.stages import fine_tune, pretrain_cmr, pretrain_eccl, pretrain_ecg, shuffled
from eccl.metrics import auroc, pearson
from eccl.records import DataError
from eccl.training.embedding import cmr_features, embed, load_encoder
from eccl.training.supervision import supervise

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
CONFIG = preset(
    "smoke",
    accelerator="cpu",
    stage_mae={"epochs": 1, "batch_size": 6},
    stage_cmr={"epochs": 1, "batch_size": 6},
    stage_eccl={"epochs": 1, "batch_size": 6},
    stage_finetune={"epochs": 1, "batch_size": 6},
)


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    return {"root": tmp_path_factory.mktemp("runs"), "progress": False}


@pytest.fixture(scope="module")
def mae(tiny_store, options):
    return pretrain_ecg(tiny_store, SPLIT, CONFIG, **options)


@pytest.fixture(scope="module")
def cmr(tiny_store, options):
    return pretrain_cmr(tiny_store, SPLIT, CONFIG, **options)


@pytest.fixture(scope="module")
def eccl(tiny_store, options, mae, cmr):
    return pretrain_eccl(tiny_store, SPLIT, CONFIG, mae.run, cmr.run, **options)


def equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_stages_chain_and_leave_whole_runs(mae, cmr, eccl):
    for trained in (mae, cmr, eccl):
        model, run = trained
        assert run.complete and not model.training and len(run.history) == 1
    assert eccl.run.config["upstream"] == {"mae": mae.run.name, "cmr": cmr.run.name}
    assert equal(eccl.model.cmr, cmr.model.encoder)  # frozen, to the last statistic of its norms
    assert not equal(eccl.model.ecg, mae.model.encoder)  # trained on


def test_initial_weights_are_those_of_the_earlier_stage(tiny_store, options, mae, cmr):
    still = set_config(CONFIG, stage_eccl={"learning_rate": 0.0}, stage_finetune={"learning_rate": 0.0})
    eccl = pretrain_eccl(tiny_store, SPLIT, still, mae.run, cmr.run, **options)
    assert equal(eccl.model.ecg, mae.model.encoder)
    assert equal(fine_tune(tiny_store, SPLIT, still, eccl.run, **options).model.encoder, eccl.model.ecg)
    scratch = fine_tune(tiny_store, SPLIT, still, None, **options)
    assert not equal(scratch.model.encoder, mae.model.encoder)
    assert "finetune-traits-scratch-smoke" in scratch.run.name


def test_repeated_call_reads_the_run(tiny_store, options, mae, eccl, cmr):
    def refuse(row):
        raise AssertionError("it trained again")

    again = pretrain_eccl(tiny_store, SPLIT, CONFIG, mae.run, cmr.run, on_epoch=refuse, **options)
    assert again.run == eccl.run and equal(again.model, eccl.model)
    assert again.model.cmr_frozen


def test_name_hangs_on_what_matters_alone(tiny_store, options, mae, monkeypatch):
    monkeypatch.setattr(stages, "fit", lambda *_, **__: None)

    def name(config=CONFIG, split=SPLIT):
        return pretrain_ecg(tiny_store, split, config, **options).run.name

    for same in (
        set_config(CONFIG, stage_finetune={"epochs": 77}, stage_eccl={"learning_rate": 1.0}, latent=99),
        set_config(CONFIG, loss={"temperature": 0.5}, cmr={"width": 8}, replicates=3, workers=1),
    ):
        assert name(same) == mae.run.name
    assert name(split=Split(SPLIT.train, SPLIT.validation, SPLIT.test[:-1])) == mae.run.name
    for other in (
        set_config(CONFIG, seed=1),
        set_config(CONFIG, precision="bf16-mixed"),
        set_config(CONFIG, stage_mae={"epochs": 2}),
        set_config(CONFIG, mae={"mask_ratio": 0.5}),
        set_config(CONFIG, ecg={"depth": 2}),
    ):
        assert name(other) != mae.run.name
    assert name(split=Split(SPLIT.train, SPLIT.validation[:-1], SPLIT.test)) != mae.run.name


def test_name_hangs_on_the_runs_before(tiny_store, options, mae, cmr, eccl, monkeypatch):
    monkeypatch.setattr(stages, "fit", lambda *_, **__: None)
    scratch = pretrain_eccl(tiny_store, SPLIT, CONFIG, None, cmr.run, **options).run.name
    assert scratch != eccl.run.name
    tuned = {fine_tune(tiny_store, SPLIT, CONFIG, run, **options).run.name[-10:] for run in (None, mae.run, eccl.run)}
    assert len(tuned) == 3


class Altered:
    """A store whose test participants have other recordings, traits and diagnoses."""

    def __init__(self, store, rows):
        self.store, self.rows = store, rows
        self.traits, self.diagnoses = store.traits.copy(), store.diagnoses.copy()
        self.traits[rows], self.diagnoses[rows] = 1e3, 1 - self.diagnoses[rows]
        self.fingerprint = "altered"

    def __len__(self):
        return len(self.store)

    def batch(self, indices, modalities):
        batch = self.store.batch(indices, modalities)
        hit = torch.isin(batch.index, torch.as_tensor(self.rows))
        factor = torch.where(hit, torch.nan, 1.0)
        return replace(batch, ecg=scaled(batch.ecg, factor), cine=scaled(batch.cine, factor))


def scaled(x, factor):
    return x * factor.reshape(-1, *[1] * (x.ndim - 1))


def test_nothing_of_the_test_split_reaches_training(tiny_store, options, mae, cmr, eccl):
    store = Altered(tiny_store, SPLIT.test)
    other_mae = pretrain_ecg(store, SPLIT, CONFIG, **options)
    other_cmr = pretrain_cmr(store, SPLIT, CONFIG, **options)
    other_eccl = pretrain_eccl(store, SPLIT, CONFIG, other_mae.run, other_cmr.run, **options)
    for first, second in ((mae, other_mae), (cmr, other_cmr), (eccl, other_eccl)):
        assert first.run.name != second.run.name and equal(first.model, second.model)
    for target in ("traits", "diagnoses"):
        first = fine_tune(tiny_store, SPLIT, CONFIG, eccl.run, target, **options)
        second = fine_tune(store, SPLIT, CONFIG, other_eccl.run, target, **options)
        assert equal(first.model, second.model)


def test_shuffling_moves_everyone_within_their_split():
    partner = shuffled(24, SPLIT, seed=0)
    for part in (SPLIT.train, SPLIT.validation):
        assert sorted(partner[part]) == list(part) and not np.array_equal(partner[part], part)
    np.testing.assert_array_equal(partner[SPLIT.test], SPLIT.test)
    np.testing.assert_array_equal(partner, shuffled(24, SPLIT, seed=0))


def test_shuffled_pairs_are_another_run(tiny_store, options, mae, cmr, eccl):
    control = pretrain_eccl(tiny_store, SPLIT, CONFIG, mae.run, cmr.run, shuffle_pairs=True, **options)
    assert control.run.name.startswith("eccl-shuffled-smoke-") and not equal(control.model, eccl.model)
    load_encoder(ECGEncoder(CONFIG.ecg), control.run)


def test_stage_two_is_chosen_by_its_own_objective(tiny_store, mae, cmr, eccl):
    """The recorded validation loss, recomputed from the model: contrast by hand and the traits' mean squared error."""
    batch = tiny_store.batch(SPLIT.validation)
    with torch.no_grad():
        output = eccl.model(batch.ecg, batch.cine)
    similarity = (output.z_ecg @ output.z_cmr.T).double().numpy() / CONFIG.loss.temperature
    to_cmr = np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similarity)])
    to_ecg = np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similarity.T)])
    target = Scaler.fit(tiny_store.traits, SPLIT.train).transform(tiny_store.traits)[SPLIT.validation]
    mse = np.mean((output.traits.numpy() - target) ** 2)
    assert eccl.run.metrics["validation_loss"] == pytest.approx((to_cmr + to_ecg) / 2 + mse, rel=1e-4)


def test_frozen_features_are_computed_once(tiny_store, cmr, eccl):
    path = cmr.run.folder / f"h_cmr-{tiny_store.fingerprint}.npy"
    expected = embed(cmr.model.encoder, tiny_store, np.arange(24), "cmr", batch_size=5)
    np.testing.assert_allclose(np.load(path), expected, rtol=1e-4, atol=1e-6)
    before = path.stat().st_mtime_ns
    cmr_features(tiny_store, CONFIG, cmr.run)
    assert path.stat().st_mtime_ns == before
    content = path.read_bytes()
    path.write_bytes(content[:200])
    with pytest.raises(DataError, match="delete the file"):
        cmr_features(tiny_store, CONFIG, cmr.run)
    path.write_bytes(content)


def test_embedding_leaves_the_encoder_as_it_was(tiny_store):
    encoder = ECGEncoder(set_config(CONFIG.ecg, dropout=0.5)).train()
    rows = np.array([5, 2, 9])
    features = embed(encoder, tiny_store, rows, batch_size=2)
    assert features.shape == (3, CONFIG.ecg.width) and features.dtype == np.float32 and encoder.training
    with torch.no_grad():
        np.testing.assert_allclose(features, encoder.eval()(tiny_store.batch(rows).ecg), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="ecg and cmr"):
        embed(encoder, tiny_store, rows, "cine")


@pytest.mark.parametrize("target", ["traits", "diagnoses", "I42"])
def test_recorded_score_is_that_of_the_predictions(tiny_store, options, mae, target):
    trained = fine_tune(tiny_store, SPLIT, CONFIG, mae.run, target, **options)
    predicted = trained.predict(SPLIT.validation)
    if target == "traits":
        truth = tiny_store.traits[SPLIT.validation]
        assert np.median(predicted) == pytest.approx(np.median(truth), rel=0.2)  # in the traits' units
        expected = pearson(predicted, truth).mean()
    else:
        truth = tiny_store.diagnoses[SPLIT.validation][:, slice(None) if target == "diagnoses" else [1]]
        assert ((predicted > 0) & (predicted < 1)).all()
        expected = np.mean([auroc(a, b) for a, b in zip(truth.T, predicted.T)])
    assert trained.run.metrics["validation_score"] == pytest.approx(expected, abs=2e-3)
    assert trained.run.name.startswith(f"finetune-{target}-mae-smoke-")


def test_cases_and_controls_weigh_alike():
    diagnoses = np.zeros((20, 4), np.int8)
    diagnoses[:3, 0], diagnoses[:6, 1:] = 1, 1
    diagnoses[15:17] = 1
    store = SimpleNamespace(diagnoses=diagnoses)
    split = Split(np.arange(12), np.arange(12, 20), np.array([], int))
    loss = supervise(store, split, "I21").loss
    logits = torch.zeros(12, 1, requires_grad=True)
    loss(logits, torch.from_numpy(diagnoses[:12, :1]).float()).backward()
    assert float(logits.grad.sum()) == pytest.approx(0, abs=1e-6)  # 3 cases pull as strongly as 9 controls


def test_diagnosis_without_cases_is_refused_by_name():
    diagnoses = np.zeros((20, 4), np.int8)
    diagnoses[::2, :3] = 1
    split = Split(np.arange(12), np.arange(12, 20), np.array([], int))
    with pytest.raises(DataError, match="alike in I50"):
        supervise(SimpleNamespace(diagnoses=diagnoses), split, "diagnoses")
    diagnoses[:6, 3] = 1
    with pytest.raises(DataError, match="8 validation participants"):
        supervise(SimpleNamespace(diagnoses=diagnoses), split, "I50")
    with pytest.raises(ValueError, match="I99"):
        supervise(SimpleNamespace(diagnoses=diagnoses), split, "I99")


def test_encoder_of_another_size_is_refused(mae, cmr):
    wider = set_config(CONFIG, ecg={"width": 64}, cmr={"width": 8})
    for encoder, run in ((ECGEncoder(wider.ecg), mae.run), (cmr_encoder(wider.cmr), cmr.run)):
        with pytest.raises(DataError, match=r"model.safetensors.*config.json"):
            load_encoder(encoder, run)


def test_stage_one_b_by_one_diagnosis(tiny_store, options):
    trained = pretrain_cmr(tiny_store, SPLIT, CONFIG, "I42", **options)
    assert trained.predict([0, 1]).shape == (2, 1) and trained.run.name.startswith("cmr-I42-smoke-")
