"""What rows are called in figures."""

from eccl.evaluation.protocols import PROTOCOLS, Protocol
from eccl.evaluation.rows import Row
from eccl.plots.style import looks


def test_a_new_protocol_is_named_beside_the_probe_which_then_is_named_too(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "knn", Protocol("knn", "nearest neighbours", lambda *_: None, lambda _: True))
    rows = [Row("eccl"), Row("eccl", "knn"), Row("random", "knn"), Row("measurements"), Row("mean", "none")]
    labels = [look.label for look in looks(rows).values()]
    assert labels[:2] == ["ECCL, probe", "ECCL, nearest neighbours"]
    assert labels[2:] == ["random encoder, nearest neighbours", "classical measurements", "mean"]
    assert looks(rows)[rows[0]].colour != looks(rows)[rows[1]].colour
