"""What reaches the book is plain, complete, and names no one."""

import numpy as np
import pandas as pd
import pytest

from eccl import report
from eccl.metrics import Estimate
from eccl.records import DataError


@pytest.fixture
def glued(monkeypatch):
    import myst_nb

    found = {}
    monkeypatch.setattr(myst_nb, "glue", lambda name, value, display: found.update({name: value}))
    return found


def test_numbers_are_handed_over_plain(glued):
    report.record(
        r=np.float64(0.5), n=np.int64(3), ok=np.bool_(True), text="yes", share=np.float32(0.25), zero=np.array(2.0)
    )
    assert glued == {"r": 0.5, "n": 3, "ok": True, "text": "yes", "share": 0.25, "zero": 2.0}
    assert {type(value) for value in glued.values()} <= {float, int, bool, str}


def test_an_estimate_becomes_four_numbers(glued):
    report.record(auroc=Estimate(np.float64(0.8), 0.7, 0.9, np.int64(600)))
    assert glued == {"auroc": 0.8, "auroc_low": 0.7, "auroc_high": 0.9, "auroc_n": 600}
    assert type(glued["auroc"]) is float and type(glued["auroc_n"]) is int


def test_what_prose_cannot_hold_is_refused(glued):
    with pytest.raises(TypeError, match="curve is a ndarray"):
        report.record(curve=np.zeros(3))
    assert not glued


def test_glue_takes_them_and_formats_them_without_numpy(monkeypatch):
    from myst_nb.ext import glue

    shown = []
    monkeypatch.setattr(glue, "ipy_display", lambda data, **options: shown.append((data, options["metadata"])))
    report.record(r=Estimate(np.float64(0.5), 0.4, 0.6, 10))
    assert [metadata["scrapbook"]["name"] for _, metadata in shown] == ["r", "r_low", "r_high", "r_n"]
    assert [next(iter(data.values())) for data, _ in shown] == ["0.5", "0.4", "0.6", "10"]


def test_a_verdict_needs_an_interval_without_0():
    assert report.verdict(Estimate(0.02, 0.01, 0.03, 9)) == "better"
    assert report.verdict(Estimate(-0.02, -0.03, -0.01, 9)) == "worse"
    assert report.verdict(Estimate(0.02, -0.01, 0.03, 9)) == "not distinguishable"
    assert report.verdict(Estimate(np.nan, np.nan, np.nan, 9)) == "not distinguishable"


def test_provenance_says_first_whether_people_are_simulated():
    table = report.provenance_table({"commit": "abc", "config_digest": "0123456789", "versions": {"torch": "2"}}, True)
    assert list(table.index) == ["data", "commit", "config digest", "versions"]
    assert table.iloc[0, 0] == "simulated participants" and table.iloc[3, 0] == "torch 2"
    assert report.provenance_table({}, False).iloc[0, 0] == "real participants"


def test_the_provenance_of_a_run_names_no_user_host_or_path():
    import getpass
    import socket

    from eccl.config import preset
    from eccl.training.provenance import provenance

    text = " ".join(report.provenance_table(provenance(preset("smoke")), True).iloc[:, 0])
    assert socket.gethostname() not in text and "/home" not in text
    assert getpass.getuser() not in text.replace("root", "") or getpass.getuser() == "root"
    assert "/" not in text


def test_the_papers_figures_are_complete_and_plausible():
    paper = report.read_paper()
    assert list(paper.columns) == ["quantity", "model", "target", "value", "low_end", "high_end", "source", "kind"]
    assert not paper.duplicated(["quantity", "model", "target"]).any()
    assert (paper["value"].isna() == paper["low_end"].notna()).all()
    assert (paper["low_end"].isna() == paper["high_end"].isna()).all()
    scores = paper[paper["quantity"].isin(["AUROC", "mean Pearson r"])]
    assert (scores["kind"] == "run names (validation), not the paper's table").all()
    assert scores[["value", "low_end", "high_end"]].stack().between(0, 1).all()
    assert (scores["low_end"].dropna() <= scores["high_end"].dropna()).all()
    sizes = paper[paper["quantity"] == "participants"].set_index("target")["value"]
    assert sizes["train"] + sizes["validation"] + sizes["test"] == sizes["all"]


