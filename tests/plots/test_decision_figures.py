"""What the figures of decisions draw: the numbers of their tables, on the axes."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from eccl import metrics, plots
from eccl.evaluation.abstention import risk_coverage
from eccl.evaluation.decisions import TREAT_ALL, decision_table
from eccl.evaluation.rows import Row
from eccl.evaluation.subgroups import Subgroup, trait_subgroups
from eccl.traits import TRAITS

N = 80


@pytest.fixture
def indices():
    return metrics.bootstrap_indices(N, 20, 0)


def test_decision_curves_have_everybody_nobody_and_each_row(rng, indices):
    labels, risk = (rng.random((N, 4)) < 0.3).astype(float), rng.random((N, 4))
    table = decision_table({Row("eccl"): risk}, labels, indices, thresholds=(0.1, 0.2))
    figure = plots.decision_curves(table)
    panel = figure.axes[2]
    curves = {line.get_label(): line.get_ydata() for line in panel.lines}
    assert list(curves) == ["ECCL", "treat everybody", "treat nobody"] and set(curves["treat nobody"]) == {0}
    here = table[table["diagnosis"] == "I48"].set_index("method")["value"]
    np.testing.assert_allclose(curves["ECCL"], here["eccl"])
    np.testing.assert_allclose(curves["treat everybody"], here[TREAT_ALL.method])
    assert panel.get_title(loc="left").startswith("I48")


def test_risk_and_coverage_are_drawn_beside_chance_and_the_best(rng, indices):
    table = risk_coverage(rng.exponential(size=N), rng.random(N), indices)
    panel = plots.risk_coverage({"error": table}).axes[0]
    ours, random, best = (line.get_ydata() for line in panel.lines)
    np.testing.assert_allclose(ours, table["value"])
    np.testing.assert_allclose(best, table["best"])
    assert set(random) == {table["value"].iloc[-1]} and panel.get_ylim()[0] == 0


def test_each_subgroup_stands_with_its_n_and_a_line_at_everyones_value(rng, indices):
    y = rng.normal(size=(N, len(TRAITS)))
    group = Subgroup("sex", "women", y[:, 0] > 0, np.ones(N, bool))
    table = trait_subgroups(y + rng.normal(size=y.shape), y, indices, [group])
    figure = plots.subgroup_panels({"mean r": table, "again": table})
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [f"everyone ({N})", f"women ({int((y[:, 0] > 0).sum())})"]
    whole, dots = figure.axes[1].lines[0], figure.axes[1].lines[1]
    assert whole.get_xdata()[0] == table["value"].iloc[0]
    np.testing.assert_allclose(dots.get_xdata(), table["value"])
