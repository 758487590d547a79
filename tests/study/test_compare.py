"""Comparisons: every method by every protocol in one table, kept, and each file of weights read once."""

import dataclasses
import shutil
from functools import partial

import numpy as np
import pandas as pd
import pytest

import eccl
from eccl.cache import home
from eccl.config import preset
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.evaluation import protocols
from eccl.evaluation.boosting import boosted_diagnoses, boosted_traits
from eccl.evaluation.rows import Row
from eccl.machine import Machine
from eccl.methods import METHODS, Method, find
from eccl.study import compare as compare_module
from eccl.study.compare import MEAN, ceiling, compare, predictions, score, subgroups_of
from eccl.study.data import Data
from eccl.training.runs import Run
from eccl.traits import DIAGNOSES

SPLIT = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
ONE = {"epochs": 1, "batch_size": 6}
STAGES = {f"stage_{name}": ONE for name in ("mae", "cmr", "eccl", "finetune")}
CONFIG = preset("smoke", replicates=50, ecg_start="masked_autoencoder", **STAGES)
LEARNT = ["random", "masked_autoencoder", "eccl"]


@pytest.fixture(scope="module")
def data(tiny_cohort, tiny_store, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        yield Data(CONFIG, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))


def again(data):
    """The same data, from which nothing was obtained yet."""
    return Data(data.config, data.cohort, data.store, data.split, data.machine)


@pytest.fixture(scope="module")
def compared(data):
    return compare(data, LEARNT, protocols=("probe", "finetune"))


def test_every_method_by_every_protocol_that_it_allows(data, compared):
    rows = {("mean", "none")} | {(name, protocol) for name in LEARNT for protocol in ("probe", "finetune")}
    assert {(row.method, row.protocol) for row in compared.itertuples()} == rows
    assert {"metric", "value", "low", "high", "n"} <= set(compared.columns)
    tables = predictions(data, ["demographics", "measurements"], protocols=("probe", "finetune"))
    assert set(tables) == {MEAN, Row("demographics"), Row("measurements")}
    assert all(array.shape == (6, 82) for array in tables.values())


def test_without_names_the_standard_methods_are_compared(data, monkeypatch):
    monkeypatch.setattr(protocols, "obtain", lambda method, data: pytest.fail("trained"))
    tables = {name: method for name, method in METHODS.items() if method.table is not None}
    monkeypatch.setattr("eccl.study.compare.METHODS", tables)
    assert {row.method for row in predictions(data)} == {"mean", *tables}


def test_from_a_comparison_to_the_weights_each_file_is_read_once(data, compared, monkeypatch):
    read, load = [], Run.load_model
    monkeypatch.setattr(Run, "load_model", lambda run: read.append(run.name) or load(run))
    fresh = again(data)
    pd.testing.assert_frame_equal(compare(fresh, LEARNT, protocols=("probe", "finetune")), compared)
    assert not read  # all that it needs is kept
    for path in home().glob("kept/*"):
        path.unlink()
    pd.testing.assert_frame_equal(compare(again(data), LEARNT, protocols=("probe", "finetune")), compared)
    assert len(read) == len(set(read)) and {name.split("-smoke")[0] for name in read} == {
        "masked_autoencoder",
        "eccl",
        *(f"finetune-traits-{name}" for name in LEARNT),
    }


def test_a_table_is_of_its_predictions_and_of_nothing_else(data, compared, monkeypatch):
    own = predictions(data, ["random"])
    table = score(data, own)
    monkeypatch.setattr("eccl.study.compare.trait_table", None)
    pd.testing.assert_frame_equal(score(data, own), table)
    own[Row("random")] = own[Row("random")] + 1
    with pytest.raises(TypeError):
        score(data, own)


