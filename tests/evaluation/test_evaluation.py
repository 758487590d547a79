"""Retrieval against the full matrix, probes against scikit-learn, and nothing that looks at the test split."""

import numpy as np
import pandas as pd
import pytest

from eccl import metrics
from eccl.data.split import Split
from eccl.evaluation import baselines, probes, retrieval, tables
from eccl.traits import DIAGNOSES, GROUPS, TRAIT_NAMES, TRAITS

N, D, K = 240, 12, len(TRAITS)
SPLIT = Split(np.arange(140), np.arange(140, 190), np.arange(190, N))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def parts(values):
    return values[SPLIT.train], values[SPLIT.validation], values[SPLIT.test]


@pytest.fixture
def linear(rng):
    """Features, and traits and diagnoses that depend on them."""
    h = 5 + 3 * rng.normal(size=(N, D))
    traits = 100 + (h - 5) @ rng.normal(size=(D, K)) + 2 * rng.normal(size=(N, K))
    diagnoses = (rng.random((N, 4)) < 1 / (1 + np.exp(1 - (h[:, :4] - 5)))).astype(int)
    return h, traits, diagnoses


# retrieval


def test_retrieval_equals_the_full_matrix_in_both_directions(rng):
    z_cmr = rng.normal(size=(50, 8))
    z_ecg = 3 * z_cmr + 2 * rng.normal(size=(50, 8))
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z_ecg, z_cmr)]
    similarity = unit[0] @ unit[1].T
    found = retrieval.retrieval_ranks(z_ecg, z_cmr, chunk=7)
    for direction, matrix in zip(retrieval.DIRECTIONS, (similarity, similarity.T)):
        expected = [1 + sum(matrix[i] > matrix[i, i]) for i in range(50)]
        np.testing.assert_array_equal(found[direction], expected)
    table = retrieval.retrieval(z_ecg, z_cmr, metrics.bootstrap_indices(50, 200, 0))
    row = table.query("model == 'ECCL' and direction == 'CMR to ECG' and metric == 'recall at 5'").iloc[0]
    assert row["value"] == np.mean(found["CMR to ECG"] <= 5)
    assert row["low"] <= row["value"] <= row["high"] and row["n"] == 50


def test_chance_is_exact_and_unrelated_embeddings_are_at_it(rng):
    z_ecg, z_cmr = rng.normal(size=(2, 400, 8))
    table = retrieval.retrieval(z_ecg, z_cmr, metrics.bootstrap_indices(400, 300, 0)).set_index(
        ["model", "direction", "metric"]
    )
    for direction in retrieval.DIRECTIONS:
        assert table.loc[("chance", direction, "recall at 10"), "value"] == 10 / 400
        assert table.loc[("chance", direction, "median rank"), "value"] == 200.5
        ours = table.loc[("ECCL", direction, "recall at 10")]
        assert ours["low"] <= 10 / 400 <= ours["high"]
        ours = table.loc[("ECCL", direction, "median rank")]
        assert ours["low"] <= 200.5 <= ours["high"]


def test_a_perfect_embedding_finds_everybody_and_a_collapsed_one_nobody(rng):
    z = rng.normal(size=(60, 16))
    for found in retrieval.retrieval_ranks(z, 7 * z).values():
        np.testing.assert_array_equal(found, 1)
    for found in retrieval.retrieval_ranks(np.ones((60, 4)), z[:, :4]).values():
        assert np.mean(found <= 1) <= 0.05
    with pytest.raises(ValueError, match="must be the same"):
        retrieval.retrieval_ranks(z, z[:50])


# probes


def test_the_trait_probe_is_the_ridge_regression_of_scikit_learn(linear):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    h, traits, _ = linear
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(traits)
    scaler = StandardScaler().fit(a)
    found = probes.probe_traits(a, y_train, b, y_validation, c, strengths=[30.0])
    spread = y_train.std(axis=0)
    expected = Ridge(30.0).fit(scaler.transform(a), y_train / spread).predict(scaler.transform(c)) * spread
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    chosen = probes.probe_traits(a, y_train, b, y_validation, c)
    assert np.mean(metrics.pearson(y_test, chosen)) > 0.85


