"""The terms of a row: known before training, counted after it, and said where they are less than ECCL's."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eccl import plots
from eccl.config import preset
from eccl.config import replace as set_config
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.evaluation.protocols import PROTOCOLS, finetuned
from eccl.evaluation.terms import COLUMNS, budget, terms, with_terms
from eccl.machine import Machine
from eccl.methods import METHODS
from eccl.methods.base import most_passes
from eccl.study.compare import compare, predictions
from eccl.study.data import Data
from eccl.training.runs import Run

GRIDS = Path(__file__).resolve().parents[2] / "grids"
PRESETS = ("smoke", "laptop", "paper")
ONE = {"epochs": 1, "batch_size": 6}
CONFIG = preset(
    "smoke",
    replicates=50,
    ecg_start="masked_autoencoder",
    stage_mae={**ONE, "epochs": 2},
    stage_cmr={**ONE, "learning_rates": [1e-3, 1e-2]},
    stage_eccl=ONE,
    stage_supervised={**ONE, "learning_rates": [1e-9, 3e-3]},
    stage_finetune=ONE,
)


@pytest.fixture(scope="module")
def data(tiny_cohort, tiny_store, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        split = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
        yield Data(CONFIG, Cohort.load(tiny_cohort), tiny_store, split, Machine("cpu"))


# before training


def test_what_each_method_learns_from():
    learnt = {name: budget(method, CONFIG).labels for name, method in METHODS.items()}
    assert learnt == {
        "random": "none",
        "demographics": "none",
        "measurements": "none",
        "supervised": "traits",
        "masked_autoencoder": "ECGs",
        "simclr": "ECGs",
        "cmr_supervised": "traits",
        "cmr_simclr": "cines",
        "eccl": "ECGs, traits, pairs",
        "eccl_pairs": "ECGs, pairs",
        "eccl_unlabelled": "ECGs, pairs",
        "eccl_labels": "ECGs, traits",
        "eccl_nt_xent": "ECGs, traits, pairs",
        "eccl_triplet": "ECGs, traits, pairs",
        "eccl_sigmoid": "ECGs, traits, pairs",
        "eccl_joint": "ECGs, traits, pairs",
        "eccl_tabular": "ECGs, traits, pairs, tables",
        "eccl_snp": "ECGs, traits, pairs, genotypes",
        "mmcl": "ECGs, pairs",
        "cross_modal_autoencoder": "ECGs, pairs",
        "eccl_shuffled": "ECGs, traits, shuffled pairs",
    }
    start = set_config(CONFIG, ecg_start="random")
    assert budget(METHODS["eccl"], start).labels == "traits, pairs"
    assert budget(METHODS["eccl_pairs"], start).labels_cmr == "traits"  # its images' encoder had seen them
    assert budget(METHODS["eccl_unlabelled"], start).labels_cmr == "cines"
    assert budget(METHODS["eccl"], set_config(start, loss={"trait_weight": 0.0})).labels == "pairs"
    assert budget(finetuned(METHODS["random"], "diagnoses"), CONFIG).labels == "diagnoses"
    assert budget(finetuned(METHODS["eccl_pairs"], "traits"), start).labels == "pairs, traits"


def test_passes_are_those_of_the_ecg_encoder_and_of_what_it_starts_from():
    changed = {f"stage_{name}": {"epochs": 10**k} for k, name in enumerate(("mae", "cmr", "eccl", "finetune"))}
    config = set_config(CONFIG, **changed)
    assert budget(METHODS["eccl"], config).passes_most == 101 and budget(METHODS["eccl"], config).passes_cmr == 10
    assert budget(METHODS["eccl"], set_config(config, ecg_start="random")).passes_most == 100
    tuned = budget(finetuned(METHODS["eccl"], "traits"), config)
    assert (tuned.passes_most, tuned.passes_cmr, tuned.note) == (1101, 10, "")
    for name in ("random", "masked_autoencoder"):  # what they had less than ECCL, they have in fine-tuning
        assert budget(finetuned(METHODS[name], "traits"), config).passes_most == 1101
    assert budget(METHODS["masked_autoencoder"], config).note == "1 of 101 passes"
    assert [budget(METHODS[name], config).passes_most for name in ("random", "measurements")] == [0, 0]
    assert [budget(METHODS[name], config).note for name in ("random", "measurements", "eccl")] == ["", "", ""]


@pytest.mark.parametrize("name", PRESETS)
def test_a_row_that_has_fewer_passes_than_eccl_says_so(name):
    """The law of equal terms, of every method by every protocol."""
    config = preset(name)
    most = budget(METHODS["eccl"], config).passes_most
    for method in METHODS.values():
        for protocol in PROTOCOLS.values():
            if protocol.applies(method):
                found = budget(protocol.trains(method, "traits"), config)
                short = 0 < found.passes_most < most
                assert found.note == (f"{found.passes_most} of {most} passes" if short else ""), (method, protocol)
    assert most > 0


@pytest.mark.parametrize("name", PRESETS)
def test_whatever_it_starts_from_a_fine_tuned_row_has_as_many_passes(name):
    config = preset(name)
    protocol = PROTOCOLS["finetune"]
    eccls = most_passes(METHODS["eccl"], config)
    starts = [one for one in METHODS.values() if protocol.applies(one) and most_passes(one, config) <= eccls]
    most = {budget(protocol.trains(one, "traits"), config).passes_most for one in starts}
    assert len(starts) > 5 and most == {budget(finetuned(METHODS["eccl"], "traits"), config).passes_most}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("grid", sorted(GRIDS.glob("*.json")), ids=lambda path: path.stem)
def test_rows_that_isolate_the_pairs_have_equal_terms(grid, name):
    """Labels without pairs, pairs without labels and from scratch: as many passes as ECCL, in every preset."""
    methods = {"supervised", "simclr", "eccl_pairs", "eccl_unlabelled", "eccl_labels", "eccl_shuffled"} & set(
        json.loads(grid.read_text())["methods"]
    )
    assert not [note for method in methods if (note := budget(METHODS[method], preset(name)).note)]


# after it


@pytest.fixture(scope="module")
def trained(data):
    predictions(data, ["supervised", "masked_autoencoder", "eccl"])
    return data


def test_what_was_made_of_the_budget(trained):
    found = terms(METHODS["eccl"], trained)
    runs = {name.partition("-smoke")[0]: one for name, one in trained.obtained.items()}
    assert found.passes == found.passes_most == 3 and found.passes_cmr == 1
    assert found.people == 12 and found.seen == 36
    assert found.learning_rate == CONFIG.stage_eccl.learning_rate and found.learning_rates == (found.learning_rate,)
    ecg = sum(runs[name].history["seconds"].sum() for name in ("masked_autoencoder", "eccl"))
    cmr = [one for name, one in trained.obtained.items() if name.startswith("cmr_supervised")]
    assert len(cmr) == 2  # two rates were tried: the time of both was spent
    assert found.seconds_ecg == pytest.approx(ecg, abs=0.06)
    assert found.seconds == pytest.approx(ecg + sum(one.history["seconds"].sum() for one in cmr), abs=0.06)


def test_few_labels_are_few_people_to_read(trained):
    few = replace(trained, config=set_config(CONFIG, label_share=0.25), obtained={})
    predictions(few, ["supervised", "eccl"])
    alone, both = (terms(METHODS[name], few) for name in ("supervised", "eccl"))
    assert (alone.label_share, alone.people, alone.seen) == (0.25, 3, 12)  # each of them four times
    assert (both.label_share, both.people, both.seen) == (0.25, 12, 36)  # pairs and ECGs need no labels


def test_of_several_learning_rates_the_chosen_one_is_told(trained):
    found = terms(METHODS["supervised"], trained)
    assert found.learning_rates == (1e-9, 3e-3) and found.learning_rate in found.learning_rates
    assert found.passes == 1 and found.note == "1 of 3 passes"


def test_early_stopping_leaves_fewer_passes_than_there_might_have_been(trained, monkeypatch):
    stopped = Run.history.fget
    monkeypatch.setattr(Run, "history", property(lambda run: stopped(run).iloc[:1]))
    found = terms(METHODS["eccl"], replace(trained, obtained={}))
    assert (found.passes, found.passes_most, found.note) == (2, 3, "")


def test_the_table_says_it_and_so_does_the_figure(trained):
    table = compare(trained, ["demographics", "supervised", "masked_autoencoder", "eccl"])
    assert set(COLUMNS) <= set(table.columns)
    rows = table.set_index("method")
    assert list(rows["note"]) == ["", "", "1 of 3 passes", "2 of 3 passes", ""]
    assert list(rows["passes"].fillna(-1)) == [-1, 0, 1, 2, 3] and rows["passes"].dtype == "Int64"
    assert rows.loc["supervised", "learning_rates"] == "[1e-09, 0.003]"
    assert rows.loc["demographics", ["labels", "seconds"]].tolist() == ["none", 0.0]
    panel = plots.forest(table.query("method != 'mean'"), "mean r").axes[0]
    shown = [text.get_text() for text in panel.get_yticklabels()]
    assert shown[1:] == ["supervised (1 of 3 passes)", "masked autoencoder (2 of 3 passes)", "ECCL"]


def test_a_fine_tuned_row_stands_on_its_own_terms(trained):
    table = compare(trained, ["random"], protocols=("probe", "finetune")).set_index("protocol")
    assert table.loc["finetune", ["labels", "passes", "note"]].tolist() == ["traits", 4, ""]
    assert table.loc["probe", ["labels", "note"]].tolist() == ["none", ""]


def test_what_is_no_method_has_no_terms(trained):
    table = pd.DataFrame(
        {"method": ["ceiling", "random"], "protocol": ["none", "retrieval"], "seed": None}, index=[7, 3]
    )
    found = with_terms(table, trained)
    assert list(found.index) == [7, 3] and found["labels"].isna().tolist() == [True, False]
    assert found["note"].tolist() == ["", ""]
