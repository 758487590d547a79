"""Seeds taken together: their spread apart from the interval, and nothing mixed that differs."""

import numpy as np
import pandas as pd
import pytest

from eccl.evaluation.summary import summary


def table(**changes) -> pd.DataFrame:
    """Three seeds of one method and the one row of a table of features, at two label shares."""
    rows = [
        {"method": "eccl", "seed": seed, "value": share + 0.01 * k, "passes": 4 + k, "seconds": 10.0 * (1 + k)}
        | {"label_share": share, "low": share - 0.1 - k, "note": ""}
        for share in (0.1, 0.5)
        for k, seed in enumerate((42, 43, 44))
    ]
    rows += [{"method": "measurements", "seed": 42, "value": 0.3, "passes": 0, "seconds": 0.0, "label_share": 0.1}]
    return pd.DataFrame(rows).assign(protocol="probe", high=1.0, n=9, target="traits", metric="r", **changes)


def test_the_mean_and_spread_are_of_seeds_and_the_ends_of_the_interval_the_means_of_theirs():
    found = summary(table().iloc[::-1])
    assert sorted(found["seeds"]) == [1, 3, 3]
    one = found.query("method == 'eccl' and label_share == 0.1").iloc[0]
    assert one["value"] == pytest.approx(0.11) and (one["lowest"], one["highest"]) == (0.1, pytest.approx(0.12))
    assert one["low"] == pytest.approx(-1.0) and one["high"] == 1.0 and one["n"] == 9
    assert (one["passes"], one["seconds"], one["note"]) == (5, 20.0, "")
    assert "labels" not in found and found["seed"].isna().all()


def test_a_setting_that_varies_must_be_named():
    twice = pd.concat([table().assign(embedding=8), table().assign(embedding=16)])
    with pytest.raises(ValueError, match=r"eccl \(probe, seed 42\) has several rows"):
        summary(twice)
    assert len(summary(twice, by=["embedding"])) == 2 * len(summary(table()))


def test_rows_of_several_targets_stay_apart():
    both = pd.concat([table().assign(group="aorta"), table().assign(target="diagnoses", diagnosis="I21")])
    assert len(summary(both)) == 2 * len(summary(table())) and np.isfinite(summary(both)["value"]).all()


def test_the_interval_holds_that_of_the_mean_of_the_seeds():
    """Of three seeds with the same draws: as wide where they err alike, wider where they do not."""
    rng = np.random.default_rng(1)
    shared, own = rng.normal(size=(200, 1)), rng.normal(size=(200, 3))
    for errors in (np.tile(shared, 3), 0.7 * shared + 0.7 * own):
        draws = errors[rng.integers(0, 200, (2000, 200))].mean(axis=1)  # replicates x seeds
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
        rows = table().query("method == 'eccl' and label_share == 0.1").assign(low=low, high=high)
        one = summary(rows).iloc[0]
        of_mean = np.quantile(draws.mean(axis=1), [0.025, 0.975])
        assert one["low"] <= of_mean[0] + 1e-12 and of_mean[1] - 1e-12 <= one["high"]
        if errors[0, 0] == errors[0, 1]:
            assert [one["low"], one["high"]] == pytest.approx(of_mean)