def test_the_strength_is_chosen_on_validation(linear, rng):
    h, traits, _ = linear
    (a, b, c), (y_train, y_validation, _) = parts(h), parts(traits)
    strengths = (1.0, 1e6)
    scores = [
        np.mean(metrics.pearson(y_validation, probes.probe_traits(a, y_train, b, y_validation, b, strengths=[s])))
        for s in strengths
    ]
    best = strengths[int(np.argmax(scores))]
    both, alone = (probes.probe_traits(a, y_train, b, y_validation, c, strengths=s) for s in (strengths, [best]))
    np.testing.assert_array_equal(both, alone)


def test_missing_traits_and_constant_features_do_not_break_the_probe(linear):
    h, traits, _ = linear
    holes = np.where(np.random.default_rng(1).random(traits.shape) < 0.2, np.nan, traits)
    h = np.column_stack([h, np.full(N, 0.1)])
    (a, b, c), (y_train, y_validation, _) = parts(h), parts(holes)
    found = probes.probe_traits(a, y_train, b, y_validation, c)
    assert np.isfinite(found).all()
    assert np.mean(metrics.pearson(traits[SPLIT.test], found)) > 0.8


def test_each_participant_is_predicted_by_itself(linear):
    h, traits, diagnoses = linear
    for probe, y in ((probes.probe_traits, traits), (probes.probe_diagnoses, diagnoses)):
        (a, b, c), (y_train, y_validation, _) = parts(h), parts(y)
        everybody, some = probe(a, y_train, b, y_validation, c), probe(a, y_train, b, y_validation, c[:5])
        np.testing.assert_allclose(everybody[:5], some, rtol=1e-6)


def test_shuffled_labels_leave_nothing_and_are_the_seeds_own(linear):
    h, traits, _ = linear
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(traits)

    def shuffled(seed):
        return probes.probe_traits(a, y_train, b, y_validation, c, shuffle=np.random.default_rng(seed))

    np.testing.assert_array_equal(shuffled(1), shuffled(1))
    r = [np.mean(metrics.pearson(y_test, shuffled(seed))) for seed in range(8)]
    assert abs(np.mean(r)) < 0.25
    assert np.mean(metrics.pearson(y_test, probes.probe_traits(a, y_train, b, y_validation, c))) > 0.85


def test_the_probe_of_diagnoses_gives_calibrated_probabilities(linear):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    h, _, diagnoses = linear
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(diagnoses)
    scaler = StandardScaler().fit(a)
    found = probes.probe_diagnoses(a, y_train, b, y_validation, c, strengths=[0.1])
    for k in range(4):
        reference = LogisticRegression(C=0.1).fit(scaler.transform(a), y_train[:, k])
        np.testing.assert_allclose(found[:, k], reference.predict_proba(scaler.transform(c))[:, 1], atol=2e-3)
    chosen = probes.probe_diagnoses(a, y_train, b, y_validation, c)
    assert ((chosen > 0) & (chosen < 1)).all()
    assert np.mean([metrics.auroc(y_test[:, k], chosen[:, k]) for k in range(4)]) > 0.8


def test_a_diagnosis_that_nobody_in_training_has_gets_its_prevalence(linear):
    h, _, diagnoses = linear
    (a, b, c), (y_train, y_validation, _) = parts(h), parts(diagnoses)
    y_train = y_train.copy()
    y_train[:, 1], y_train[:, 2] = 0, 1
    found = probes.probe_diagnoses(a, y_train, b, y_validation, c)
    assert (found[:, 1] == 0).all() and (found[:, 2] == 1).all()