def test_seeds_are_rows_of_their_own_on_one_test_split(data):
    table = compare(data, ["random", "demographics"], seeds=2)
    seeds = table.set_index("method")["seed"]
    assert list(seeds["random"]) == [CONFIG.seed, CONFIG.seed + 1] and pd.isna(seeds["demographics"])
    one = predictions(data, ["random"], seeds=2)
    assert not np.array_equal(*(one[Row("random", "probe", CONFIG.seed + k)] for k in range(2)))
    np.testing.assert_array_equal(data.seeded(9).indices, data.indices)


def test_diagnoses_are_compared_by_their_mean(data):
    table = compare(data, ["demographics"], target="diagnoses")
    assert set(table["metric"]) == {"AUROC", "AUPRC", "Brier"} and set(table["diagnosis"]) == {"mean"}
    with pytest.raises(ValueError, match="traits or diagnoses"):
        compare(data, ["demographics"], target="I48")


def test_names_are_found_or_refused_with_those_that_there_are():
    assert find("eccl") is METHODS["eccl"] and find(METHODS["eccl"]) is METHODS["eccl"]
    with pytest.raises(ValueError, match="no method is named 'ECCL'; there are random, "):
        find("ECCL")
    table = eccl.methods()
    assert list(table.index) == list(METHODS) and table.loc["eccl_snp", "reads"] == "ECG, genotypes"
    assert table.loc["mmcl", "starts from"] == "masked autoencoder; CMR, SimCLR"


def test_a_method_of_ones_own_needs_no_other_edit(data):
    """A table of one column, given as a value, stands in the comparison beside the others."""
    own = Method("age", "age", "#000000", "none", table=lambda data: data.cohort.table[["age"]])
    table = compare(data, [own, "demographics"])
    assert list(table["method"]) == ["mean", "age", "demographics"]


def test_rhythm_and_block_tell_people_apart_where_the_truth_is_known(data, tiny_cohort, tmp_path):
    known = {group.factor for group in subgroups_of(data)}
    assert known == {"sex", "age", "body mass"}
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    (folder / "simulation").mkdir()
    truth = pd.DataFrame({"participant_id": data.cohort.participant_ids, "electrical.fibrillating": False})
    truth = truth.assign(**{"electrical.lbbb": truth.index >= 21, "electrical.rbbb": False})
    truth.to_csv(folder / "simulation" / "truth.csv", index=False)
    simulated = dataclasses.replace(data, cohort=Cohort.load(folder))
    groups = {group.label: group.member for group in subgroups_of(simulated)}
    np.testing.assert_array_equal(groups["left bundle-branch block"], SPLIT.test >= 21)
    assert groups["sinus rhythm"].all()


def test_no_ceiling_without_a_truth(data):
    assert ceiling(data) is None


@pytest.fixture
def truthful(data, tiny_cohort, tmp_path, monkeypatch):
    """The data with an electrical state that tells the first trait and the first diagnosis."""
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    (folder / "simulation").mkdir()
    state = {"electrical.mass": data.cohort.traits[:, 0], "electrical.scar": data.cohort.diagnoses[:, 0]}
    state |= {"participant_id": data.cohort.participant_ids, "true.mass": data.cohort.traits[:, 1]}
    pd.DataFrame(state).to_csv(folder / "simulation" / "truth.csv", index=False)
    return dataclasses.replace(data, cohort=Cohort.load(folder), obtained={})


@pytest.fixture
def few_trees(monkeypatch):
    """Boosting in no time: two trees, in this process."""
    for place in (compare_module, protocols):
        monkeypatch.setattr(place, "boosted_traits", partial(boosted_traits, workers=1, trees=2))
        monkeypatch.setattr(place, "boosted_diagnoses", partial(boosted_diagnoses, trees=2))


