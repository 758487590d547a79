"""Grids: cells from a file, each done once, resumed after a failure, collected with what they cost."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eccl.config import preset
from eccl.errors import DataError
from eccl.evaluation.summary import summary
from eccl.evaluation.terms import COLUMNS
from eccl.methods import METHODS
from eccl.report import keep_or_read
from eccl.study import __main__ as command
from eccl.study import cell as judging
from eccl.study.grid import cells, collect, read_grid

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    f"stage_{name}.{key}": value for name in ("mae", "cmr", "eccl") for key, value in (("epochs", 1), ("batch_size", 6))
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def written(folder: Path, name: str = "small", **changes) -> Path:
    path = folder / f"{name}.json"
    stated = {"methods": ["demographics", "eccl"], "preset": "smoke", "set": SMALL | {"replicates": 50}}
    path.write_text(json.dumps(stated | changes))
    return path


def test_cells_are_every_combination_and_a_table_has_one_seed(tmp_path, home):
    grid = read_grid(written(tmp_path, vary={"loss.temperature": [0.1, 0.2], "embedding": [8, 16]}, seeds=2))
    found = list(cells(grid))
    assert len(found) == 4 * (1 + 2) and len({cell.path for cell in found}) == len(found)
    assert {cell.seed for cell in found if cell.method == "eccl"} == {preset("smoke").seed, preset("smoke").seed + 1}
    assert found[-1].config.loss.temperature == 0.2 and found[-1].config.embedding == 16
    assert str(found[-1]) == "eccl, seed 43, loss.temperature 0.2, embedding 16"


def test_a_grid_is_run_once_and_says_what_it_cost(tmp_path, home, tiny_cohort, monkeypatch, capsys):
    path, out = written(tmp_path, seeds=2), tmp_path / "out.csv"
    arguments = [str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet", f"--out={out}"]
    assert command.main(arguments) == 0
    assert capsys.readouterr().out.count(" done ") == 3
    table = collect(read_grid(path, tiny_cohort))
    assert set(table["method"]) == {"demographics", "eccl"} and set(table["target"]) == {"traits", "retrieval"}
    own = table.query("method == 'eccl' and target == 'traits' and group == 'all traits'")
    assert list(own["seed"]) == [42, 43] and (own["passes"] == own["passes_most"]).all() and (own["seconds"] > 0).all()
    assert (table.query("method == 'demographics'")["passes"] == 0).all()
    assert {"value", "low", "high", "n", "made_commit", "made_dirty", "made_date", *COLUMNS} <= set(table.columns)
    assert set(table["note"]) == {""} and set(table.query("target == 'retrieval'")["labels"]) == set(own["labels"])
    assert out.read_text().startswith("method,protocol,seed,")
    monkeypatch.setattr(judging, "predictions", None)
    assert command.main(arguments) == 0  # nothing is computed again


def test_a_finished_grid_is_kept_whole_with_what_made_each_cell(tmp_path, home, tiny_cohort, monkeypatch, capsys):
    monkeypatch.setattr("eccl.report.results._results", lambda folder: tmp_path)
    vary, methods = {"label_share": [0.5, 1.0]}, ["demographics", "random"]
    path = written(tmp_path, "finished", vary=vary, methods=methods, seeds=2)
    arguments = [str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet", "--keep"]
    assert command.main([*arguments, "--cell=0"]) == 1
    assert "6 cells are not done, the first demographics, seed 43, label_share 0.5" in capsys.readouterr().err
    assert not (tmp_path / "finished.csv").exists()
    assert command.main(arguments) == 0
    kept = keep_or_read("finished")
    assert len(kept) == len(collect(read_grid(path, tiny_cohort))) and kept["seed"].dtype == "Int64"
    assert kept["made_commit"].notna().all() and set(kept["made_dirty"]) <= {"True", "False"}
    mean = summary(kept).query("group == 'all traits'").set_index(["method", "label_share"])
    assert list(mean["seeds"]) == [2, 2, 1, 2]  # a table too, where a seed draws who is labelled
    assert (mean["lowest"] <= mean["highest"]).all()


def test_differences_are_to_the_reference_of_the_same_seed_and_with_the_same_demographics(tmp_path, home, tiny_cohort):
    protocols = ["probe", "probe_demographics"]
    path = written(tmp_path, "paired", methods=["measurements", "eccl"], protocols=protocols, reference="eccl", seeds=2)
    assert command.main([str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet"]) == 0
    table = collect(read_grid(path, tiny_cohort)).query("group == 'all traits'")
    assert table.groupby(["method", "protocol"]).size().to_dict() == {
        ("measurements", "probe"): 2,  # the one table, beside each seed of what it is compared with
        ("measurements", "probe_demographics"): 2,
        ("eccl", "probe"): 2,
        ("eccl", "probe_demographics"): 2,
    }
    rows = table.set_index(["method", "protocol", "seed"]).sort_index()
    for protocol, seed in itertools.product(protocols, (42, 43)):
        apart = rows.loc[("measurements", protocol, seed), "value"] - rows.loc[("eccl", protocol, seed), "value"]
        assert rows.loc[("measurements", protocol, seed), "difference"] == pytest.approx(apart)
    assert (rows.loc["eccl", "difference"] == 0).all()
    mean = summary(table).set_index(["method", "protocol"])
    apart = rows.loc[("measurements", "probe"), "difference"]
    assert apart.nunique() == 2 and mean.loc[("measurements", "probe"), "difference"] == pytest.approx(apart.mean())


def test_the_reference_default_is_the_same_method_and_seed_under_the_settings_that_nothing_varies(
    tmp_path, home, tiny_cohort
):
    vary = {"loss.trait_weight": [1.0, 3.0]}
    path = written(tmp_path, "varied", methods=["eccl"], vary=vary, reference="default", seeds=2)
    assert command.main([str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet"]) == 0
    table = collect(read_grid(path, tiny_cohort)).query("group == 'all traits'")
    rows = table.set_index(["loss.trait_weight", "seed"])
    assert set(table["method"]) == {"eccl"} and (rows.loc[1.0, "difference"] == 0).all()  # the preset's own weight
    for seed in (42, 43):
        apart = rows.loc[(3.0, seed), "value"] - rows.loc[(1.0, seed), "value"]
        assert rows.loc[(3.0, seed), "difference"] == pytest.approx(apart) and apart != 0


def test_settings_of_one_method_leave_the_others(tmp_path, home):
    chosen = {"random": {"embedding": 8}}
    grid = read_grid(written(tmp_path, methods=["eccl", "random"], set_of=chosen))
    widths = {cell.method: cell.config.embedding for cell in cells(grid)}
    assert widths == {"eccl": preset("smoke").embedding, "random": 8}


def test_a_grid_in_a_folder_of_grids_is_kept_in_that_folder(tmp_path, home, tiny_cohort, monkeypatch):
    folder = tmp_path / "grids" / "ablations"
    folder.mkdir(parents=True)
    path = written(folder, "alpha", methods=["demographics"])
    assert read_grid(path).name == "ablations/alpha"
    monkeypatch.setattr("eccl.report.results._results", lambda folder: tmp_path)
    assert command.main([str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet", "--keep"]) == 0
    assert len(keep_or_read("ablations/alpha")) == len(keep_or_read("ablations/alpha", folder=tmp_path))


def test_a_cell_that_fails_says_why_and_the_others_go_on(tmp_path, home, tiny_cohort, monkeypatch, capsys):
    path = written(tmp_path, "failing", vary={"loss.temperature": [0.3]})
    arguments = [str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet"]
    judged = judging._judged

    def broken(cell, data):
        if cell.method == "eccl":
            raise FloatingPointError("the loss is nan")
        return judged(cell, data)

    monkeypatch.setattr(judging, "_judged", broken)
    assert command.main(arguments) == 1
    shown = capsys.readouterr()
    assert "eccl, seed 42, loss.temperature 0.3: the loss is nan" in shown.err
    assert "failed  eccl" in shown.out and "done    demographics" in shown.out


def test_cells_at_once_share_an_earlier_stage_and_a_killed_grid_goes_on(tmp_path, home, tiny_cohort):
    methods = ["demographics", "eccl", "eccl_pairs"]
    path = written(tmp_path, "several", methods=methods, set=SMALL | {"replicates": 50, "embedding": 8})
    line = [sys.executable, "-m", "eccl.study", str(path), f"--cohort={tiny_cohort}", "--jobs=2", "--quiet"]
    process = subprocess.Popen(line, env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=ROOT, start_new_session=True)
    found = list(cells(read_grid(path, tiny_cohort)))
    while process.poll() is None and not any(cell.path.exists() for cell in found):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {cell.path: cell.path.stat().st_mtime_ns for cell in found if cell.path.exists()}
    assert before and len(before) < len(found)
    arguments = [str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet"]
    assert command.main(arguments) == 0 and [cell.state for cell in found] == ["done"] * 3
    assert {path: path.stat().st_mtime_ns for path in before} == before, "what was done is done"


def test_one_cell_alone_may_be_asked_for(tmp_path, home, tiny_cohort, capsys):
    path = written(tmp_path, "single")
    assert command.main([str(path), "--cell=0", f"--cohort={tiny_cohort}", "--quiet"]) == 0
    assert [cell.state for cell in cells(read_grid(path, tiny_cohort))] == ["done", "waiting"]
    assert command.main([str(path), "--cell=7", f"--cohort={tiny_cohort}", "--quiet"]) == 1
    assert "no cell 7 among 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": []}, "names no methods"),
        ({"methods": ["clip"]}, "no method is named 'clip'"),
        ({"reference": "clip"}, "no method is named 'clip'"),
        ({"reference": 3}, "reference is a text"),
        ({"protocols": ["zero-shot"]}, "no protocol is named 'zero-shot'"),
        ({"vary": {"loss.temprature": [1.0]}}, "did you mean 'temperature'"),
        ({"vary": {"loss.temperature": ["warm"]}}, "takes a float"),
        ({"seed": 3}, "did you mean 'seeds'"),
        ({"methods": "eccl"}, "methods is a list of names"),
        ({"protocols": []}, "protocols is a list of names"),
        ({"targets": ["weather"]}, "traits or diagnoses; got 'weather'"),
        ({"vary": ["embedding"]}, "vary is an object"),
        ({"vary": {"embedding": 3}}, "embedding has 3"),
        ({"vary": {"embedding": []}}, "embedding has"),
        ({"vary": {"seed": [1, 2]}}, "the seed is not varied"),
        ({"vary": {"preset": ["smoke", "paper"]}}, "what settings start from"),
        ({"set": []}, "set is an object"),
        ({"set_of": []}, "set_of is an object"),
        ({"set_of": {"eccl": 3}}, "eccl is an object"),
        ({"set_of": {"clip": {"embedding": 8}}}, "no method is named 'clip'"),
        ({"reference": "default", "vary": {"simulation.participants": [60]}}, "where the participants vary"),
        ({"seeds": 0}, "at least 1; got 0"),
        ({"seeds": "3"}, "at least 1; got '3'"),
        ({"title": 3}, "title is a text"),
        ({"cohort": "c"}, "a grid has no 'cohort'"),
    ],
)
def test_a_grid_that_names_what_is_not_there_is_refused_before_anything_is_trained(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        read_grid(written(tmp_path, **changes))


@pytest.mark.parametrize("path", sorted((ROOT / "grids").glob("*.json")), ids=lambda path: path.stem)
def test_the_grids_of_the_project_can_be_run(path):
    grid = read_grid(path)
    assert grid.title and set(grid.methods) <= set(METHODS)
    assert grid.seeds == (1 if path.stem == "large" else 3)  # seven times the people, and hours for one seed


def test_cells_of_another_cohort_or_of_another_shared_seed_are_others(tmp_path, tiny_cohort):
    def paths(cohort=None, **changes):
        return {cell.path for cell in cells(read_grid(written(tmp_path, methods=["eccl"], **changes), cohort))}

    assert not paths() & paths(tiny_cohort)
    one, next_one = paths(set={"seed": 1}, seeds=2), paths(set={"seed": 2})  # both train by seed 2
    assert len(one) == 2 and not one & next_one
    with pytest.raises(DataError, match="participants changes the simulated cohort"):
        paths(tiny_cohort, vary={"simulation.participants": [10, 20]})


def test_a_setting_that_is_a_column_already_may_vary(tmp_path, home, tiny_cohort):
    vary = {"label_share": [0.5, 1.0], "stage_eccl.learning_rates": [[0.1, 0.2]]}
    path = written(tmp_path, "shares", methods=["demographics"], vary=vary)
    assert command.main([str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet"]) == 0
    table = collect(read_grid(path, tiny_cohort))
    assert set(table["label_share"]) == {0.5, 1.0} and set(table["stage_eccl.learning_rates"]) == {"[0.1, 0.2]"}


def test_what_cannot_be_judged_or_written_is_told(tmp_path, home, tiny_cohort, capsys):
    path = written(tmp_path, "unjudged", methods=["demographics"], protocols=["finetune"])
    assert command.main([str(path), f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet"]) == 1
    assert "demographics cannot be judged by finetune" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main([str(path), f"--out={tmp_path / 'nowhere' / 'a.csv'}"])
    assert "there is no folder" in capsys.readouterr().err
