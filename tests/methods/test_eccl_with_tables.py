"""ECCL with a table: the sum of the losses of each two; the ECG encoder is judged, no column leaks, test is unseen."""

import shutil
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.making import refused
from helpers.methods import CMR, CONFIG, SPLIT, equal, of
from helpers.tables import write_tables

from eccl.data.cohort import Cohort
from eccl.evaluation.protocols import finetuned
from eccl.methods import METHODS, base, obtain
from eccl.training.losses import clip_loss
from eccl.training.supervision import supervise

TABLES = {"eccl_tabular": "tabular", "eccl_snp": "snp"}


@pytest.fixture(scope="module")
def beside(data, tiny_cohort, tmp_path_factory):
    """The data, with tables in the cohort's folder."""
    folder = write_tables(shutil.copytree(tiny_cohort, tmp_path_factory.mktemp("tables") / "cohort"))
    return replace(of(data), cohort=Cohort.load(folder))


@pytest.mark.parametrize("name", TABLES)
def test_the_loss_is_the_sum_over_each_two_and_the_traits(name, beside, eccl):
    """The recorded validation loss, recomputed from the model by a loop over pairs."""
    trained = obtain(METHODS[name], beside, progress=False)
    assert trained.run.config["upstream"] == eccl.run.config["upstream"]
    batch = METHODS[name].view(beside).store.batch(SPLIT.validation, ("ecg", "cine", TABLES[name]))
    with torch.no_grad():
        output = trained.model(batch["ecg"], batch["cine"], table=batch[TABLES[name]])
    losses = [
        float(clip_loss(one, two, CONFIG.loss.temperature))
        for one, two in combinations((output.z_ecg, output.z_cmr, output.z_table), 2)
    ]
    target = supervise(beside.store, SPLIT, "traits").targets[SPLIT.validation]
    mse = float(torch.mean((output.traits - target) ** 2))
    assert len(losses) == 3 and trained.run.metrics["validation_loss"] == pytest.approx(sum(losses) + mse, rel=1e-4)


@pytest.mark.parametrize("name", TABLES)
def test_the_ecg_encoder_alone_is_judged(name, beside, data, eccl):
    trained = obtain(METHODS[name], beside, progress=False)
    assert trained.features(data).shape == (24, eccl.encoder().width)  # of data that know of no table
    assert not equal(trained.encoder(), eccl.encoder())
    assert trained.features(data, "cine").shape[0] == 24 and equal(trained.model.cmr, eccl.model.cmr)
    tuned = obtain(finetuned(METHODS[name], "traits"), beside, progress=False)
    assert tuned.run.config["upstream"] == {"ecg": trained.run.name} and tuned.run.complete


@pytest.mark.parametrize("name", TABLES)
def test_all_three_encoders_but_the_frozen_learn(name, beside):
    trained = obtain(METHODS[name], beside, progress=False)
    start = METHODS[name].initial(CONFIG)
    for part in ("table", "project_table", "project_ecg", "project_cmr"):
        assert not equal(getattr(trained.model, part), getattr(start, part))
    assert equal(trained.model.cmr, obtain(CMR, beside).encoder("cine"))


def test_cached_features_are_those_of_the_recordings_and_not_made_again(beside, monkeypatch):
    obtain(CMR, beside).features(beside, "cine")
    monkeypatch.setattr(base, "embed", None)  # what is kept under the store's own name is read
    assert obtain(METHODS["eccl_snp"], of(beside, embedding=7), progress=False).run.complete


def altered(beside, tmp_path, rows):
    """The data, with other answers of some participants."""
    folder = shutil.copytree(beside.cohort.folder, tmp_path / "altered")
    for name, columns in (("tabular", ["waist", "fvc", "hdl_cholesterol"]), ("snp", ["g01_a", "g30_b"])):
        table = pd.read_csv(folder / f"{name}.csv")
        table.loc[rows, columns] = 1.0
        table.to_csv(folder / f"{name}.csv", index=False)
    return replace(of(beside), cohort=Cohort.load(folder))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_decides_the_run_and_the_test_participants_rows_of_it_nothing(name, beside, tmp_path):
    first = obtain(METHODS[name], beside, progress=False)
    other = obtain(METHODS[name], altered(beside, tmp_path, SPLIT.test), progress=False)
    assert other.run.name != first.run.name and equal(other.model, first.model)
    trained = obtain(METHODS[name], altered(beside, tmp_path / "train", SPLIT.train), progress=False)
    assert trained.run.name != first.run.name and not equal(trained.model, first.model)


def test_a_table_that_leaks_is_not_trained_on_unless_it_is_allowed(beside, tmp_path):
    folder = shutil.copytree(beside.cohort.folder, tmp_path / "leaking")
    table = pd.read_csv(folder / "tabular.csv").assign(waist=beside.cohort.table["lv_ef"])
    table.to_csv(folder / "tabular.csv", index=False)
    leaking = replace(of(beside), cohort=Cohort.load(folder))
    refused(lambda: obtain(METHODS["eccl_tabular"], leaking, progress=False), "waist", "lv_ef")
    method = METHODS["eccl_tabular"]
    told = base.variant(
        method, "told", "told", "#000000", settings=lambda config: replace(method.settings(config), allowed=("waist",))
    )
    assert obtain(told, leaking, progress=False).run.config["settings"]["allowed"] == ["waist"]


def test_without_any_contrast_the_table_teaches_nothing(beside):
    silent = of(beside, loss={"contrast_weight": 0.0})
    for name in TABLES:
        settings = METHODS[name].settings(silent.config)
        assert METHODS[name].learns_from(settings) == ("traits",)
        assert METHODS[name].reads == ("ecg", TABLES[name]) and not METHODS[name].standard
        assert np.isfinite(obtain(METHODS[name], silent, progress=False).run.metrics["validation_loss"])
