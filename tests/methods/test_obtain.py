"""Methods on a tiny store: what each starts from, what it may see, and what the name of its run hangs on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from eccl.config import preset
from eccl.config import replace as set_config
from eccl.data.cohort import Cohort
from eccl.data.scaling import Scaler
from eccl.data.split import Split
from eccl.evaluation.protocols import finetuned
from eccl.machine import Machine
from eccl.methods import METHODS, base, obtain, obtaining, supervised
from eccl.methods.eccl import shuffled
from eccl.metrics import auroc, pearson
from eccl.study.data import Data
from eccl.training.embedding import embed
from eccl.training.losses import clip_loss
from eccl.training.runs import Run
from eccl.training.supervision import Outputs

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
ONE = {"epochs": 1, "batch_size": 6}
VIT = {"name": "vit", "sampling_rate": 500, "patch_samples": 200, "width": 32, "depth": 1, "heads": 2}
STAGES = {f"stage_{name}": ONE for name in ("cmr", "eccl", "finetune")} | {"stage_mae": ONE | {"augment": False}}
CONFIG = preset("smoke", ecg=VIT, ecg_start="masked_autoencoder", **STAGES)
MAE, CMR, ECCL = (METHODS[name] for name in ("masked_autoencoder", "cmr_supervised", "eccl"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def data(root, tiny_cohort, tiny_store):
    return Data(CONFIG, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))


def of(data, **changes):
    """The same data under another config, from which nothing was obtained yet."""
    return replace(data, config=set_config(data.config, **changes), obtained={})


@pytest.fixture(scope="module")
def eccl(data):
    return obtain(ECCL, data, progress=False)


@pytest.fixture(scope="module")
def mae(data, eccl):
    return obtain(MAE, data)


@pytest.fixture(scope="module")
def cmr(data, eccl):
    return obtain(CMR, data)


def equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


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


class Altered:
    """A store whose test participants have other recordings, traits and diagnoses."""

    def __init__(self, store, rows):
        self.store, self.rows = store, rows
        self.traits, self.diagnoses = store.traits.copy(), store.diagnoses.copy()
        self.traits[rows], self.diagnoses[rows] = 1e3, 1 - self.diagnoses[rows]
        self.fingerprint, self.simulated = "altered", True

    def __len__(self):
        return len(self.store)

    def batch(self, indices, modalities):
        batch = self.store.batch(indices, modalities)
        hit = torch.isin(batch.index, torch.as_tensor(self.rows))
        factor = torch.where(hit, torch.nan, 1.0)
        recordings = {name: x * factor.reshape(-1, *[1] * (x.ndim - 1)) for name, x in batch.recordings.items()}
        return replace(batch, recordings=recordings)


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
    assert torch.equal(wrong.h_cmr, right.h_cmr[partner]) and not torch.equal(wrong.h_cmr, right.h_cmr)


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


def test_labels_that_are_not_known_are_not_used(data, tiny_store):
    few = of(data, label_share=0.25)
    supervised = obtain(CMR, few, progress=False)
    used = np.array(supervised.run.config["outputs"]["mean"], dtype=np.float32)
    assert not np.allclose(used, tiny_store.traits[SPLIT.train].mean(axis=0))
    assert np.isfinite(obtain(ECCL, few, progress=False).run.metrics["validation_loss"])


def test_a_pass_over_few_labels_has_as_many_steps(data):
    few = obtain(METHODS["supervised"], of(data, label_share=0.25), progress=False)
    assert few.run.config["people"] == 3 and few.run.config["reads"] == len(SPLIT.train)
    contrast = obtain(ECCL, of(data, label_share=0.25), progress=False)
    assert contrast.run.config["people"] == contrast.run.config["reads"] == len(SPLIT.train)


def test_a_share_of_the_diagnoses_leaves_what_learns_from_traits(data, eccl):
    few = of(data, diagnosis_share=0.5, label_seed=2)
    assert obtain(ECCL, few).run.name == eccl.run.name
    tuned = [obtain(finetuned(METHODS["random"], target), few, progress=False).run for target in ("traits", "I48")]
    assert [run.config["people"] for run in tuned] == [12, 6]


def test_each_seed_draws_who_is_labelled_and_the_frozen_encoder_knows_no_others(data):
    few = of(data, label_share=0.5)
    one, two = few.seeded(CONFIG.seed), few.seeded(CONFIG.seed + 1)
    known = [supervised.settings(each.config, each.config.stage_cmr, "traits").known for each in (one, two)]
    assert known[0].share == known[1].share and known[0].seed != known[1].seed
    for each, draw in zip((one, two), known):
        assert METHODS["cmr_supervised"].settings(each.shared().config).known == draw
        assert each.shared().config.seed == CONFIG.seed
    assert two.first().config == one.config


def test_three_seeds_share_all_but_the_training(data, eccl, cmr, mae):
    seeds = [data.seeded(CONFIG.seed + number) for number in range(3)]
    trained = [obtain(ECCL, each, progress=False) for each in seeds]
    assert {one.run.config["upstream"]["cmr"] for one in trained} == {cmr.run.name}
    for each in seeds:
        assert (each.cohort, each.store, each.split) == (data.cohort, data.store, data.split)
        np.testing.assert_array_equal(each.indices, data.indices)
    assert len({one.run.config["upstream"]["ecg"] for one in trained}) == len({one.run.name for one in trained}) == 3
    assert trained[0].run == eccl.run and trained[1].run.config["upstream"]["ecg"] != mae.run.name
    assert not equal(trained[1].encoder(), trained[2].encoder())


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


def test_of_several_learning_rates_the_best_on_validation_is_taken(data):
    rates = (1e-9, 3e-3)
    chosen = obtain(METHODS["supervised"], of(data, stage_supervised={**ONE, "learning_rates": rates}), progress=False)
    singles = [
        obtain(METHODS["supervised"], of(data, stage_supervised={**ONE, "learning_rate": rate})) for rate in rates
    ]
    scores = [each.run.metrics["validation_score"] for each in singles]  # the same runs, which are only read
    assert chosen.run == singles[int(np.argmax(scores))].run
    assert chosen.run.config["settings"]["stage"]["learning_rate"] in rates


def test_the_first_of_several_seeds_chooses_the_learning_rate_of_all(data):
    rates = {**ONE, "learning_rates": (3e-3, 1e-9)}
    seeds = [of(data, stage_supervised=rates).seeded(CONFIG.seed + number) for number in range(2)]
    second = obtaining.tried(METHODS["supervised"], seeds[1], progress=False)
    first = obtaining.tried(METHODS["supervised"], seeds[0], progress=False)
    assert [one.learning_rate for one in first] == [3e-3, 1e-9]
    best = obtain(METHODS["supervised"], seeds[0])
    assert [one.learning_rate for one in second] == [best.learning_rate]
    assert second[0].run.config["config"]["seed"] == CONFIG.seed + 1


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


def test_the_autoencoder_alone_learns_from_unlabelled_people(data, mae, cmr):
    """A pass of it is over them too; validation, and what is learnt with labels from it, stay the cohort's."""
    rows = SPLIT.train[:5]
    further = replace(of(data), unlabelled=Subset(data.store, rows))
    more = obtain(MAE, further, progress=False)
    assert more.run.name != mae.run.name and (more.run.config["people"], mae.run.config["people"]) == (17, 12)
    assert more.run.config["upstream"] == {} and not equal(more.model, mae.model)
    assert obtain(CMR, further).run.name == cmr.run.name
    assert more.features(further).shape == (24, mae.encoder().width)
    tuned = obtain(finetuned(MAE, "traits"), further, progress=False)
    assert tuned.run.config["upstream"] == {"ecg": more.run.name} and tuned.run.config["people"] == 12
    assert obtain(MAE, replace(further, unlabelled=Subset(data.store, rows[:4]))).run.name != more.run.name


class Subset:
    """Some people of a store, as a store of their own."""

    def __init__(self, store, rows):
        self.store, self.rows, self.fingerprint = store, rows, f"{rows} of {store.fingerprint}"

    def __len__(self):
        return len(self.rows)

    def batch(self, indices, modalities):
        return self.store.batch(self.rows[indices], modalities)
