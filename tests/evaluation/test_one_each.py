"""A model for each diagnosis: who it learns from, and that what it says is a probe's on just these."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from eccl.config import preset
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.evaluation.one_each import balanced, finetune_each, probe_each
from eccl.evaluation.protocols import features_of, finetuned, probe
from eccl.machine import Machine
from eccl.methods import METHODS, obtain
from eccl.study.data import Data

ONE = {"epochs": 1, "batch_size": 6}
SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))


@pytest.fixture(scope="module")
def data(tiny_cohort, tiny_store, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        yield Data(preset("smoke", stage_finetune=ONE), Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))


def test_controls_are_twice_the_cases_and_none_has_the_diagnosis(rng):
    labels = (rng.random(400) < 0.1).astype(float)
    people = np.arange(50, 350)
    found = balanced(labels, people, rng)
    cases = people[labels[people] == 1]
    assert set(cases) <= set(found) <= set(people) and len(found) == len(set(found)) == 3 * len(cases)
    other = balanced(labels, people, rng)
    assert set(other) != set(found) and set(other) & set(found) >= set(cases)


def test_of_all_chunks_every_control_is_there_once_and_each_case_once_a_chunk(rng):
    labels = (np.arange(100) < 10).astype(float)
    found = balanced(labels, np.arange(100), rng, chunks="all")
    times = np.bincount(found)
    assert set(times[:10]) == {5} and set(times[10:]) == {1}  # 90 controls in chunks of 20
    with pytest.raises(ValueError, match='"one" or "all"'):
        balanced(labels, np.arange(100), rng, chunks="two")


def test_people_who_are_alike_stay_as_they_are(rng):
    np.testing.assert_array_equal(balanced(np.zeros(9), np.arange(3, 7), rng), np.arange(3, 7))


def test_a_probe_of_each_ranks_as_scikit_learn_on_the_balanced_people(data):
    found = probe_each(METHODS["demographics"], data)
    h, y = features_of(METHODS["demographics"], data), data.cohort.diagnoses[:, 1]
    rng = np.random.default_rng((data.config.seed, 1))
    known = balanced(y, SPLIT.train, rng)
    z = (h - h[known].mean(axis=0)) / np.where(h[known].std(axis=0) > 0, h[known].std(axis=0), 1)
    fits = [
        LogisticRegression(C=strength, max_iter=1000).fit(z[known], y[known]).predict_proba(z[SPLIT.test])[:, 1]
        for strength in (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    ]
    assert found.shape == (6, 4) and min(np.abs(fit - found[:, 1]).max() for fit in fits) < 1e-3
    assert not np.allclose(found, probe(METHODS["demographics"], data, "diagnoses"))


def test_fine_tuning_of_each_is_four_trainings_of_one_column(data):
    found = finetune_each(METHODS["random"], data)
    assert found.shape == (6, 4) and ((found > 0) & (found < 1)).all()
    runs = [obtain(finetuned(METHODS["random"], code), data).run for code in ("I21", "I50")]
    assert [run.config["outputs"]["names"] for run in runs] == [["I21"], ["I50"]]


def test_the_probe_of_validation_is_another_than_that_of_test(data):
    found = [probe(METHODS["demographics"], data, "diagnoses", part=part) for part in ("validation", "test")]
    assert [len(one) for one in found] == [6, 6] and not np.allclose(*found)