def test_the_null_of_shuffled_labels_covers_one_half_and_not_the_truth(linear):
    h, _, diagnoses = linear
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(diagnoses)
    null = baselines.shuffled_labels(a, y_train, c, y_test, permutations=40, seed=0)
    assert list(null["diagnosis"]) == list(DIAGNOSES)
    assert ((null["low"] < 0.5) & (null["high"] > 0.5)).all()
    truth = probes.probe_diagnoses(a, y_train, b, y_validation, c)
    areas = [metrics.auroc(y_test[:, k], truth[:, k]) for k in range(4)]
    assert (areas > null["high"]).sum() >= 3


# measurements and the ceiling


def test_absent_measurements_become_the_training_median_and_a_flag():
    table = pd.DataFrame({"rate": [60.0, 70.0, 80.0, 500.0], "p": [100.0, np.nan, 120.0, np.nan], "none": np.nan})
    found = baselines.measurement_features(table, np.array([0, 1, 2]))
    np.testing.assert_array_equal(found[:, 1], [100, 110, 120, 110])
    np.testing.assert_array_equal(found[:, 3], [False, True, False, True])
    assert np.isfinite(found).all() and found.shape == (4, 5)


def test_an_absent_measurement_can_be_the_finding(rng):
    fibrillation = rng.random(N) < 0.3
    table = pd.DataFrame({"p": np.where(fibrillation, np.nan, rng.normal(size=N)), "rate": rng.normal(size=N)})
    diagnoses = np.column_stack([fibrillation] * 4).astype(int)
    traits = rng.normal(size=(N, K))
    by_trait, by_diagnosis = (
        baselines.measurement_baseline(table, labels, SPLIT, probe)
        for labels, probe in ((traits, probes.probe_traits), (diagnoses, probes.probe_diagnoses))
    )
    assert by_trait.shape == (len(SPLIT.test), K) and by_diagnosis.shape == (len(SPLIT.test), 4)
    assert metrics.auroc(diagnoses[SPLIT.test, 0], by_diagnosis[:, 0]) > 0.99


@pytest.fixture
def electrical(rng):
    table = pd.DataFrame(rng.normal(size=(N, 6)), columns=[f"electrical.{k}" for k in range(6)])
    table["electrical.block"] = rng.choice(["", "LBBB"], N)
    return table


def test_the_ceiling_finds_what_is_not_linear_and_never_sees_test_traits(electrical, rng):
    x = electrical.to_numpy()[:, :6].astype(float)
    step = 2.0 * (electrical["electrical.block"] == "LBBB").to_numpy()
    traits = np.column_stack([x[:, 0] + step, 3 * x[:, 1] ** 2]) + 0.2 * rng.normal(size=(N, 2))
    found = baselines.trait_ceiling(electrical, traits, SPLIT, seed=0, workers=1)
    r = metrics.pearson(traits[SPLIT.test], found)
    assert r[0] > 0.9 and r[1] > 0.7
    poisoned = traits.copy()
    poisoned[SPLIT.test] = np.nan
    again = baselines.trait_ceiling(electrical, poisoned, SPLIT, seed=0, workers=1)
    np.testing.assert_array_equal(found, again)


def test_the_ceiling_of_unrelated_traits_is_nothing(electrical, rng):
    traits = rng.normal(size=(N, 6))
    found = baselines.trait_ceiling(electrical, traits, SPLIT, seed=0, workers=1, iterations=10)
    assert abs(np.nanmean(metrics.pearson(traits[SPLIT.test], found))) < 0.25


# tables


@pytest.fixture
def predictions(rng):
    y = rng.normal(size=(80, K))
    return y, {name: weight * y + rng.normal(size=y.shape) for name, weight in (("MAE", 0.5), ("ECCL", 1.0))}


