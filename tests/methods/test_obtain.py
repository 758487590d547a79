"""Methods on a tiny store: what each starts from, what it may see, and what the name of its run hangs on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.methods import CMR, CONFIG, ECCL, MAE, SPLIT, Altered, equal, of

from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.evaluation.protocols import finetuned
from eccl.methods import METHODS, base, obtain, obtaining
from eccl.methods.eccl import shuffled
from eccl.metrics import auroc, pearson
from eccl.training.embedding import embed
from eccl.training.losses import clip_loss
from eccl.training.runs import Run
from eccl.training.supervision import Outputs


def test_what_a_method_starts_from_is_made_first_and_once(data, mae, cmr, eccl):
    for trained in (mae, cmr, eccl):
        assert trained.run.complete and not trained.model.training and len(trained.history) == 1
        assert trained.run.config["method"] == trained.method.name
    assert eccl.run.config["upstream"] == {"ecg": mae.run.name, "cmr": cmr.run.name}
    assert equal(eccl.model.cmr, cmr.encoder("cine"))  # frozen, to the last statistic of its norms
    assert not equal(eccl.model.ecg, mae.encoder())  # trained on
    assert obtain(ECCL, data) is eccl and data.obtained[mae.run.name] is mae


def test_initial_weights_are_those_of_the_earlier_stage(data, mae):
    still = of(data, stage_eccl={"learning_rate": 0.0}, stage_finetune={"learning_rate": 0.0})
    eccl = obtain(ECCL, still, progress=False)
    assert equal(eccl.encoder(), mae.encoder())
    assert equal(obtain(finetuned(ECCL, "traits"), still, progress=False).encoder(), eccl.encoder())
    scratch = obtain(finetuned(METHODS["random"], "traits"), still, progress=False)
    assert equal(scratch.encoder(), obtain(METHODS["random"], still).encoder())
    assert not equal(scratch.encoder(), mae.encoder()) and scratch.run.name.startswith("finetune-traits-random-smoke-")


def test_a_complete_run_is_read_when_its_model_is_asked_for(data, eccl, monkeypatch):
    monkeypatch.setattr(obtaining, "fit", None)
    read, load = [], Run.load_model
    monkeypatch.setattr(Run, "load_model", lambda run: read.append(run.name.split("-")[0]) or load(run))
    again = obtain(ECCL, of(data))
    assert again.run == eccl.run and not read
    assert equal(again.model, eccl.model) and again.model.cmr_frozen
    assert read == ["eccl"]


def test_name_hangs_on_what_matters_alone(data, mae, eccl, monkeypatch):
    monkeypatch.setattr(obtaining, "fit", lambda model, *_, **__: model)

    def name(split=SPLIT, method=MAE, **changes):
        return obtain(method, replace(of(data, **changes), split=split)).run.name

    assert name(stage_finetune={"epochs": 77}, stage_eccl={"learning_rate": 1.0}, embedding=99) == mae.run.name
    assert name(loss={"temperature": 0.5}, cmr={"width": 32}, replicates=3, label_share=0.5) == mae.run.name
    assert name(ecg_augmentation={"gain": 0.2}) == mae.run.name  # it is not augmented here
    assert name(split=Split(SPLIT.train, SPLIT.validation, SPLIT.test[:-1])) == mae.run.name
    assert name(split=Split(SPLIT.train, SPLIT.validation[:-1], SPLIT.test)) != mae.run.name
    others = (
        {"seed": 1},
        {"precision": "bf16-mixed"},
        {"stage_mae": {"epochs": 2}},
        {"stage_mae": {"augment": True}},
        {"mae": {"mask_ratio": 0.75}},
        {"mae": {"masking": "random"}},
        {"ecg": {"depth": 2}},
        {"ecg": {"amplitude": "lead"}},
    )
    assert len({name(**changes) for changes in others} | {mae.run.name}) == len(others) + 1


def test_every_setting_that_decides_a_method_is_in_its_digest(data, eccl, monkeypatch):
    """Augmentation, target, label share, frames: changed one by one, each is another run."""
    monkeypatch.setattr(obtaining, "fit", lambda model, *_, **__: model)
    monkeypatch.setattr(base, "embed", lambda encoder, store, rows, *_, **__: np.zeros((len(rows), 128), np.float32))
    changes = (
        {"ecg_augmentation": {"gain": 0.2}},
        {"cine_augmentation": {"angle": 3.0}},
        {"cmr": {"frames": 2}},
        {"label_share": 0.5},
        {"loss": {"trait_weight": 0.0}},
        {"loss": {"learn_temperature": True}},
        {"embedding": 8},
    )
    assert len({obtain(ECCL, of(data, **change)).run.name for change in changes} | {eccl.run.name}) == 8


def test_nothing_of_the_test_split_reaches_training(data, eccl):
    other = replace(of(data), store=Altered(data.store, SPLIT.test))
    for method in (MAE, CMR, ECCL, *(finetuned(ECCL, target) for target in ("traits", "diagnoses"))):
        first, second = (obtain(method, each, progress=False) for each in (data, other))
        assert first.run.name != second.run.name and equal(first.model, second.model)


def test_shuffling_moves_everyone_within_their_split():
    partner = shuffled(24, SPLIT, seed=0)
    for part in (SPLIT.train, SPLIT.validation):
        assert sorted(partner[part]) == list(part) and not np.array_equal(partner[part], part)
    np.testing.assert_array_equal(partner[SPLIT.test], SPLIT.test)
    np.testing.assert_array_equal(partner, shuffled(24, SPLIT, seed=0))


def test_shuffled_pairs_are_another_run_from_the_same_encoders(data, eccl):
    control = obtain(METHODS["eccl_shuffled"], data, progress=False)
    assert not equal(control.model, eccl.model) and control.run.config["upstream"] == eccl.run.config["upstream"]


def test_the_control_shuffles_the_pairs_alone(data, eccl):
    """Each ECG keeps its own traits; the cine's features are another's, within training and within validation."""
    upstream = {"cmr": obtain(CMR, data.shared())}
    wrong, right = (
        METHODS[name].setup(METHODS[name].settings(CONFIG), data, upstream).objective.step
        for name in ("eccl_shuffled", "eccl")
    )
    assert torch.equal(wrong.traits, right.traits)
    partner = shuffled(24, SPLIT, CONFIG.seed)
    everybody = data.store.batch(np.arange(24), ("ecg",))
    theirs, own = (step.cmr(eccl.model, everybody, None)["h_cmr"] for step in (wrong, right))
    assert torch.equal(theirs, own[partner]) and not torch.equal(theirs, own)


def test_stage_two_is_chosen_by_its_own_objective(data, eccl):
    """The recorded validation loss, recomputed from the model: contrast by hand and the traits' mean squared error."""
    batch = data.store.batch(SPLIT.validation)
    with torch.no_grad():
        output = eccl.model(batch["ecg"], batch["cine"])
    similarity = (output.z_ecg @ output.z_cmr.T).double().numpy() / CONFIG.loss.temperature
    to_cmr = np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similarity)])
    to_ecg = np.mean([np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similarity.T)])
    target = Scaler.fit(data.store.traits, SPLIT.train).transform(data.store.traits)[SPLIT.validation]
    mse = np.mean((output.traits.numpy() - target) ** 2)
    assert eccl.run.metrics["validation_loss"] == pytest.approx((to_cmr + to_ecg) / 2 + mse, rel=1e-4)


