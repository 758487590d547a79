"""Kept ablations: the levels of one setting, less the default, and what was not kept."""

import json

import pandas as pd
import pytest

from eccl import plots, report
from eccl.errors import DataError
from eccl.plots.ablations import SETTINGS
from eccl.report.ablations import varied
from eccl.report.results import kept_names


def kept(folder, name="temperature", setting="loss.temperature", levels=(0.05, 0.1), apart=(-0.02, 0.0)):
    """A table as a grid keeps it: two seeds a level, of one group more than is wanted."""
    lines = []
    for level, difference in zip(levels, apart):
        for seed in (42, 43):
            for target, group, diagnosis, metric in (
                ("traits", "all traits", "", "r"),
                ("traits", "atria", "", "r"),
                ("diagnoses", "", "mean", "AUROC"),
                ("diagnoses", "", "I21", "AUROC"),
            ):
                value = 0.5 + difference
                low, high = (0.0, 0.0) if difference == 0 else (difference - 0.01, difference + 0.01)
                lines.append(
                    {"method": "eccl", "protocol": "probe", "seed": seed, "group": group, "metric": metric}
                    | {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 50, "difference": difference}
                    | {"difference_low": low, "difference_high": high, "target": target, "diagnosis": diagnosis}
                    | {setting: level, "made_commit": "abc"}
                )
    (folder / "ablations").mkdir(exist_ok=True)
    pd.DataFrame(lines).to_csv(folder / "ablations" / f"{name}.csv", index=False)


def test_an_ablation_is_its_levels_by_the_two_scores(tmp_path):
    kept(tmp_path)
    table = report.ablation("temperature", tmp_path)
    assert len(table) == 2 * 2 * 2 and set(table["score"]) == {"mean r", "mean AUROC"}
    assert set(table["setting"]) == {"loss.temperature"} and set(table["level"]) == {"0.05", "0.1"}
    assert set(table.loc[table["default"], "level"]) == {"0.1"}


def test_a_level_that_is_as_good_in_one_seed_alone_is_not_the_default(tmp_path):
    kept(tmp_path, apart=(0.01, 0.0))
    path = tmp_path / "ablations" / "temperature.csv"
    table = pd.read_csv(path)
    table.loc[(table["seed"] == 42), "difference"] = 0.0
    table.to_csv(path, index=False)
    found = report.ablation("temperature", tmp_path)
    assert set(found.loc[found["default"], "level"]) == {"0.1"}


def test_a_setting_without_a_dot_is_found_too(tmp_path):
    kept(tmp_path, "embedding", "embedding", (16, 64))
    assert varied(report.keep_or_read("ablations/embedding", folder=tmp_path)) == "embedding"
    assert set(report.ablation("embedding", tmp_path)["level"]) == {"16", "64"}


def test_the_table_says_each_level_that_is_not_the_default(tmp_path):
    kept(tmp_path)
    table = report.ablation_table(["temperature"], tmp_path)
    assert list(table.index) == ["temperature: 0.05 (default 0.1)"]
    row = table.iloc[0]
    assert row["mean r"] == "-0.020 (-0.030 to -0.010)" and row["seeds, mean AUROC"] == "behind in 2 of 2"


def test_what_was_not_kept_is_named(tmp_path):
    kept(tmp_path)
    grids = tmp_path / "grids"
    grids.mkdir()
    for name in ("alpha", "temperature"):
        (grids / f"{name}.json").write_text(json.dumps({"methods": ["eccl"]}))
    assert report.missing_ablations(grids, tmp_path) == ["alpha"]
    with pytest.raises(DataError, match="no results were kept"):
        report.ablation("alpha", tmp_path)


def test_the_figure_has_a_line_of_no_effect_and_a_mark_a_seed(tmp_path):
    kept(tmp_path)
    figure = plots.ablation(report.ablation("temperature", tmp_path))
    traits, diagnoses = figure.axes
    assert traits.get_xlabel() == "mean r, less the default" and "AUROC" in diagnoses.get_xlabel()
    assert [label.get_text() for label in traits.get_yticklabels()] == ["0.05", "0.1 (default)"]
    assert traits.get_title(loc="left") == "temperature"
    assert [line.get_xdata()[0] for line in traits.lines if line.get_linestyle() == "--"] == [0]
    marks = [line.get_xdata()[0] for line in traits.lines if line.get_marker() == "o"]
    assert marks == [-0.02, -0.02, 0, 0]


def test_a_table_without_differences_is_not_drawn_as_if_it_had(tmp_path):
    kept(tmp_path)
    with pytest.raises(ValueError, match="no differences"):
        plots.ablation(report.ablation("temperature", tmp_path).drop(columns="difference"))


def test_every_setting_that_a_kept_grid_varies_has_words():
    names = [name for name in kept_names("ablations") if name != "cohort"]
    assert len(names) >= 14 and {report.ablation(name)["setting"].iloc[0] for name in names} <= set(SETTINGS)
