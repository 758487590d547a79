"""Intervals hold what they promise, the values are the book's probes, and the files are the readout."""

import numpy as np
import pytest
from helpers.making import refused

from eccl.evaluation.probes import probe_diagnoses, probe_traits
from eccl.share.arrays import load_arrays, save_arrays
from eccl.share.readout import Readout, conformal, fit_readout, score_counts, venn_abers
from eccl.training.embedding import embed
from eccl.traits import DIAGNOSES, TRAIT_NAMES, TRAITS


@pytest.fixture(scope="session")
def features(people, parts, encoder):
    """Of train, validation and test."""
    return [embed(encoder, people, part) for part in (parts.train, parts.validation, parts.test)]


@pytest.fixture(scope="session")
def labels(people, parts):
    """Traits and diagnoses of train, validation and test."""
    rows = parts.train, parts.validation, parts.test
    return [tuple(values[part] for part in rows) for values in (people.traits, people.diagnoses)]


@pytest.fixture(scope="session")
def readout(features, labels):
    return fit_readout(*features[:2], *(values[:2] for values in labels))


def test_trait_intervals_cover_95_percent_of_the_test_split(readout, features, labels):
    traits, truth = readout.traits(features[2]), labels[0][2]
    covered = (truth >= traits.low) & (truth <= traits.high)
    assert covered.shape[1] == 82 and np.isfinite(traits.low).all() and np.isfinite(traits.high).all()
    assert 0.93 < covered.mean() < 0.97
    assert covered.mean(axis=0).min() > 0.85
    widths = (traits.high - traits.low).mean(axis=0) / np.ptp(truth, axis=0)
    assert np.median(widths) < 0.9  # they say more than the range of everyone


def test_the_values_are_those_of_the_probes(readout, features, labels):
    (traits, truth), (codes, sick) = ((values[0], values[1]) for values in labels)
    expected = probe_traits(features[0], traits, features[1], truth, features[2])
    np.testing.assert_array_equal(readout.traits(features[2]).value, expected)
    expected = probe_diagnoses(features[0], codes, features[1], sick, features[2])
    np.testing.assert_array_equal(readout.diagnosis_probe.predict(features[2]), expected)
    assert readout.trait_names == TRAIT_NAMES and readout.codes == DIAGNOSES


def test_no_interval_leaves_the_plausible_range(readout, features):
    traits = readout.traits(features[2])
    lowest, highest = np.array([(trait.low, trait.high) for trait in TRAITS]).T
    inside = (traits.value >= lowest) & (traits.value <= highest)
    assert ((traits.low >= lowest) & (traits.high <= highest))[inside].all()
    assert (traits.low <= traits.value).all() and (traits.value <= traits.high).all()


@pytest.mark.parametrize("count, rank", [(19, 19), (20, 20), (39, 38), (99, 95), (100, 96)])
def test_conformal_takes_the_rank_of_a_finite_sample(count, rank, rng):
    errors = rng.permutation(np.arange(1.0, count + 1))[:, None]
    assert conformal(errors) == rank


def test_conformal_of_too_few_or_missing_values(rng):
    errors = rng.uniform(size=(40, 2))
    errors[18:, 0] = np.nan
    widths = conformal(errors)
    assert widths[0] == np.inf and widths[1] == np.sort(errors[:, 1])[38]
    errors[18, 0] = 7.0
    assert conformal(errors)[0] == 7.0  # 19 known values are enough, and the largest is taken


def test_conformal_covers_new_people(rng):
    errors = np.abs(rng.standard_t(3, size=(60, 4000)))
    covered = np.abs(rng.standard_t(3, size=4000)) <= conformal(errors)
    assert covered.mean() == pytest.approx(58 / 61, abs=0.01)  # the rank is 58 of 60


def test_venn_abers_is_isotonic_regression_with_the_new_person(rng):
    from sklearn.isotonic import IsotonicRegression

    scores = np.round(rng.normal(size=60), 1)  # with ties
    sick = (rng.uniform(size=60) < 1 / (1 + np.exp(-scores))).astype(float)
    new = np.array([-4.0, -0.3, scores[0], 0.77, 5.0])
    low, high = venn_abers(score_counts(scores, sick), new)
    for score, ends in zip(new, zip(low, high)):
        for label, end in enumerate(ends):
            fitted = IsotonicRegression().fit(np.append(scores, score), np.append(sick, label))
            assert end == pytest.approx(fitted.predict([score])[0])
    assert (low <= high).all() and (np.diff(low) >= 0).all() and high[-1] == 1 and low[0] == 0