def test_features_are_computed_once(data, cmr, monkeypatch):
    expected = embed(cmr.encoder("cine"), data.store, np.arange(24), "cine", batch_size=5)
    np.testing.assert_allclose(cmr.features(data, "cine"), expected, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(base, "embed", None)
    np.testing.assert_allclose(cmr.features(data, "cine"), expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="cmr_supervised has no encoder of the ecg"):
        cmr.features(of(data), "ecg")


@pytest.mark.parametrize("target", ["traits", "diagnoses", "I42"])
def test_recorded_score_is_that_of_the_predictions(data, target):
    trained = obtain(finetuned(MAE, target), data, progress=False)
    outputs = Outputs(**trained.run.config["outputs"])
    predicted = outputs.to_units(embed(trained.model, data.store, SPLIT.validation))
    if target == "traits":
        truth = data.store.traits[SPLIT.validation]
        assert np.median(predicted) == pytest.approx(np.median(truth), rel=0.2)  # in the traits' units
        expected = pearson(predicted, truth).mean()
    else:
        truth = data.store.diagnoses[SPLIT.validation][:, slice(None) if target == "diagnoses" else [1]]
        assert ((predicted > 0) & (predicted < 1)).all()
        expected = np.mean([auroc(a, b) for a, b in zip(truth.T, predicted.T)])
    assert trained.run.metrics["validation_score"] == pytest.approx(expected, abs=2e-3)
    assert trained.run.name.startswith(f"finetune-{target}-masked_autoencoder-smoke-")


def test_stage_one_b_by_one_diagnosis(data):
    trained = obtain(CMR, of(data, cmr_target="I42"), progress=False)
    outputs = trained.run.config["outputs"]
    assert outputs["names"] == ["I42"] and trained.model.head.out_features == 1


def test_a_learned_temperature_is_trained_with_the_encoders(data, eccl):
    learned = obtain(METHODS["eccl_sigmoid"], data, progress=False)
    assert {"step.contrast.log_scale", "step.contrast.bias"} <= set(learned.run.metrics)
    assert learned.run.metrics["step.contrast.bias"] != -10.0
    assert learned.model.state_dict().keys() == eccl.model.state_dict().keys()  # it belongs to the objective


def test_the_global_generator_is_left_alone(data, eccl):
    before = torch.get_rng_state()
    assert not torch.equal(obtain(METHODS["random"], of(data)).model.positions, torch.zeros(1))
    assert obtain(ECCL, of(data)).model is not None
    assert torch.equal(torch.get_rng_state(), before)


def test_a_table_of_features_is_not_obtained(data):
    with pytest.raises(ValueError, match="measurements is a table"):
        obtain(METHODS["measurements"], data)


def test_pairs_and_labels_apart_start_alike_and_learn_apart(data, eccl):
    """The validation loss of each, recomputed: the contrast alone, and the regression alone."""
    pairs, labels = (obtain(METHODS[f"eccl_{name}"], data, progress=False) for name in ("pairs", "labels"))
    assert pairs.run.config["upstream"] == labels.run.config["upstream"] == eccl.run.config["upstream"]
    batch = data.store.batch(SPLIT.validation)
    target = torch.from_numpy(Scaler.fit(data.store.traits, SPLIT.train).transform(data.store.traits)[SPLIT.validation])
    with torch.no_grad():
        contrast = clip_loss(*(getattr(pairs.model(batch["ecg"], batch["cine"]), z) for z in ("z_ecg", "z_cmr")))
        regression = ((labels.model(batch["ecg"]).traits - target) ** 2).mean()
    assert pairs.run.metrics["validation_loss"] == pytest.approx(float(contrast), rel=1e-4)
    assert labels.run.metrics["validation_loss"] == pytest.approx(float(regression), rel=1e-4)


def test_a_residual_network_goes_through_every_stage(data):
    resnet = {"name": "resnet", "sampling_rate": 100, "width": 24, "depth": 1}
    small = of(data, ecg=resnet, ecg_start="random")
    trained = obtain(ECCL, small, progress=False)
    assert list(trained.run.config["upstream"]) == ["cmr"] and trained.features(small).shape == (24, 24)
    assert obtain(METHODS["supervised"], small, progress=False).encoder().width == 24
    whole = obtain(ECCL, of(data, ecg=resnet, ecg_start="masked_autoencoder"), progress=False)
    assert list(whole.run.config["upstream"]) == ["ecg", "cmr"] and not equal(whole.encoder(), trained.encoder())
    with pytest.raises(ValueError, match="ecg_start"):
        obtain(ECCL, of(data, ecg_start="imagenet"))