def test_all_seeds_have_one_ceiling_and_who_sees_demographics_has_another(truthful, few_trees, monkeypatch):
    top, more = ceiling(truthful), ceiling(truthful, demographics=True)
    test_traits = truthful.cohort.traits[SPLIT.test]
    assert np.corrcoef(top[:, 0], test_traits[:, 0])[0, 1] > 0.7 and not np.allclose(top, more)
    assert ceiling(truthful, "diagnoses").shape == (6, 4)
    monkeypatch.setattr("eccl.study.compare.boosted_traits", None)  # nothing is computed again
    np.testing.assert_array_equal(ceiling(truthful.seeded(CONFIG.seed + 1)), top)
    both = ("probe", "probe_demographics")
    table = score(truthful, predictions(truthful, ["random", "demographics"], protocols=both))
    group = table.query("group == 'all traits' and method != 'mean'").set_index(["method", "protocol"])["ceiling"]
    assert group["random", "probe"] != group["random", "probe_demographics"] == group["demographics", "probe"]


def test_trees_are_a_protocol_of_tables_alone_and_kept(data, few_trees, monkeypatch):
    trees = ("boosted", "boosted_demographics")
    found = predictions(data, ["random", "measurements", "demographics"], protocols=trees, seeds=2)
    assert set(found) == {
        MEAN,
        Row("measurements", "boosted"),
        Row("measurements", "boosted_demographics"),
        Row("demographics", "boosted"),
    }
    risks = predictions(data, "measurements", "diagnoses", trees)
    assert all(array.shape == (6, 4) and ((array >= 0) & (array <= 1)).all() for array in risks.values())
    for name in ("boosted_traits", "boosted_diagnoses"):
        monkeypatch.setattr(protocols, name, None)
    again = predictions(data.seeded(CONFIG.seed + 1), "measurements", protocols=trees)
    np.testing.assert_array_equal(again[Row("measurements", "boosted")], found[Row("measurements", "boosted")])
    assert predictions(data, "measurements", "diagnoses", trees).keys() == risks.keys()


def test_a_permutation_test_of_a_methods_features_is_kept(data, monkeypatch):
    table = protocols.permutation_test(METHODS["demographics"], data, "diagnoses", permutations=9)
    assert list(table["target"]) == [*DIAGNOSES, "mean"] and (table["n"] == 6).all()
    assert table["p"].dropna().between(0.1, 1).all() and table["p"].notna().any()
    monkeypatch.setattr(protocols, "permutation_table", None)
    pd.testing.assert_frame_equal(
        protocols.permutation_test(METHODS["demographics"], data, "diagnoses", permutations=9), table
    )


def test_demographics_beside_the_features_are_a_protocol(data):
    both = ("probe", "probe_demographics")
    tables = predictions(data, ["random", "measurements", "demographics"], protocols=both)
    assert {row.method for row in tables if row.protocol == "probe_demographics"} == {"random", "measurements"}
    alone, beside = (tables[Row("random", protocol)] for protocol in both)
    assert alone.shape == beside.shape and not np.allclose(alone, beside)


def test_one_name_serves_as_a_list_of_one_and_wrong_ones_are_refused(data):
    assert set(predictions(data, "demographics", protocols="probe")) == {MEAN, Row("demographics")}
    with pytest.raises(ValueError, match="no protocol is named 'prob'; there are probe"):
        compare(data, "demographics", protocols=["prob"])
    with pytest.raises(ValueError, match="seeds is how many, at least 1; got 0"):
        compare(data, "random", seeds=0)


def test_a_table_that_came_to_hold_something_else_is_probed_anew(data):
    def own(columns):
        return Method("own", "own", "#000000", "", table=lambda data: data.cohort.table[columns])

    first, second = (predictions(data, [own(columns)])[Row("own")] for columns in (["sex"], ["weight", "height"]))
    assert np.abs(first - second).max() > 0
    beside = [protocols.probe(METHODS["random"], data, "traits", own(columns)) for columns in (["sex"], ["weight"])]
    assert np.abs(beside[0] - beside[1]).max() > 0


def test_a_method_of_ones_own_does_not_go_by_the_name_of_another():
    with pytest.raises(ValueError, match="another method is named 'eccl'"):
        find(dataclasses.replace(METHODS["eccl"], setup=None))
