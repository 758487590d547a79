"""What a score costs: the lines, bands and points that are drawn are those of the table."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

from eccl import plots

SHARES = (0.01, 0.1, 1.0)


def rows(**changes) -> pd.DataFrame:
    """Two methods, at three label shares, by three seeds; the table of features has one."""
    entries = [
        ("eccl", seed, share, 0.5 + 0.1 * place + 0.01 * (seed - 42), "")
        for place, share in enumerate(SHARES)
        for seed in (44, 43, 42)
    ]
    entries += [("measurements", 42, share, 0.4, None) for share in SHARES[::-1]]
    table = pd.DataFrame(entries, columns=["method", "seed", "label_share", "value", "note"])
    return table.assign(protocol="probe", low=0.1, high=0.9, n=50, target="diagnoses", metric="AUROC", **changes)


def test_a_line_is_the_mean_of_seeds_and_its_band_their_range():
    panel = plots.label_share(rows(), "mean AUROC").axes[0]
    assert panel.get_xscale() == "log" and panel.get_ylabel() == "mean AUROC"
    assert [text.get_text() for text in panel.get_xticklabels()] == ["1 %", "10 %", "100 %"]
    eccl, ruler = panel.lines
    assert (eccl.get_label(), ruler.get_label()) == ("ECCL", "classical measurements")
    np.testing.assert_allclose(eccl.get_xdata(), SHARES)
    np.testing.assert_allclose(eccl.get_ydata(), [0.51, 0.61, 0.71])
    np.testing.assert_allclose(ruler.get_ydata(), 0.4)
    band = panel.collections[0].get_paths()[0].vertices
    assert {round(y, 6) for x, y in band if np.isclose(x, 0.1)} == {0.6, 0.62}
    assert eccl.get_color() == plots.colour_of("eccl")


def test_a_line_on_other_terms_says_so():
    table = rows()
    table.loc[table["method"] == "eccl", "note"] = "4 of 16 passes"
    assert plots.label_share(table, "r").axes[0].lines[0].get_label() == "ECCL (4 of 16 passes)"


def test_rows_of_several_scores_are_refused():
    mixed = pd.concat([rows(), rows().assign(metric="AUPRC")])
    with pytest.raises(ValueError, match="several scores, by metric; choose one"):
        plots.label_share(mixed, "r")
    with pytest.raises(ValueError, match="has several rows; name in `by`"):
        plots.label_share(pd.concat([rows(), rows()]), "r")


def trainings() -> pd.DataFrame:
    """Two seeds of one encoder, three epochs each, the last worse than the one before; one seed of another."""
    return pd.DataFrame(
        [
            ("resnet", seed, epoch, 10.0 * epoch + seed, r + 0.02 * seed)
            for seed in (0, 1)
            for epoch, r in ((1, 0.3), (2, 0.5), (3, 0.4))
        ]
        + [("vit", 0, 1, 60.0, 0.45)],
        columns=["encoder", "seed", "epoch", "seconds", "validation_r"],
    )


def test_a_point_is_the_mean_of_seeds_between_their_extremes():
    panel = plots.frontier(trainings()).axes[0]
    points = {line.get_label(): line for line in panel.lines if line.get_marker() == "o"}
    assert list(points) == ["resnet (2 seeds)", "vit"]
    resnet = points["resnet (2 seeds)"]
    assert resnet.get_xdata()[0] == pytest.approx(30.5) and resnet.get_ydata()[0] == pytest.approx(0.51)
    (across,), (along,) = (lines.get_segments() for lines in panel.collections[:2])
    np.testing.assert_allclose(across, [[30, 0.51], [31, 0.51]])
    np.testing.assert_allclose(along, [[30.5, 0.5], [30.5, 0.52]])
    assert len({line.get_color() for line in points.values()}) == 2


def test_the_best_within_a_training_never_falls():
    panel = plots.frontier(trainings()).axes[0]
    steps = [line for line in panel.lines if line.get_drawstyle() == "steps-post"]
    assert len(steps) == 3
    np.testing.assert_allclose(steps[0].get_ydata(), [0.3, 0.5, 0.5])
    without = plots.frontier(trainings().drop(columns="epoch").groupby(["encoder", "seed"]).tail(1)).axes[0]
    assert not [line for line in without.lines if line.get_drawstyle() == "steps-post"]


def test_a_table_of_another_kind_says_what_it_lacks():
    with pytest.raises(ValueError, match="no column seconds, validation_r; it has encoder, seed"):
        plots.frontier(pd.DataFrame({"encoder": ["vit"], "seed": [1]}))


def test_a_score_against_the_size_of_the_cohort_has_its_counts_on_the_axis():
    rows = [("eccl", size, seed, size / 1e4) for size in (500, 3000) for seed in (42, 43)]
    table = pd.DataFrame(rows, columns=["method", "simulation.participants", "seed", "value"])
    table = table.assign(protocol="probe", metric="r", low=0.0, high=1.0, n=50)
    (panel,) = plots.label_share(table, "mean r", "simulation.participants").axes
    assert [label.get_text() for label in panel.get_xticklabels()] == ["500", "3,000"]
    assert list(panel.lines[0].get_ydata()) == [0.05, 0.3] and "participants" in panel.get_xlabel()
