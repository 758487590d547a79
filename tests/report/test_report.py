"""What reaches the book is plain, complete, and names no one."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eccl import report
from eccl.config import preset
from eccl.errors import DataError
from eccl.metrics import Estimate
from eccl.report import results
from eccl.training.runs import Run


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


def test_a_sentence_carries_its_numbers_and_hands_them_over(glued):
    said = report.say(
        """
        ECCL reaches **{r:.3f}**, n = {r.n}; the value alone is {r.value:.2f}.

        | gain | {gain:.1f} | {verdict} |
        """,
        r=Estimate(0.4838, 0.4391, 0.5309, 559),
        gain=np.float32(0.25),
        verdict="better",
    )
    expected = "ECCL reaches **0.484 (0.439 to 0.531)**, n = 559; the value alone is 0.48.\n\n| gain | 0.2 | better |"
    assert said._repr_markdown_() == repr(said) == expected
    assert glued == {
        "r": 0.4838, "r_low": 0.4391, "r_high": 0.5309, "r_n": 559, "gain": 0.25, "verdict": "better"
    }  # fmt: skip


def test_a_sentence_without_its_number_is_refused_and_hands_over_nothing(glued):
    with pytest.raises(ValueError, match="asks for 'q', which is not given; the values are r"):
        report.say("{r} and {q}", r=1.0)
    with pytest.raises(TypeError, match="curve is a ndarray"):
        report.say("{curve}", curve=np.zeros(3))
    assert not glued


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
    assert report.provenance_table({}, "some of both").iloc[0, 0] == "some of both"


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "eccl-0123456789")
    run.folder.mkdir()
    made = {"commit": "0123456789abcdef", "dirty": False, "date": "2026-01-02T03:04:05+00:00", "device": "GPU <9>"}
    run.save_json("provenance.json", made | {"seed": 42, "precision": "32-true", "preset": "smoke", "torch": "2.1"})
    return run


def test_the_foot_of_a_page_shows_its_runs_and_not_the_moment_alone(run):
    foot = report.runs_provenance([run, run], simulated=True, config=preset("smoke"))
    assert list(foot.runs["run"]) == [run.name]  # once
    row = foot.runs.iloc[0]
    assert row["commit"] == "0123456789" and row["code"] == "unchanged" and row["date"].startswith("2026-01-02")
    html = foot._repr_html_()
    assert html.startswith("<details><summary>Made by: simulated participants, 1 training run")
    assert "GPU &lt;9&gt;" in html and "GPU <9>" not in html and "Page built" in html
    assert run.name in repr(foot) and "2026-01-02" not in foot.page


def test_a_model_that_came_trained_stands_first_among_the_runs(run):
    loaded = {"method": "eccl", "run": "eccl-of-old", "commit": "fedcba9876543210", "simulated": True}
    foot = report.runs_provenance([run], "two <real> ECGs and simulated participants", preset("smoke"), loaded)
    assert list(foot.runs["run"]) == ["eccl-of-old", run.name] and foot.runs["commit"].iloc[0] == "fedcba9876"
    assert foot.runs["device"].iloc[0] == "unknown"
    assert "Made by: two &lt;real&gt; ECGs and simulated participants, 2 training runs<" in foot._repr_html_()


def test_a_page_without_runs_says_so_and_a_run_without_provenance_is_refused(run):
    none = report.runs_provenance([], simulated=False, config=preset("smoke"))
    assert "No trained model" in none._repr_html_() and "real participants" in repr(none)
    (run.folder / "provenance.json").write_text('{"commit": null, "dirty": null}')
    (row,) = report.runs_provenance([run], True, preset("smoke")).runs.to_dict("records")
    assert {value for name, value in row.items() if name != "run"} == {"unknown"}
    (run.folder / "provenance.json").unlink()
    with pytest.raises(DataError, match=r"provenance\.json"):
        report.runs_provenance([run], True, preset("smoke"))


def test_the_provenance_of_a_run_names_no_user_host_or_path():
    import getpass
    import socket

    from eccl.training.provenance import provenance

    text = " ".join(report.provenance_table(provenance(preset("smoke")), True).iloc[:, 0])
    assert socket.gethostname() not in text and "/home" not in text
    assert getpass.getuser() not in text.replace("root", "") or getpass.getuser() == "root"
    assert "/" not in text


def test_the_papers_figures_are_complete_and_plausible():
    paper = report.read_reference("paper")
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


def test_the_reference_values_come_with_the_package():
    from eccl.traits import TRAIT_NAMES

    people = report.read_reference("petersen2017")
    assert list(people.columns) == ["trait", "sex", "mean", "sd"] and set(people["trait"]) <= set(TRAIT_NAMES)
    with pytest.raises(ValueError, match="no published table 'papers'; there are normal_waves, paper, petersen2017"):
        report.read_reference("papers")


@pytest.fixture
def tables():
    numbers = {"seed": None, "low": 0.3, "high": 0.5, "n": 600, "metric": "r"}
    probed = [
        {"method": m, "protocol": p, "group": g, "value": 0.4} | numbers
        for m, p in (("eccl", "probe"), ("ceiling", "none"))
        for g in ("all traits", "aorta")
    ]
    tuned = [
        {"method": m, "protocol": p, "group": "all traits", "value": v} | numbers
        for m, p, v in (("eccl", "probe", 0.4), ("eccl", "finetune", 0.45), ("random", "finetune", 0.45))
    ]
    return pd.DataFrame(probed), pd.DataFrame(tuned)


def test_a_row_is_a_model_of_the_paper_or_its_counterpart(tables):
    image = tables[1].iloc[:1].assign(method="cmr_supervised", value=0.8)
    beside = report.paper_beside_ours(report.trait_rows(*tables, image))["82 traits"]
    assert list(beside.columns) == ["paper", "ours (n = 600)"] and beside.index.name == "model"
    assert list(beside.index) == ["CMR", "MAE", "cross-modal autoencoder", "ECCL, fine-tuned", "from scratch"]
    assert list(beside.loc["ECCL, fine-tuned"]) == ["0.39", "0.45 (0.30 to 0.50)"]
    assert list(beside.loc["CMR"]) == ["0.56", "0.80 (0.30 to 0.50)"]
    assert list(beside.loc["from scratch"]) == ["", "0.45 (0.30 to 0.50)"]
    assert list(beside.loc["MAE"]) == ["0.34", ""]  # the paper alone: by its own name


def test_diagnoses_stand_beside_ranges():
    numbers = {"seed": None, "metric": "AUROC", "value": 0.7, "low": 0.6, "high": 0.8, "n": 600}
    tuned = pd.DataFrame(
        [{"method": "random", "protocol": "finetune", "diagnosis": d} | numbers for d in ("I21", "I42", "mean")]
    )
    tuned.loc[1, "n"] = 590
    beside = report.paper_beside_ours(report.diagnosis_rows(tuned.iloc[:0], tuned))
    assert list(beside.loc["from scratch", "I21"]) == ["0.62 to 0.63", "0.70 (0.60 to 0.80)"]
    columns = {target: list(beside[target].columns) for target in ("I42", "I48")}
    assert columns == {"I42": ["paper", "ours (n = 590)"], "I48": ["paper", "ours"]}
    assert list(beside.columns.unique(0)) == ["I21", "I42", "I48", "I50"]  # not their mean
    assert list(beside.index) == ["CMR", "from scratch", "MAE", "cross-modal autoencoder"]  # the order of the paper's
    assert beside.loc["cross-modal autoencoder", ("I21", "paper")] == ""


def test_results_are_kept_with_what_made_them_and_read_again(tmp_path):
    table = pd.DataFrame({"method": ["eccl", "random"], "seed": pd.array([1, None], "Int64"), "value": [0.75, 0.5]})
    table.index = [7, 9]
    made = {"commit": "12e4567", "device": "CPU", "config": "0123456789", "seed": 42}
    with pytest.raises(DataError, match=r"no results were kept.*keep=True"):
        report.keep_or_read("some", folder=tmp_path)
    shown = report.keep_or_read("some", table, made, folder=tmp_path)
    pd.testing.assert_frame_equal(shown, table.reset_index(drop=True))
    assert list(tmp_path.iterdir()) == []  # shown, not kept
    report.keep_or_read("some", table, made, keep=True, folder=tmp_path)
    kept = report.keep_or_read("some", folder=tmp_path)
    pd.testing.assert_frame_equal(kept[["method", "seed", "value"]], table.reset_index(drop=True))
    assert report.kept_provenance("some", tmp_path) == made | {"seed": "42"}


def test_outside_a_checkout_kept_results_need_a_folder(tmp_path, monkeypatch):
    installed = tmp_path / "site-packages" / "eccl" / "report" / "results.py"
    monkeypatch.setattr(results, "__file__", str(installed))
    with pytest.raises(DataError, match=r"part of the repository.*folder="):
        report.keep_or_read("ptbxl")
    table = pd.DataFrame({"value": [1.0]})
    assert report.keep_or_read("ptbxl", table)["value"].item() == 1.0  # nothing is to be written


def test_what_is_kept_in_the_book_says_what_made_it():
    folder = Path(__file__).resolve().parents[2] / "book" / "results"
    paths = list(folder.rglob("*.csv"))
    assert paths
    for path in paths:
        name = str(path.relative_to(folder).with_suffix(""))
        assert len(report.keep_or_read(name))
        made, columns = report.kept_provenance(name), report.keep_or_read(name).columns
        assert {"commit", "dirty", "device", "config", "date"} <= set(made)
        assert "seed" in columns or "seed" in made
        assert made["commit"] and made["dirty"] == "False", f"{path.name} was made by code that is in no commit"


def test_a_wheel_holds_the_published_values(tmp_path):
    root = Path(__file__).resolve().parents[2]
    source = tmp_path / "source"
    (source / "eccl" / "reference").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "eccl/__init__.py", "eccl/reference/paper.csv"):
        (source / name).write_bytes((root / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, source]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert "eccl/reference/paper.csv" in zipfile.ZipFile(wheel).namelist()


def test_every_commit_that_made_a_kept_table_is_counted(tmp_path):
    made = {"made_device": "CPU", "made_dirty": ["False"] * 5, "made_commit": [f"{k}" * 40 for k in (1, 2, 3, 4, 4)]}
    dates = [f"2026-01-0{day}T00:00:00" for day in (2, 1, 3, 4, 5)]
    pd.DataFrame({"value": 1.0, **made, "made_date": dates}).to_csv(tmp_path / "some.csv", index=False)
    table = report.made_table(["some"], tmp_path)
    assert table.loc["some"].tolist() == ["1111111, 3333333, 4444444 and 1 before", "unchanged", "CPU", "2026-01-05"]
    made["made_dirty"][3] = "True"
    pd.DataFrame({"value": 1.0, **made, "made_date": dates}).to_csv(tmp_path / "some.csv", index=False)
    assert report.made_table(["some"], tmp_path).loc["some", "code"] == "changed since"
