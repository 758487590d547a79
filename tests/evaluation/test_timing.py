"""Prevalent and incident diagnoses apart, counted by hand; without dates there is one question."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from eccl import metrics
from eccl.data.cohort import Cohort
from eccl.evaluation.rows import Row
from eccl.evaluation.timing import timing_table
from eccl.traits import DIAGNOSES

PEOPLE = np.arange(4, 24)
ECCL = Row("eccl")


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(len(PEOPLE), 50, seed=0)


@pytest.fixture
def dated(tiny_cohort):
    cohort = Cohort.load(tiny_cohort)
    table = cohort.table.copy()
    for code in DIAGNOSES:
        ill = np.flatnonzero(table[code] == 1)
        table[f"{code}_days"] = pd.Series(np.where(np.arange(len(ill)) % 2, 100.0, -100.0), index=ill)
    return replace(cohort, table=table)


def test_who_was_ill_before_is_at_no_risk_of_it_after(dated, indices, rng):
    p = rng.random((len(PEOPLE), 4))
    table = timing_table({ECCL: p}, dated, PEOPLE, indices).set_index(["timing", "diagnosis"])
    for k, code in enumerate(DIAGNOSES):
        ill, days = dated.table[code].to_numpy()[PEOPLE] == 1, dated.table[f"{code}_days"].to_numpy()[PEOPLE]
        before, after = ill & (days <= 0), ill & (days > 0)
        assert table.loc[("ever", code), "value"] == pytest.approx(roc_auc_score(ill, p[:, k]))
        assert table.loc[("prevalent", code), "value"] == pytest.approx(roc_auc_score(before, p[:, k]))
        at_risk = ~before
        assert table.loc[("incident", code), "value"] == pytest.approx(roc_auc_score(after[at_risk], p[at_risk, k]))
        assert (
            table.loc[("incident", code), "n"] == at_risk.sum()
            and table.loc[("incident", code), "cases"] == after.sum()
        )


def test_without_dates_there_is_one_question(tiny_cohort, indices, rng):
    table = timing_table({ECCL: rng.random((len(PEOPLE), 4))}, Cohort.load(tiny_cohort), PEOPLE, indices)
    assert list(table["timing"]) == ["ever"] * 4 and (table["n"] == len(PEOPLE)).all()