def test_probabilities_are_calibrated(readout, features, labels):
    made, sick = readout.diagnoses(features[2]), labels[1][2]
    assert ((made.low <= made.value) & (made.value <= made.high)).all()
    n = len(sick)
    for k in range(4):  # the prevalence lies between the mean of the lower and of the upper, but for chance
        slack = 2.5 * np.sqrt(sick[:, k].mean() * (1 - sick[:, k].mean()) / n)
        assert made.low[:, k].mean() - slack < sick[:, k].mean() < made.high[:, k].mean() + slack


def test_what_is_not_known_is_not_predicted(features, labels):
    h, (traits, codes) = features, labels
    few = [part.astype(float).copy() for part in traits[:2]]
    few[0][:, 3], few[1][:, 5] = np.nan, np.nan
    few[1][:-19, 7] = np.nan
    some = [part.astype(float).copy() for part in codes[:2]]
    for part in some:
        part[:, 1] = np.nan
    readout = fit_readout(h[0], h[1], tuple(few), tuple(some))
    assert set(TRAIT_NAMES) - set(readout.trait_names) == {TRAIT_NAMES[3], TRAIT_NAMES[5]}
    assert np.isfinite(readout.half_widths).all()
    assert readout.codes == ("I21", "I48", "I50") and readout.diagnoses(h[2]).value.shape == (len(h[2]), 3)
    nothing = fit_readout(h[0], h[1], *(tuple(np.full_like(part, np.nan) for part in pair) for pair in (few, some)))
    assert nothing.traits(h[2]).value.shape == nothing.diagnoses(h[2]).high.shape == (len(h[2]), 0)


def test_a_diagnosis_that_nobody_has_stays_uncertain(features, labels):
    codes = [part.copy() for part in labels[1][:2]]
    for part in codes:
        part[:, 2] = 0
    made = fit_readout(*features[:2], labels[0][:2], tuple(codes)).diagnoses(features[2][:3])
    assert (made.low[:, 2] == 0).all()
    np.testing.assert_allclose(made.high[:, 2], 1 / (len(codes[1]) + 1))


def test_of_too_few_people_the_interval_is_the_plausible_range(features, labels):
    (traits, _, _), (codes, _, _) = labels
    few = slice(18)
    readout = fit_readout(features[0], features[1][few], (traits, labels[0][1][few]), (codes, labels[1][1][few]))
    made = readout.traits(features[2][:2])
    assert (made.low[0] == [trait.low for trait in TRAITS]).all()
    assert (made.high[1] == [trait.high for trait in TRAITS]).all()


@pytest.mark.parametrize("known", [True, False])
def test_what_is_loaded_is_what_was_saved(tmp_path, features, labels, known):
    pairs = [values[:2] for values in labels]
    if not known:
        pairs[1] = tuple(np.full_like(part, np.nan) for part in pairs[1])
    saved = fit_readout(*features[:2], *pairs)
    saved.save(tmp_path)
    loaded = Readout.load(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"readout.safetensors", "readout.json"}
    for way in ("traits", "diagnoses"):
        for end in ("value", "low", "high"):
            mine, its = (getattr(getattr(one, way)(features[2]), end) for one in (saved, loaded))
            np.testing.assert_array_equal(mine, its)
    assert loaded.trait_probe.strength == saved.trait_probe.strength and loaded.level == 0.95


@pytest.mark.parametrize("name", ["readout.safetensors", "readout.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "other"])
def test_damage_is_told(tmp_path, readout, name, damage):
    readout.save(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        path.write_bytes(content[:1] + b"X" + content[2:])
    else:
        path.write_bytes(b"[]" if name.endswith("json") else b"")
    refused(lambda: Readout.load(tmp_path), name, f"delete {name}", "obtain")


def test_facts_that_lack_something_are_told(tmp_path, readout):
    readout.save(tmp_path)
    arrays, facts = load_arrays(tmp_path, "readout")
    del facts["traits"]
    save_arrays(tmp_path, "readout", arrays, facts)
    refused(lambda: Readout.load(tmp_path), "readout.json", "'traits'", "obtain")
