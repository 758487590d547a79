"""Probes against scikit-learn, and nothing that looks at the test split."""

import numpy as np
import pytest

from eccl import metrics
from eccl.evaluation import probes


def test_the_trait_probe_is_the_ridge_regression_of_scikit_learn(linear, parts):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    h, traits = linear.h, linear.traits
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(traits)
    scaler = StandardScaler().fit(a)
    found = probes.probe_traits(a, y_train, b, y_validation, c, strengths=[30.0])
    spread = y_train.std(axis=0)
    expected = Ridge(30.0).fit(scaler.transform(a), y_train / spread).predict(scaler.transform(c)) * spread
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    chosen = probes.probe_traits(a, y_train, b, y_validation, c)
    assert np.mean(metrics.pearson(y_test, chosen)) > 0.85


def test_the_strength_is_chosen_on_validation(linear, parts):
    h, traits = linear.h, linear.traits
    (a, b, c), (y_train, y_validation, _) = parts(h), parts(traits)
    strengths = (1.0, 1e6)
    scores = [
        np.mean(metrics.pearson(y_validation, probes.probe_traits(a, y_train, b, y_validation, b, strengths=[s])))
        for s in strengths
    ]
    best = strengths[int(np.argmax(scores))]
    both, alone = (probes.probe_traits(a, y_train, b, y_validation, c, strengths=s) for s in (strengths, [best]))
    np.testing.assert_array_equal(both, alone)


def test_missing_traits_and_constant_features_do_not_break_the_probe(linear, parts):
    h, traits = linear.h, linear.traits
    holes = np.where(np.random.default_rng(1).random(traits.shape) < 0.2, np.nan, traits)
    h = np.column_stack([h, np.full(len(h), 0.1)])
    (a, b, c), (y_train, y_validation, _) = parts(h), parts(holes)
    found = probes.probe_traits(a, y_train, b, y_validation, c)
    assert np.isfinite(found).all()
    assert np.mean(metrics.pearson(parts(traits)[2], found)) > 0.8


def test_each_participant_is_predicted_by_itself(linear, parts):
    h, traits, diagnoses = linear.h, linear.traits, linear.diagnoses
    for probe, y in ((probes.probe_traits, traits), (probes.probe_diagnoses, diagnoses)):
        (a, b, c), (y_train, y_validation, _) = parts(h), parts(y)
        everybody, some = probe(a, y_train, b, y_validation, c), probe(a, y_train, b, y_validation, c[:5])
        np.testing.assert_allclose(everybody[:5], some, rtol=1e-6)


def test_shuffled_labels_leave_nothing_and_are_the_seeds_own(linear, parts):
    h, traits = linear.h, linear.traits
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(traits)

    def shuffled(seed):
        return probes.probe_traits(a, y_train, b, y_validation, c, shuffle=np.random.default_rng(seed))

    np.testing.assert_array_equal(shuffled(1), shuffled(1))
    r = [np.mean(metrics.pearson(y_test, shuffled(seed))) for seed in range(8)]
    assert abs(np.mean(r)) < 0.25
    assert np.mean(metrics.pearson(y_test, probes.probe_traits(a, y_train, b, y_validation, c))) > 0.85


def test_the_probe_of_diagnoses_gives_calibrated_probabilities(linear, parts):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    h, diagnoses = linear.h, linear.diagnoses
    (a, b, c), (y_train, y_validation, y_test) = parts(h), parts(diagnoses)
    scaler = StandardScaler().fit(a)
    found = probes.probe_diagnoses(a, y_train, b, y_validation, c, strengths=[0.1])
    for k in range(4):
        reference = LogisticRegression(C=0.1).fit(scaler.transform(a), y_train[:, k])
        np.testing.assert_allclose(found[:, k], reference.predict_proba(scaler.transform(c))[:, 1], atol=2e-3)
    chosen = probes.probe_diagnoses(a, y_train, b, y_validation, c)
    assert ((chosen > 0) & (chosen < 1)).all()
    assert np.mean([metrics.auroc(y_test[:, k], chosen[:, k]) for k in range(4)]) > 0.8


def test_a_diagnosis_that_nobody_in_training_has_gets_its_prevalence(linear, parts):
    h, diagnoses = linear.h, linear.diagnoses
    (a, b, c), (y_train, y_validation, _) = parts(h), parts(diagnoses)
    y_train = y_train.copy()
    y_train[:, 1], y_train[:, 2] = 0, 1
    probe = probes.fit_diagnoses(a, y_train, b, y_validation)
    found = probe.predict(c)
    assert np.isnan(probe.strengths[1:3]).all() and not probe.coefficients[1:3].any()
    assert (found[:, 1] == 0).all() and (found[:, 2] == 1).all()


def test_a_fitted_probe_predicts_each_split_and_is_its_numbers(linear, parts):
    (a, b, c), (y_train, y_validation, _) = parts(linear.h), parts(linear.traits)
    probe = probes.fit_traits(a, y_train, b, y_validation)
    np.testing.assert_array_equal(probe.predict(c), probes.probe_traits(a, y_train, b, y_validation, c))
    assert np.mean(metrics.pearson(y_validation, probe.predict(b))) > 0.85
    assert probe.strength in probes.RIDGE_STRENGTHS
    z = (c - probe.features.mean) / probe.features.std
    by_hand = (z @ probe.coefficients) * probe.scaler.std + probe.scaler.mean
    np.testing.assert_allclose(probe.predict(c), by_hand, rtol=1e-6)
    np.testing.assert_allclose(probe.predict(c[:1]), by_hand[:1], rtol=1e-6)


def test_fitted_regressions_of_diagnoses_are_their_numbers(linear, parts):
    (a, b, c), (y_train, y_validation, _) = parts(linear.h), parts(linear.diagnoses)
    probe = probes.fit_diagnoses(a, y_train, b, y_validation)
    np.testing.assert_array_equal(probe.predict(c), probes.probe_diagnoses(a, y_train, b, y_validation, c))
    assert set(probe.strengths) <= set(probes.LOGISTIC_STRENGTHS)
    odds = (c - probe.features.mean) / probe.features.std @ probe.coefficients.T + probe.intercepts
    np.testing.assert_allclose(probe.predict(c), 1 / (1 + np.exp(-odds)), rtol=1e-9)


@pytest.mark.parametrize("label", [np.nan, 2.0, -1.0])
def test_a_diagnosis_that_is_not_known_is_refused(label, linear, parts):
    (a, b, _), (y_train, y_validation, _) = parts(linear.h), parts(linear.diagnoses.astype(float))
    y_validation[3, 1] = label
    with pytest.raises(ValueError, match="must be 0 or 1"):
        probes.fit_diagnoses(a, y_train, b, y_validation)


def test_standardised_features_are_those_of_scikit_learn(rng):
    from sklearn.preprocessing import StandardScaler

    for scale in (1e-3, 1.0, 1e3):
        h = 5 + scale * rng.normal(size=(200, 9))
        np.testing.assert_array_equal(probes.Standardiser.fit(h).transform(h), StandardScaler().fit_transform(h))
