"""Trait by trait: differences as of a loop, p-values that are not too small, and counts that Holm keeps honest."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, norm

from eccl import metrics
from eccl.evaluation.multiplicity import counted, paired_traits
from eccl.traits import TRAIT_NAMES

N, K = 300, len(TRAIT_NAMES)


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(N, 400, seed=0)


def test_each_trait_is_that_of_a_loop_over_resamples(rng, indices):
    y = rng.normal(size=(N, K))
    y[:20, 3] = np.nan
    ours, theirs = (np.nan_to_num(y) + rng.normal(size=(N, K)) for _ in range(2))
    table = paired_traits(ours, theirs, y, indices).set_index("trait")
    known = np.isfinite(y[:, 3])

    def less(rows):
        rows = rows[known[rows]]
        return np.corrcoef(y[rows, 3], ours[rows, 3])[0, 1] - np.corrcoef(y[rows, 3], theirs[rows, 3])[0, 1]

    draws = np.array([less(rows) for rows in indices])
    row = table.loc[TRAIT_NAMES[3]]
    assert row["difference"] == pytest.approx(less(np.arange(N))) and row["n"] == N - 20
    assert row["value"] - row["reference"] == pytest.approx(row["difference"])
    assert [row["difference_low"], row["difference_high"]] == pytest.approx(list(np.quantile(draws, (0.025, 0.975))))
    assert row["p"] == pytest.approx(2 * norm.sf(abs(row["difference"]) / draws.std(ddof=1)))
    np.testing.assert_allclose(table["p_holm"], metrics.holm(table["p"]))


def test_where_neither_is_better_p_is_as_small_as_it_says_and_holm_finds_hardly_any(rng, indices):
    tables = []
    for _ in range(20):
        y = rng.normal(size=(N, K))
        ours, theirs = (y + rng.normal(size=(N, K)) for _ in range(2))
        tables.append(paired_traits(ours, theirs, y, indices))
    p = np.concatenate([table["p"] for table in tables])
    assert 0.035 < np.mean(p < 0.05) < 0.065 and kstest(p, "uniform").pvalue > 0.01
    assert np.mean([counted(table)["neither"] < K for table in tables]) <= 0.2  # at 5 %, five of 20 come once in 400
    assert np.mean([counted(table, "p")["neither"] < K for table in tables]) > 0.9


def test_what_differs_is_found_on_its_side(rng, indices):
    y = rng.normal(size=(N, K))
    ours, theirs = (y + rng.normal(size=(N, K)) for _ in range(2))
    ours[:, :10], ours[:, 10:15] = y[:, :10] + 0.4 * rng.normal(size=(N, 10)), rng.normal(size=(N, 5))
    table = paired_traits(ours, theirs, y, indices)
    found = table["p_holm"] < 0.05
    assert found[:15].all() and found[15:].sum() <= 1
    assert (table["difference"][:10] > 0).all() and (table["difference"][10:15] < 0).all()
    counts = counted(table)
    assert counts["better"] + counts["worse"] == found.sum() and sum(counts.values()) == K
    assert counted(table, level=0.0) == {"better": 0, "worse": 0, "neither": K}


def test_an_undefined_trait_is_neither(rng, indices):
    y = rng.normal(size=(N, K))
    ours = y + rng.normal(size=(N, K))
    ours[:, 5] = 1.0
    table = paired_traits(ours, y + rng.normal(size=(N, K)), y, indices)
    assert pd.isna(table.loc[5, ["difference", "p", "p_holm"]]).all() and table["p"].notna().sum() == K - 1
