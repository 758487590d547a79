"""What notebooks lean on: unknown parameters refused, estimates found, data split once, caches reused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from eccl import config
from eccl.data.cohort import Cohort
from eccl.metrics import Estimate
from eccl.records import DataError
from eccl.study import experiment, notebook
from eccl.training.supervision import supervise
from eccl.traits import DIAGNOSES


def namespace(*cells: str) -> dict:
    """The globals of a notebook whose cells have run, the last being the one that asks."""
    scope = {"In": ["", *cells, "notebook.refuse_unknown(globals())\nconfig = 1"], "__annotations__": {}}
    for cell in cells:
        exec(cell, scope)
    return scope


def test_declared_and_injected_parameters_pass():
    notebook.refuse_unknown(namespace("import os\nLIMIT: int = 3", "epochs: int = 2", "epochs = 5"))


def test_the_cell_may_run_again_after_later_cells():
    scope = namespace("epochs: int = 2")
    scope["In"] += ["table = 3", scope["In"][-1]]
    notebook.refuse_unknown(scope)


@pytest.mark.parametrize(
    ("injected", "message"),
    [("epoch = 3", "no parameter 'epoch'; did you mean 'epochs'"), ("zzz = 1", "no parameter 'zzz'; it has epochs")],
)
def test_an_injected_name_that_was_not_declared_is_refused(injected, message):
    with pytest.raises(ValueError, match=message):
        notebook.refuse_unknown(namespace("epochs: int = 2", injected))


def test_given_keeps_what_is_set_even_if_it_is_zero():
    assert notebook.given(a=None, b=0, c="x") == {"b": 0, "c": "x"}


def test_estimate_of_finds_one_row_and_says_so_if_there_is_none():
    rows = [{"model": "a", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "difference": -0.1}]
    table = pd.DataFrame(rows).assign(difference_low=-0.3, difference_high=0.1)
    assert notebook.estimate_of(table, model="a") == Estimate(0.5, 0.4, 0.6, 9)
    assert notebook.estimate_of(table, "difference", model="a") == Estimate(-0.1, -0.3, 0.1, 9)
    with pytest.raises(ValueError, match="0 rows have"):
        notebook.estimate_of(table, model="b")


def test_nearest_cosine_equals_a_double_loop_and_leaves_oneself_out():
    rng = np.random.default_rng(0)
    unit = rng.standard_normal((6, 4))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    expected = [max(unit[i] @ unit[j] for j in range(6) if j != i) for i in range(6)]
    np.testing.assert_allclose(experiment.nearest_cosine(unit.copy()), expected)
    np.testing.assert_allclose(experiment.nearest_cosine(unit, unit), 1.0)


def test_prepared_data_split_participants_whatever_the_training_seed(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    one, two = (experiment.prepare(config.preset("smoke", seed=seed), tiny_cohort) for seed in (1, 2))
    np.testing.assert_array_equal(one.split.test, two.split.test)
    assert one.indices.shape == (config.preset("smoke").replicates, len(one.split.test))
    everyone = np.concatenate(one.parts(np.arange(len(one.store))))
    assert sorted(everyone) == list(range(len(one.store)))


def test_measurements_are_taken_once(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    cohort = Cohort.load(tiny_cohort)
    first = experiment.measurements(cohort)
    assert list(first.index) == list(cohort.participant_ids)
    monkeypatch.setattr(experiment, "measure_ecg", None)
    pd.testing.assert_frame_equal(experiment.measurements(cohort), first)


def test_what_a_cohort_does_not_have_is_refused_before_anything_is_trained(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    table = pd.read_csv(folder / "cohort.csv").assign(I50=np.nan)
    table.to_csv(folder / "cohort.csv", index=False)
    path = folder / "dataset_description.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"modalities": ["ecg"], "diagnoses": ["I21", "I42", "I48"]})
    )
    smoke = config.preset("smoke")
    with pytest.raises(DataError, match="modality cmr"):
        experiment.prepare(smoke, folder)
    data = experiment.prepare(smoke, folder, ["ecg"])
    for call in (lambda: experiment.probed(data, "diagnoses"), lambda: experiment.prevalence(data)):
        with pytest.raises(DataError, match="diagnosis I50"):
            call()
    with pytest.raises(DataError, match=r"the diagnosis I50 is not known.*train on a diagnosis that is: I21, I42, I48"):
        supervise(data.store, data.split, "diagnoses")
    supervise(data.store, data.split, "I48")
    assert list(experiment.pretrain_available(data)) == ["ECG autoencoder"]


@pytest.mark.parametrize(
    ("traits", "diagnoses", "trained"),
    [(True, [], ["CMR encoder, traits"]), (False, ["I48"], ["CMR encoder, I48"]), (False, [], [])],
)
def test_scans_alone_are_trained_on_what_is_known_of_them(
    tiny_cohort, tmp_path, monkeypatch, traits, diagnoses, trained
):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    table = pd.read_csv(folder / "cohort.csv")
    table[[code for code in DIAGNOSES if code not in diagnoses]] = np.nan
    table["I48"] = np.arange(len(table)) % 2 if diagnoses else np.nan
    table.assign(**({} if traits else {"rv_edv": np.nan})).to_csv(folder / "cohort.csv", index=False)
    path = folder / "dataset_description.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"modalities": ["cmr"], "diagnoses": diagnoses}))
    data = experiment.prepare(config.preset("smoke"), folder, ["cmr"])
    assert list(experiment.pretrain_available(data)) == trained
