"""Retrieval against the full matrix, beside chance."""

import numpy as np
import pytest

from eccl import metrics
from eccl.evaluation import retrieval
from eccl.evaluation.rows import Row

OURS = Row("eccl", "retrieval")


def test_retrieval_equals_the_full_matrix_in_both_directions(rng):
    z_cmr = rng.normal(size=(50, 8))
    z_ecg = 3 * z_cmr + 2 * rng.normal(size=(50, 8))
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z_ecg, z_cmr)]
    similarity = unit[0] @ unit[1].T
    found = retrieval.retrieval_ranks(z_ecg, z_cmr, chunk=7)
    for direction, matrix in zip(retrieval.DIRECTIONS, (similarity, similarity.T)):
        expected = [1 + sum(matrix[i] > matrix[i, i]) for i in range(50)]
        np.testing.assert_array_equal(found[direction], expected)
    table = retrieval.retrieval(z_ecg, z_cmr, metrics.bootstrap_indices(50, 200, 0), OURS)
    row = table.query("method == 'eccl' and direction == 'CMR to ECG' and metric == 'recall at 5'").iloc[0]
    assert row["value"] == np.mean(found["CMR to ECG"] <= 5)
    assert row["low"] <= row["value"] <= row["high"] and row["n"] == 50


def test_chance_is_exact_and_unrelated_embeddings_are_at_it(rng):
    z_ecg, z_cmr = rng.normal(size=(2, 400, 8))
    table = retrieval.retrieval(z_ecg, z_cmr, metrics.bootstrap_indices(400, 300, 0), OURS)
    assert list(table["method"]) == ["eccl"] * 8 + ["chance"] * 8
    table = table.set_index(["method", "direction", "metric"])
    for direction in retrieval.DIRECTIONS:
        assert table.loc[("chance", direction, "recall at 10"), "value"] == 10 / 400
        assert table.loc[("chance", direction, "median rank"), "value"] == 200.5
        ours = table.loc[("eccl", direction, "recall at 10")]
        assert ours["low"] <= 10 / 400 <= ours["high"]
        ours = table.loc[("eccl", direction, "median rank")]
        assert ours["low"] <= 200.5 <= ours["high"]


def test_a_perfect_embedding_finds_everybody_and_a_collapsed_one_nobody(rng):
    z = rng.normal(size=(60, 16))
    for found in retrieval.retrieval_ranks(z, 7 * z).values():
        np.testing.assert_array_equal(found, 1)
    for found in retrieval.retrieval_ranks(np.ones((60, 4)), z[:, :4]).values():
        assert np.mean(found <= 1) <= 0.05
    with pytest.raises(ValueError, match="must be the same"):
        retrieval.retrieval_ranks(z, z[:50])


def test_true_pairs_less_shuffled_ones_are_those_of_a_double_loop(rng):
    z_ecg, z_cmr = rng.normal(size=(2, 12, 4))
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z_ecg, z_cmr)]
    cosine = unit[0] @ unit[1].T
    wrong = [np.mean([[cosine[i, j], cosine[j, i]] for j in range(12) if j != i]) for i in range(12)]
    expected, indices = np.diag(cosine) - wrong, metrics.bootstrap_indices(12, 300, 0)
    found = retrieval.pair_cosine(5 * z_ecg, z_cmr, indices)
    assert found.value == pytest.approx(expected.mean()) and found.n == 12
    draws = expected[indices].mean(axis=1)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    assert retrieval.pair_cosine(z_ecg, z_ecg, indices).low > 0.5
