"""Subgroups: who is in which, and what each reaches beside the rest, against a plain loop."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from eccl import metrics
from eccl.evaluation.subgroups import Subgroup, diagnosis_subgroups, subgroups, trait_subgroups
from eccl.traits import TRAITS

N = 200


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(N, 100, seed=0)


def test_everyone_who_is_known_is_in_one_subgroup_of_each_factor():
    people = pd.DataFrame(
        {"sex": [0, 1, 1, np.nan], "age": [54.9, 55, 65, np.nan], "height": 200.0, "weight": [99, 100, 120, np.nan]}
    )
    truth = pd.DataFrame(
        {
            "electrical.fibrillating": [True, False, False, False],
            "electrical.lbbb": [False, True, False, False],
            "electrical.rbbb": [False, False, True, False],
        }
    )
    members = {group.label: list(np.flatnonzero(group.member)) for group in subgroups(people, truth)}
    assert members == {
        **{"women": [0], "men": [1, 2]},
        **{"under 55 years": [0], "55 to 65 years": [1], "from 65 years": [2]},
        **{"under 25 kg/m²": [0], "25 to 30 kg/m²": [1], "from 30 kg/m²": [2]},
        **{"sinus rhythm": [1, 2, 3], "atrial fibrillation": [0]},
        **{f"{side} bundle-branch block": rows for side, rows in (("no", [0, 3]), ("left", [1]), ("right", [2]))},
    }
    assert {group.factor for group in subgroups(people)} == {"sex", "age", "body mass"}
    assert not subgroups(people)[0].known[3]


def test_a_subgroups_r_and_its_difference_are_those_of_its_people(rng, indices):
    y = rng.normal(size=(N, len(TRAITS)))
    member = rng.random(N) < 0.3
    predicted = y + np.where(member, 2.0, 0.5)[:, None] * rng.normal(size=y.shape)
    group = Subgroup("sex", "women", member, np.arange(N) < N - 20)
    table = trait_subgroups(predicted, y, indices, [group]).set_index("subgroup")

    def r(who):
        return np.mean([np.corrcoef(y[who, k], predicted[who, k])[0, 1] for k in range(y.shape[1])])

    rest = group.known & ~member
    assert table.loc["everyone", "value"] == pytest.approx(r(np.arange(N))) and table.loc["everyone", "n"] == N
    row = table.loc["women"]
    assert row["value"] == pytest.approx(r(member)) and row["n"] == member.sum()
    assert row["difference"] == pytest.approx(r(member) - r(rest)) and row["difference_high"] < 0
    draws = [r(rows[member[rows]]) for rows in indices]
    assert [row["low"], row["high"]] == pytest.approx(list(np.quantile(draws, (0.025, 0.975))))
    assert np.isnan(table.loc["everyone", "difference"])


def test_a_diagnosis_with_few_cases_in_a_subgroup_is_not_in_its_mean(rng, indices):
    y = (rng.random((N, 4)) < 0.4).astype(float)
    p = 0.3 * y + rng.random((N, 4))
    member = np.arange(N) < 60
    y[:60, 2] = np.arange(60) < 4
    group = Subgroup("rhythm", "some", member, np.ones(N, bool))
    row = diagnosis_subgroups(p, y, indices, [group]).iloc[1]
    own, rest = (np.mean([roc_auc_score(y[who, k], p[who, k]) for k in (0, 1, 3)]) for who in (member, ~member))
    assert row["columns"] == 3 and row["value"] == pytest.approx(own) and row["difference"] == pytest.approx(own - rest)


def test_an_empty_subgroup_has_no_value(rng, indices):
    nobody = Subgroup("rhythm", "fibrillation", np.zeros(N, bool), np.ones(N, bool))
    y = rng.normal(size=(N, len(TRAITS)))
    rows = [trait_subgroups(y, y, indices, [nobody]).iloc[1]]
    rows += [diagnosis_subgroups(rng.random((N, 4)), (y[:, :4] > 0).astype(float), indices, [nobody]).iloc[1]]
    assert all(np.isnan(row["value"]) and row["n"] == 0 and row["columns"] == 0 for row in rows)
