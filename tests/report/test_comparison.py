"""Kept rows as text: each figure is that of the table, and nothing is said of what was not measured."""

import pandas as pd
import pytest

from eccl import report

TERMS = {"labels_cmr": "", "passes_most": 16, "n": 50, "note": "", "target": "traits", "group": "all traits"}


def kept(**changes) -> pd.DataFrame:
    """Three seeds of ECCL and of a supervised row that is ahead in two of them; one row of a table of features."""
    rows = [
        {
            "method": "eccl",
            "seed": seed,
            "value": 0.55 + 0.01 * k,
            "difference": 0.0,
            "seconds_ecg": 100.0 - 40 * (k > 0),
        }
        | {"labels": "traits, pairs", "passes": 16, "learning_rate": 2e-3, "learning_rates": "[0.001, 0.002]"}
        for k, seed in enumerate((42, 43, 44))
    ]
    rows += [
        {"method": "supervised", "seed": seed, "value": 0.57, "difference": gain, "seconds_ecg": 50.0}
        | {"labels": "traits", "passes": 12, "learning_rate": 1e-3, "learning_rates": "[0.001, 0.002]"}
        for seed, gain in ((44, 0.001), (43, 0.02), (42, 0.03))
    ]
    rows += [
        {"method": "measurements", "seed": 42, "value": 0.49, "difference": -0.06, "seconds_ecg": 0.0}
        | {"labels": "none", "passes": 0, "learning_rates": "[]"}
    ]
    table = pd.DataFrame(rows).assign(protocol="probe", metric="r", **TERMS, **changes)
    around = {"low": table["value"] - 0.04, "high": table["value"] + 0.04}
    apart = {"difference_low": table["difference"] - 0.01, "difference_high": table["difference"] + 0.01}
    return table.assign(**around, **apart)


def test_the_mean_has_the_interval_of_people_and_the_seeds_their_span():
    shown = report.score_table(kept(), "mean r")
    assert list(shown.index) == ["ECCL", "supervised", "classical measurements"]
    assert list(shown["mean r"]) == ["0.560 (0.520 to 0.600)", "0.570 (0.530 to 0.610)", "0.490 (0.450 to 0.530)"]
    assert list(shown["seeds, from and to"]) == ["0.550 to 0.570", "", ""]
    assert list(shown["less ECCL"]) == ["", "0.017 (0.007 to 0.027)", "-0.060 (-0.070 to -0.050)"]
    assert list(shown["ahead or behind"]) == ["", "ahead in 2 of 3", "behind in 1 of 1"]
    assert list(shown["seeds"]) == [3, 3, 1] and set(shown["n"]) == {50}


def test_what_was_not_compared_is_empty_there():
    shown = report.score_table(kept().drop(columns=["difference", "difference_low", "difference_high"]), "mean r")
    assert set(shown["less ECCL"]) == set(shown["ahead or behind"]) == {""}
    near = kept().assign(difference=0.0, difference_low=-0.01, difference_high=0.01)
    assert report.score_table(near, "mean r").loc["supervised", "ahead or behind"] == "not distinguishable"


def test_several_scores_are_not_mixed():
    with pytest.raises(ValueError, match="several rows"):
        report.score_table(pd.concat([kept(), kept()]), "mean r")


def test_terms_are_those_of_training_and_a_table_of_features_has_none():
    shown = report.terms_table(kept())
    assert list(shown.loc["ECCL"]) == ["traits, pairs", "", "16 of 16", "0.002", "0.001, 0.002", "60"]
    assert list(shown.loc["supervised", ["passes", "learning rate"]]) == ["12 of 16", "0.001"]
    assert list(shown.loc["classical measurements", ["learning rate", "tried", "seconds"]]) == ["", "", ""]


def test_the_seconds_to_a_score_are_those_of_the_pass_that_reached_it():
    curves = pd.DataFrame(
        [
            ("resnet", seed, epoch, 10.0 * (epoch + 1) + seed, r)
            for seed in (0, 1)
            for epoch, r in enumerate((0.3, 0.46, 0.44))
        ]
        + [("vit", 0, 0, 60.0, 0.55), ("vit", 1, 0, 60.0, 0.39)],
        columns=["encoder", "seed", "epoch", "seconds", "validation_r"],
    ).assign(parameters=1234, learning_rate=0.002)
    shown = report.frontier_table(curves)
    assert list(shown.loc["resnet"]) == ["1,234", "0.002", "10.17", "0.460 (0.460 to 0.460)", "20", "20", "-"]
    assert list(shown.loc["vit", ["seconds to 0.40", "best r"]]) == ["-", "0.470 (0.390 to 0.550)"]


def test_who_is_ahead_in_each_seed_is_named():
    rows = [("eccl", 42, 0.01, 0.03), ("eccl", 43, 0.02, 0.04), ("random", 42, -0.3, -0.1), ("random", 43, -0.2, 0.1)]
    table = pd.DataFrame(rows, columns=["method", "seed", "difference_low", "difference_high"])
    table = table.assign(protocol="probe", difference=0.0)
    assert report.ahead(table) == ["ECCL"] and report.ahead(table, -1) == []
    assert report.ahead(table[table["seed"] == 42], -1) == ["random encoder"]
