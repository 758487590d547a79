"""Pictures of retrieval: the nearest scans in order, and one's own where it stands."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from eccl import plots
from eccl.records import LEADS

SIMILARITY = np.array([[0.9, 0.1, 0.5, 0.3], [0.2, 0.8, 0.1, 0.9]])


def drawn(own, count=2):
    rng = np.random.default_rng(0)
    images = np.stack([np.full((8, 8), k / 4) for k in range(4)])
    return plots.nearest_cines(rng.normal(size=(2, 12, 5000)), images, SIMILARITY, np.array(own), count)


def shown(panel):
    """Which scan a panel shows, and whether it is framed."""
    return round(4 * float(panel.images[0].get_array()[0, 0])), panel.spines["top"].get_visible()


def test_scans_stand_in_the_order_of_their_similarity_and_the_own_is_framed():
    axes = np.array(drawn([0, 3]).axes).reshape(2, 4)
    assert [shown(panel) for panel in axes[0, 1:3]] == [(0, True), (2, False)]
    assert [shown(panel) for panel in axes[1, 1:3]] == [(3, True), (1, False)]
    assert not axes[0, 3].images and not axes[1, 3].images  # it stands among the nearest


def test_a_scan_that_is_not_among_the_nearest_stands_last_with_its_rank():
    axes = np.array(drawn([1, 2]).axes).reshape(2, 4)
    assert [shown(row[3]) for row in axes] == [(1, True), (2, True)]
    assert [row[3].get_title("right") for row in axes] == ["own: 4 of 4", "own: 4 of 4"]


def test_no_lead_of_a_query_runs_into_the_next():
    signal = np.zeros((12, 5000))
    signal[LEADS.index("V2"), 100], signal[LEADS.index("V5"), 100] = -3.0, 4.0
    panel = plots.nearest_cines(signal[None], np.zeros((2, 8, 8)), np.array([[0.9, 0.1]]), np.array([0]), 1).axes[0]
    traces = [line.get_ydata() for line in panel.lines]
    assert traces[2].min() > traces[3].max()  # V2 above V5
    assert np.ptp(traces[4]) == 1  # the bar, mV


def test_queries_without_a_similarity_are_refused():
    with pytest.raises(ValueError, match="2 ECGs, 4 scans, 1 partners"):
        drawn([0])
