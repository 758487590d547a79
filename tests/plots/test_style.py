"""What rows are called in figures, and what notebooks show of a figure: lines as lines, pictures as pictures."""

import matplotlib
import numpy as np

matplotlib.use("Agg")

from IPython.core.formatters import SVGFormatter

from eccl import plots
from eccl.evaluation.protocols import PROTOCOLS, Protocol
from eccl.evaluation.rows import Row
from eccl.plots.style import DENSE, looks


def test_a_new_protocol_is_named_beside_the_probe_which_then_is_named_too(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "knn", Protocol("knn", "nearest neighbours", lambda *_: None, lambda _: True))
    rows = [Row("eccl"), Row("eccl", "knn"), Row("random", "knn"), Row("measurements"), Row("mean", "none")]
    labels = [look.label for look in looks(rows).values()]
    assert labels[:2] == ["ECCL, probe", "ECCL, nearest neighbours"]
    assert labels[2:] == ["random encoder, nearest neighbours", "classical measurements", "mean"]
    assert looks(rows)[rows[0]].colour != looks(rows)[rows[1]].colour


def svg(figure) -> str | None:
    """What a notebook is given as SVG."""
    return SVGFormatter()(figure)


def cloud(n):
    values = np.random.default_rng(0).normal(size=(n, 82))
    return plots.bland_altman(values, values + 1, ["lv_mass"])


def test_a_figure_of_lines_is_drawn_the_same_every_time_with_letters_that_need_no_font():
    first, second = (svg(plots.histogram({"a": np.arange(9.0)}, "x")) for _ in range(2))
    assert first == second and "<svg" in first
    assert "<text" not in first and "<dc:date>" not in first


def test_many_dots_are_pixels_inside_the_drawing():
    few, many = svg(cloud(DENSE)), svg(cloud(2 * DENSE))
    assert "<image" not in few and "<image" in many
    assert few.count("<use") > DENSE > many.count("<use")


def test_pictures_of_hearts_are_no_drawing(cine):
    assert svg(plots.cine_montage(cine)) is None
    assert svg(plots.nearest_cines(np.zeros((1, 12, 5000)), np.zeros((2, 8, 8)), np.eye(2)[:1], np.array([0]))) is None
