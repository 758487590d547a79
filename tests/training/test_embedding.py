"""Features of a frozen encoder: on the device and in the precision of the config, by one process, read once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.processes import free_port, join_as, processes

from eccl.config import preset
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.data.store import Store
from eccl.encoders.ecg_vit import ECGEncoder
from eccl.machine import engine
from eccl.methods.stages import pretrain_cmr
from eccl.study import experiment
from eccl.training import embedding as features
from eccl.training.embedding import cmr_features, embed
from eccl.training.runs import Run

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
STAGE = {"epochs": 1, "batch_size": 6}
CONFIG = preset("smoke", accelerator="cpu", stage_mae=STAGE, stage_cmr=STAGE, stage_eccl=STAGE)


def test_the_precision_is_that_of_the_config(tiny_store):
    encoder, rows = ECGEncoder(CONFIG.ecg).eval(), np.arange(6)
    plain = embed(encoder, tiny_store, rows)
    np.testing.assert_array_equal(embed(encoder, tiny_store, rows, fabric=engine(CONFIG)), plain)
    half = embed(encoder, tiny_store, rows, fabric=engine(replace(CONFIG, precision="bf16-mixed")))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = encoder(tiny_store.batch(rows).ecg).float().numpy()
    np.testing.assert_allclose(half, expected, rtol=1e-2, atol=1e-2)
    assert half.dtype == np.float32 and 1e-4 < np.abs(half - plain).max() < 0.2


def test_no_gpu_is_taken_unasked(tiny_store, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    embed(ECGEncoder(CONFIG.ecg), tiny_store, np.arange(2))  # were it sent there, there would be none


def rank(number: int, port: int, store: Path, run: Path, folder: Path) -> None:
    join_as(number, 2, port)
    calls, own = [], features.embed
    features.embed = lambda *arguments, **options: calls.append(1) or own(*arguments, **options)
    found = cmr_features(Store.open(store), replace(CONFIG, devices=2), Run(run))
    np.savez(folder / f"{number}.npz", found=found, calls=len(calls))


def test_of_two_processes_the_first_computes_and_the_other_waits(tiny_store, tmp_path):
    cmr = pretrain_cmr(tiny_store, SPLIT, CONFIG, root=tmp_path, progress=False)
    expected, port = embed(cmr.model.encoder, tiny_store, np.arange(24), "cmr"), free_port()
    arguments = (port, tiny_store.folder, cmr.run.folder, tmp_path)
    assert processes(rank, (0, *arguments), (1, *arguments)) == [0, 0]
    first, second = (np.load(tmp_path / f"{number}.npz") for number in range(2))
    assert (int(first["calls"]), int(second["calls"])) == (1, 0)
    for found in (first["found"], second["found"]):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_from_a_comparison_to_the_weights_each_file_is_read_once(tiny_cohort, tiny_store, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    data = experiment.Data(CONFIG, Cohort.load(tiny_cohort), tiny_store, SPLIT)
    experiment.pretrain(data)
    read, own = [], Run.load_model
    monkeypatch.setattr(Run, "load_model", lambda run: read.append(run.name) or own(run))
    experiment.pretrain(data)
    assert not read
    models = experiment.encoders(data)
    assert sorted(name.split("-")[0] for name in read) == ["eccl", "mae"]
    before = torch.get_rng_state()
    assert not torch.equal(models["MAE"].transformer.norm.weight, models["random"].transformer.norm.weight)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["encoders", "pretrain"])
def test_reading_leaves_the_global_generator_alone(tiny_cohort, tiny_store, tmp_path, monkeypatch, name):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    data = experiment.Data(CONFIG, Cohort.load(tiny_cohort), tiny_store, SPLIT)
    experiment.pretrain(data)
    before = torch.get_rng_state()
    getattr(experiment, name)(data)
    assert torch.equal(torch.get_rng_state(), before)
