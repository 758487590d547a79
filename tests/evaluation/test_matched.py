"""Galleries of look-alikes and of people drawn at random, against loops; and what tells the heart from the rate."""

import numpy as np
import pytest

from eccl import metrics
from eccl.data.split import Split
from eccl.evaluation import matched
from eccl.evaluation.rows import Row

N = 120


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(N, 200, seed=0)


def test_a_gallery_is_the_nearest_in_standardised_covariates_and_begins_with_oneself(rng):
    covariates = rng.normal(size=(N, 3)) * [1, 50, 0.1]
    covariates[:, 2] = covariates[:, 2] > 0
    found = matched.nearest(covariates, 10)
    z = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    for query in (0, 17, 99):
        distance = [np.sqrt(((z[query] - other) ** 2).sum()) for other in z]
        assert found[query, 0] == query and set(found[query]) == set(np.argsort(distance)[:10])
    twins = matched.nearest(np.ones((5, 2)), 3)
    assert list(twins[:, 0]) == list(range(5)) and twins.shape == (5, 3)
    for size in (0, N + 1):
        with pytest.raises(ValueError, match=f"a gallery of {size} of {N}"):
            matched.nearest(covariates, size)


def test_a_rank_is_counted_within_the_gallery(rng):
    similarity, galleries = rng.normal(size=(N, N)), matched.nearest(rng.normal(size=(N, 2)), 12)
    expected = [1 + sum(similarity[i, j] > similarity[i, i] for j in galleries[i]) for i in range(N)]
    np.testing.assert_array_equal(matched.gallery_ranks(similarity, galleries), expected)


def test_recall_in_a_random_gallery_is_what_drawing_galleries_gives(rng):
    similarity = rng.normal(size=(N, N)) + 2 * np.eye(N)
    exact = matched.found_by_chance_of_gallery(metrics.ranks(similarity), N, 3, 20)
    found = np.zeros(N)
    for _ in range(400):
        for query in range(N):
            others = rng.choice(np.delete(np.arange(N), query), 19, replace=False)
            found[query] += (similarity[query, others] > similarity[query, query]).sum() < 3
    assert exact.mean() == pytest.approx(found.mean() / 400, abs=0.006)
    np.testing.assert_allclose(exact, found / 400, atol=0.12)
    np.testing.assert_allclose(matched.found_by_chance_of_gallery(np.array([1.0, N]), N, 3, N), [1, 0])


def test_what_tells_people_apart_by_rate_alone_is_at_chance_among_those_of_one_rate(rng, indices):
    rate, heart = rng.normal(size=N), rng.normal(size=(N, 8))
    by_rate = -np.abs(rate[:, None] - (rate + 0.2 * rng.normal(size=N)))
    by_heart = -((heart[:, None] - heart[None]) ** 2).sum(axis=-1) + 4 * rng.normal(size=(N, N))
    both = {Row("rate", "retrieval"): by_rate, Row("eccl", "retrieval"): by_heart}
    table = matched.matched_retrieval(both, rate[:, None], indices, size=12, ks=(3,))
    table = table.set_index(["method", "gallery"])
    assert table.loc[("rate", "drawn at random"), "low"] > 0.5
    assert table.loc[("rate", "matched"), "value"] < 0.4 and table.loc[("rate", "matched"), "difference_high"] < -0.2
    one, other = table.loc[("eccl", "matched")], table.loc[("eccl", "drawn at random")]
    assert one["low"] > 0.25 and one["difference_low"] < 0 < one["difference_high"]
    assert one["difference"] == pytest.approx(one["value"] - other["value"])
    assert set(table.loc["chance", "value"]) == {0.25} and (table["n"] == N).all()


def test_likeness_by_rate_is_of_what_the_cines_features_say(rng):
    rate = rng.normal(70, 10, 300)
    h = np.column_stack([rate + rng.normal(size=300), rng.normal(size=300)])
    split = Split(np.arange(200), np.arange(200, 250), np.arange(250, 300))
    rate[3] = np.nan
    similarity = matched.rate_similarity(rate, h, split)
    assert similarity.shape == (50, 50) and (similarity <= 0).all()
    assert 3 * np.abs(np.diag(similarity)).mean() < np.abs(similarity).mean()
    others = np.corrcoef(similarity[0], -np.abs(rate[250] - rate[250:]))[0, 1]
    assert others > 0.9