def test_a_missing_table_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="restore it"):
        report.read_paper(tmp_path / "paper.csv")


@pytest.fixture
def tables():
    numbers = {"low": 0.3, "high": 0.5, "n": 600, "metric": "r"}
    probed = pd.DataFrame(
        [{"model": m, "group": g, "value": 0.4} | numbers for m in ("ECCL", "ceiling") for g in ("all traits", "aorta")]
    )
    tuned = pd.DataFrame(
        [
            {"model": m, "group": "all traits", "value": 0.45} | numbers
            for m in ("ECCL, probe", "ECCL, fine-tuned", "scratch")
        ]
    )
    return probed, tuned


def test_fine_tuned_models_stand_beside_the_papers_and_probes_alone(tables):
    beside = report.paper_beside_ours(report.trait_rows(*tables)).set_index("model")
    assert not beside.index.duplicated().any()
    assert beside.loc["ECCL", "paper"] == "0.39" and beside.loc["ECCL", "ours"] == "0.45 (0.30 to 0.50)"
    assert beside.loc["ECCL, probe", "paper"] == "" and beside.loc["ECCL, probe", "ours"].startswith("0.40")
    assert beside.loc["CMR", "paper"] == "0.56" and beside.loc["CMR", "ours"] == "" and beside.loc["CMR", "n"] == ""
    assert "ceiling" not in beside.index and "validation" in beside.loc["ECCL", "kind of the paper's figure"]


def test_diagnoses_stand_beside_ranges(tables):
    numbers = {"metric": "AUROC", "value": 0.7, "low": 0.6, "high": 0.8, "n": 600}
    tuned = pd.DataFrame([{"model": "scratch", "diagnosis": code} | numbers for code in ("I21", "mean")])
    beside = report.paper_beside_ours(report.diagnosis_rows(tuned.iloc[:0], tuned)).set_index(["target", "model"])
    assert beside.loc[("I21", "scratch"), "paper"] == "0.62 to 0.63"
    assert beside.loc[("I21", "scratch"), "ours"] == "0.70 (0.60 to 0.80)"
    assert "mean" not in beside.index.get_level_values("target")
    assert list(beside.loc["I21"].index) == ["CMR", "scratch", "MAE"]  # the order of the paper's table


def test_results_are_kept_with_what_made_them_and_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    table = pd.DataFrame({"model": ["ECCL", "random"], "value": [0.75, 0.5]}, index=[7, 9])
    made = {"commit": "12e4567", "device": "CPU", "config": "0123456789", "seed": 42}
    with pytest.raises(DataError, match=r"no results were kept.*keep=True"):
        report.keep_or_read("some")
    pd.testing.assert_frame_equal(report.keep_or_read("some", table, made), table.reset_index(drop=True))
    assert list(tmp_path.iterdir()) == []  # shown, not kept
    report.keep_or_read("some", table, made, keep=True)
    kept = report.keep_or_read("some")
    pd.testing.assert_frame_equal(kept[["model", "value"]], table.reset_index(drop=True))
    assert report.kept_provenance("some") == made | {"seed": "42"}


def test_what_is_kept_in_the_book_says_what_made_it():
    for path in report.RESULTS.glob("*.csv"):
        if path.stem in ("paper", "petersen2017"):
            continue  # published values
        made = report.kept_provenance(path.stem)
        assert {"commit", "dirty", "device", "config", "seed", "date"} <= set(made)
        assert made["commit"] and made["dirty"] == "False", f"{path.name} was made by code that is in no commit"