def test_the_trait_table_averages_groups_and_pairs_differences(predictions):
    y, models = predictions
    indices = metrics.bootstrap_indices(80, 100, 0)
    table = tables.trait_table(models, y, indices, reference="MAE", ceiling=models["ECCL"])
    assert list(dict.fromkeys(table["group"])) == ["all traits", *GROUPS]
    each = tables.trait_table(models, y, indices, by="trait").query("model == 'ECCL'")
    assert tuple(each["trait"]) == TRAIT_NAMES
    ours = table.query("model == 'ECCL'").set_index("group")
    assert ours.loc["all traits", "value"] == pytest.approx(each["value"].mean())
    aorta = [trait.name for trait in TRAITS if trait.group == "aorta"]
    assert ours.loc["aorta", "value"] == pytest.approx(each[each["trait"].isin(aorta)]["value"].mean())
    np.testing.assert_allclose(ours["share"], 1)
    reference = table.query("model == 'MAE'").set_index("group")
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
    models = {"mean": baselines.baseline(y, 80)}
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
    ours = table.query("model == 'ECCL'")
    np.testing.assert_allclose(ours["value"], np.abs(y - models["ECCL"]).mean(axis=0))
    assert (ours["low"] <= ours["value"]).all() and (ours["value"] <= ours["high"]).all()


def test_traits_that_were_not_measured_are_left_out(predictions):
    y, models = predictions
    holes = y.copy()
    holes[:20, 0], holes[:, 1] = np.nan, np.nan
    table = tables.trait_table(models, holes, metrics.bootstrap_indices(80, 50, 0), by="trait")
    ours = table.query("model == 'ECCL'")
    assert ours["value"].iloc[0] == pytest.approx(metrics.pearson(y[20:, 0], models["ECCL"][20:, 0]))
    assert np.isnan(ours["value"].iloc[1])


def test_an_unknown_reference_or_grouping_is_an_error(predictions):
    y, models = predictions
    indices = metrics.bootstrap_indices(80, 5, 0)
    with pytest.raises(ValueError, match="'ECLC'; there are MAE, ECCL"):
        tables.trait_table(models, y, indices, reference="ECLC")
    with pytest.raises(ValueError, match="'organ'"):
        tables.trait_table(models, y, indices, by="organ")


def test_the_diagnosis_table_holds_the_prevalence_as_a_baseline(rng):
    y = (rng.random((200, 4)) < (0.3, 0.2, 0.2, 0.1)).astype(int)
    y[:, 3] = 0  # nobody in this split
    p = np.clip(0.2 + 0.3 * y + 0.1 * rng.normal(size=y.shape), 0, 1)
    models = {"prevalence": baselines.baseline(y, 200), "ECCL": p}
    table = tables.diagnosis_table(models, y, metrics.bootstrap_indices(200, 100, 0), reference="prevalence")
    table = table.set_index(["model", "diagnosis", "metric"])
    assert table.loc[("prevalence", "I21", "AUROC"), "value"] == 0.5
    assert table.loc[("prevalence", "I21", "AUPRC"), "value"] == pytest.approx(y[:, 0].mean())
    assert table.loc[("ECCL", "I21", "Brier"), "difference"] < 0
    assert table.loc[("ECCL", "I21", "AUROC"), "difference_low"] > 0
    assert np.isnan(table.loc[("ECCL", "I50", "AUROC"), "value"]) and table.loc[("ECCL", "I50", "AUROC"), "cases"] == 0
    known = [table.loc[("ECCL", code, "AUROC"), "value"] for code in DIAGNOSES[:3]]
    assert table.loc[("ECCL", "mean", "AUROC"), "value"] == pytest.approx(np.mean(known))


def test_the_calibration_table_is_complete(rng):
    y = (rng.random((160, 4)) < 0.3).astype(int)
    table = tables.calibration_table({"ECCL": rng.random((160, 4))}, y, bins=4)
    assert (table.groupby(["model", "diagnosis"])["n"].sum() == 160).all() and len(table) == 16
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
