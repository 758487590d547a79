"""Tables of estimates: groups, paired differences, shares, and who stands in a row."""

import numpy as np
import pytest

from eccl import metrics
from eccl.evaluation import baselines, tables
from eccl.evaluation.rows import Row
from eccl.traits import DIAGNOSES, GROUPS, TRAIT_NAMES, TRAITS

K = len(TRAITS)
MAE, ECCL, MEAN = Row("masked_autoencoder"), Row("eccl"), Row("mean", "none")


@pytest.fixture
def predictions(rng):
    y = rng.normal(size=(80, K))
    return y, {name: weight * y + rng.normal(size=y.shape) for name, weight in ((MAE, 0.5), (ECCL, 1.0))}


def test_the_trait_table_averages_groups_and_pairs_differences(predictions):
    y, models = predictions
    indices = metrics.bootstrap_indices(80, 100, 0)
    table = tables.trait_table(models, y, indices, reference=MAE, ceiling=models[ECCL])
    assert list(dict.fromkeys(table["group"])) == ["all traits", *GROUPS]
    each = tables.trait_table(models, y, indices, by="trait").query("method == 'eccl'")
    assert tuple(each["trait"]) == TRAIT_NAMES
    ours = table.query("method == 'eccl'").set_index("group")
    assert ours.loc["all traits", "value"] == pytest.approx(each["value"].mean())
    aorta = [trait.name for trait in TRAITS if trait.group == "aorta"]
    assert ours.loc["aorta", "value"] == pytest.approx(each[each["trait"].isin(aorta)]["value"].mean())
    np.testing.assert_allclose(ours["share"], 1)
    reference = table.query("method == 'masked_autoencoder'").set_index("group")
    np.testing.assert_array_equal(reference[["difference", "difference_low", "difference_high"]], 0)
    gain = ours.loc["all traits"]
    assert gain["difference"] == pytest.approx(gain["value"] - reference.loc["all traits", "value"])
    assert gain["difference_low"] > 0
    assert reference.loc["all traits", "share_high"] < 1


def test_there_is_no_share_of_a_ceiling_that_is_not_above_0(predictions, rng):
    y, models = predictions
    table = tables.trait_table(models, y, metrics.bootstrap_indices(80, 50, 0), ceiling=-y)
    assert table[["share", "share_low", "share_high"]].isna().all(axis=None)


def test_the_mean_has_no_correlation_but_an_explained_variance_of_0(predictions):
    y, _ = predictions
    indices = metrics.bootstrap_indices(80, 50, 0)
    models = {MEAN: baselines.baseline(y, 80)}
    assert tables.trait_table(models, y, indices)["value"].isna().all()
    explained = tables.trait_table(models, y, indices, statistic=metrics.r_squared)
    np.testing.assert_allclose(explained["value"], 0, atol=1e-12)
    assert set(explained["metric"]) == {"R2"}


def test_any_statistic_of_truth_and_prediction_serves(predictions):
    def mean_error(y, p, *, weights=None):
        error = np.abs(y - p)
        return error.mean(axis=0) if weights is None else weights @ error / weights.sum(axis=1, keepdims=True)

    y, models = predictions
    table = tables.trait_table(models, y, metrics.bootstrap_indices(80, 50, 0), by="trait", statistic=mean_error)
    assert set(table["metric"]) == {"mean_error"}
    ours = table.query("method == 'eccl'")
    np.testing.assert_allclose(ours["value"], np.abs(y - models[ECCL]).mean(axis=0))
    assert (ours["low"] <= ours["value"]).all() and (ours["value"] <= ours["high"]).all()


def test_traits_that_were_not_measured_are_left_out(predictions):
    y, models = predictions
    holes = y.copy()
    holes[:20, 0], holes[:, 1] = np.nan, np.nan
    table = tables.trait_table(models, holes, metrics.bootstrap_indices(80, 50, 0), by="trait")
    ours = table.query("method == 'eccl'")
    assert ours["value"].iloc[0] == pytest.approx(metrics.pearson(y[20:, 0], models[ECCL][20:, 0]))
    assert np.isnan(ours["value"].iloc[1])


def test_an_unknown_reference_or_grouping_is_an_error(predictions):
    y, models = predictions
    indices = metrics.bootstrap_indices(80, 5, 0)
    known = r"no row eclc \(probe\).*there are masked_autoencoder \(probe\), eccl \(probe\)"
    with pytest.raises(ValueError, match=known):
        tables.trait_table(models, y, indices, reference=Row("eclc"))
    with pytest.raises(TypeError, match="got 'eccl'"):
        tables.diagnosis_table({"eccl": y}, y, indices)
    with pytest.raises(ValueError, match="'organ'"):
        tables.trait_table(models, y, indices, by="organ")


def test_the_diagnosis_table_holds_the_prevalence_as_a_baseline(rng):
    y = (rng.random((200, 4)) < (0.3, 0.2, 0.2, 0.1)).astype(int)
    y[:, 3] = 0  # nobody in this split
    p = np.clip(0.2 + 0.3 * y + 0.1 * rng.normal(size=y.shape), 0, 1)
    models = {MEAN: baselines.baseline(y, 200), ECCL: p}
    table = tables.diagnosis_table(models, y, metrics.bootstrap_indices(200, 100, 0), reference=MEAN)
    table = table.set_index(["method", "diagnosis", "metric"])
    assert table.loc[("mean", "I21", "AUROC"), "value"] == 0.5
    assert table.loc[("mean", "I21", "AUPRC"), "value"] == pytest.approx(y[:, 0].mean())
    assert table.loc[("eccl", "I21", "Brier"), "difference"] < 0
    assert table.loc[("eccl", "I21", "AUROC"), "difference_low"] > 0
    assert np.isnan(table.loc[("eccl", "I50", "AUROC"), "value"]) and table.loc[("eccl", "I50", "AUROC"), "cases"] == 0
    known = [table.loc[("eccl", code, "AUROC"), "value"] for code in DIAGNOSES[:3]]
    assert table.loc[("eccl", "mean", "AUROC"), "value"] == pytest.approx(np.mean(known))


def test_the_calibration_table_is_complete(rng):
    y = (rng.random((160, 4)) < 0.3).astype(int)
    table = tables.calibration_table({ECCL: rng.random((160, 4))}, y, bins=4)
    assert (table.groupby(["method", "diagnosis"])["n"].sum() == 160).all() and len(table) == 16
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()


def test_seeds_of_one_method_are_rows_of_their_own(predictions):
    y, models = predictions
    seeds = {ECCL._replace(seed=1): models[MAE], ECCL._replace(seed=2): models[ECCL]}
    table = tables.trait_table(seeds, y, metrics.bootstrap_indices(80, 20, 0)).query("group == 'all traits'")
    assert list(table.columns[:4]) == ["method", "protocol", "seed", "group"]
    assert list(table["seed"]) == [1, 2] and table["seed"].dtype == "Int64"
    assert table["value"].iloc[0] < table["value"].iloc[1]
