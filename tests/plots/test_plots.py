"""Facts of the figures that can be checked without eyes: geometry, order, labels, and legends that cover no data."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from eccl import metrics, plots, report
from eccl.evaluation import tables as evaluation
from eccl.evaluation.abstention import risk_coverage
from eccl.evaluation.decisions import decision_table
from eccl.evaluation.rows import Row
from eccl.evaluation.subgroups import Subgroup, trait_subgroups
from eccl.methods import METHODS
from eccl.metrics import bootstrap_indices
from eccl.records import ECG, Cine
from eccl.traits import DIAGNOSES, GROUPS, TRAITS

N = 60
MAE, ECCL, TUNED = Row("masked_autoencoder"), Row("eccl"), Row("eccl", "finetune")
SCRATCH, MEAN = Row("random", "finetune"), Row("mean", "none")


def everything(rng, ecg, cine):
    """One of each figure."""
    y = rng.normal(size=(N, len(TRAITS)))
    labels = (rng.random((N, 4)) < 0.4).astype(int)
    indices = bootstrap_indices(N, 20, 0)
    predictions = {MAE: y + rng.normal(size=y.shape), ECCL: y + 0.5 * rng.normal(size=y.shape)}
    probabilities = {name: rng.random((N, 4)) for name in (MEAN, MAE, ECCL, TUNED)}
    table = evaluation.trait_table(predictions, y, indices, ceiling=y)
    diagnoses = evaluation.diagnosis_table(probabilities, labels, indices).query("metric == 'AUROC'")
    ranking = evaluation.trait_table({ECCL: y}, y + 1, indices, by="trait", ceiling=y)
    history = pd.DataFrame({"epoch": range(5), "train_loss": 1.0, "validation_loss": 2.0, "validation_score": 0.3})
    summary = pd.DataFrame(
        [("in the cohort", "", 34211), ("refused", "# phases of the beat, not # frames " * 4, 812), ("noted", "x", 3)],
        columns=["outcome", "reason", "participants"],
    )
    z = rng.normal(size=(2, N, 8))
    cohort = pd.DataFrame({"sex": rng.integers(0, 2, N), "lv_edv": y[:, 0], "lv_mass": y[:, 1]})
    references = pd.DataFrame(
        [(name, sex, 0.0, 1.0) for name in ("lv_edv", "lv_mass") for sex in (0, 1)],
        columns=["trait", "sex", "mean", "sd"],
    )
    hidden = np.repeat(rng.random((12, 25)) < 0.75, 200, axis=1)
    shares = pd.DataFrame([(*row, share, 0.4) for row in (MAE, ECCL) for share in (0.01, 0.1, 1.0)])
    shares = shares.set_axis([*Row._fields, "label_share", "value"], axis=1).assign(low=0.3, high=0.5, n=N, note="")
    speed = pd.DataFrame({"encoder": ["vit", "resnet"], "seed": 1, "seconds": [90, 40], "validation_r": [0.4, 0.5]})
    answered = risk_coverage(np.abs(y[:, 0]), y[:, 1], indices)
    groups = [Subgroup("sex", name, y[:, 0] > edge, y[:, 0] > -9) for name, edge in (("women", 0), ("older men", 9))]
    by_group = trait_subgroups(y, y + rng.normal(size=y.shape), indices, groups)
    return {
        "clinic_ecg": plots.clinic_ecg(ecg, "title"),
        "masked_ecg": plots.masked_ecg(ecg.signal, ecg.signal, hidden),
        "cine_montage": plots.cine_montage([cine, cine], ["healthy", "hypertrophic cardiomyopathy"]),
        "trait_distributions": plots.trait_distributions(cohort, references),
        "histogram": plots.histogram({"simulated": y[:, 0], "real": y[:20, 1]}, "cosine"),
        "ingest_outcome": plots.ingest_outcome(summary),
        "bland_altman": plots.bland_altman(y, y + rng.normal(size=y.shape), ["lv_ef", "lv_edv", "lv_mass"]),
        "forest": plots.forest(table.query("group == 'all traits'"), "mean r", null=0),
        "forest_of_groups": plots.forest(table.query("method == 'eccl'"), "mean r", label="group"),
        "group_bars": plots.group_bars(table),
        "diagnosis_bars": plots.diagnosis_bars(diagnoses),
        "trait_ranking": plots.trait_ranking(ranking),
        "roc": plots.roc(labels, probabilities),
        "calibration": plots.calibration(labels, probabilities, bins=4),
        "embedding_map": plots.embedding_map(*z, y[:, 0], "LV mass (g)"),
        "space_maps": plots.space_maps({"before": z, "after": z + 1}, y[:, 0], "LV mass (g)"),
        "heart_maps": plots.heart_maps(
            rng.random((2, 9, 9)), rng.random((2, 1, 9, 9)), [], ["LV mass"], ["one", "two"]
        ),
        "embedding_map_classes": plots.embedding_map(*z, labels[:, 0], "I21"),
        "rank_histogram": plots.rank_histogram({"ECG to CMR": np.arange(1, N + 1), "CMR to ECG": np.ones(N)}, N),
        "nearest_cines": plots.nearest_cines(
            np.stack([ecg.signal] * 2), rng.random((N, 20, 30)), rng.random((2, N)), np.array([0, 7])
        ),
        "segments": plots.segments(),
        "decision_curves": plots.decision_curves(decision_table({ECCL: probabilities[ECCL]}, labels, indices)),
        "risk_coverage": plots.risk_coverage({"error (SD)": answered, "Brier score": answered}),
        "subgroup_panels": plots.subgroup_panels({"mean r": by_group, "mean AUROC": by_group}),
        "label_share": plots.label_share(shares, "mean r"),
        "frontier": plots.frontier(speed),
        "training_history": plots.training_history({"eccl": history, "eccl_shuffled": history}),
    }


@pytest.fixture(scope="module")
def figures():
    rng = np.random.default_rng(0)
    signal = 0.01 * rng.normal(size=(12, 5000))
    return everything(rng, ECG(signal), Cine(rng.random((50, 40, 60)), (1.8, 1.2), 20.0))


def test_every_figure_fits_the_column_is_sharp_and_labels_its_axes(figures):
    images = {"clinic_ecg", "cine_montage", "heart_maps", "nearest_cines"}
    for name, figure in figures.items():
        if name != "clinic_ecg":  # true to scale in millimetres instead
            assert figure.get_figwidth() <= 7.2 and figure.dpi == 200, name
        for axes in figure.axes:
            if name in images or not axes.axison or axes.get_label() == "<colorbar>":
                continue
            shared = axes.get_subplotspec()
            assert axes.get_xlabel() or not shared.is_last_row(), name
            if shared.is_first_col() and len(axes.get_yticks()):
                assert axes.get_ylabel() or axes.get_yticklabels()[0].get_text().strip("0123456789.−"), name
    assert not plt.get_fignums()  # nothing stays in memory, nothing is shown twice


def test_no_legend_covers_data(figures):
    for name, figure in figures.items():
        figure.draw_without_rendering()
        panels = [axes.get_window_extent() for axes in figure.axes]
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
        for legend in legends:
            extent = legend.get_window_extent()
            assert not any(extent.overlaps(panel) for panel in panels), name
            assert figure.bbox.x0 - 1 <= extent.x0 and extent.x1 <= figure.bbox.x1 + 1, name


def test_nothing_of_the_text_is_cut_off(figures):
    for name, figure in figures.items():
        figure.draw_without_rendering()
        for axes in figure.axes:
            for text in (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts):
                if not text.get_text() or not text.get_visible():
                    continue
                box = text.get_window_extent()
                assert box.x0 > -2 and box.x1 < figure.bbox.width + 2, (name, text.get_text())
                assert box.y0 > -2 and box.y1 < figure.bbox.height + 2, (name, text.get_text())


def test_the_style_leaves_no_trace(ecg):
    before = dict(plt.rcParams)
    plots.clinic_ecg(ecg)
    assert dict(plt.rcParams) == before


# who is who


def test_each_method_has_a_label_and_a_colour_of_its_own():
    looks = [(plots.label_of(name), plots.colour_of(name)) for name in METHODS]
    labels, colours = zip(*looks)
    assert len(set(labels)) == len(set(colours)) == len(METHODS)
    assert plots.label_of("eccl") == "ECCL" and plots.label_of("eccl", "finetune") == "ECCL, fine-tuned"
    assert plots.label_of("random", "finetune") == "from scratch"
    assert plots.colour_of("random", "finetune") not in colours
    assert [plots.label_of(name, "none") for name in ("mean", "ceiling")] == ["mean", "ceiling"]


def test_a_method_that_is_unknown_is_refused_and_the_known_are_named():
    for ask in (plots.label_of, plots.colour_of):
        with pytest.raises(ValueError, match=r"no method 'ECCL, probe'; there are random, .*eccl.*mean, chance"):
            ask("ECCL, probe")


def test_beside_fine_tuning_the_probe_is_lighter_and_called_so():
    alone = plots.looks([ECCL, MAE])
    assert alone[ECCL] == ("ECCL", plots.colour_of("eccl"))
    both = plots.looks([ECCL, TUNED, Row("random"), SCRATCH])
    assert both[TUNED] == ("ECCL, fine-tuned", plots.colour_of("eccl"))
    assert both[ECCL].label == "ECCL, probe"
    assert sum(to_rgb(both[ECCL].colour)) > sum(to_rgb(both[TUNED].colour))
    assert both[Row("random")] == ("random encoder", plots.colour_of("random"))  # from scratch is told apart anyway


def test_seeds_are_named_where_there_are_several():
    one, two = (ECCL._replace(seed=seed) for seed in (1, 2))
    assert [look.label for look in plots.looks([one, two]).values()] == ["ECCL, seed 1", "ECCL, seed 2"]
    assert plots.looks([one])[one].label == "ECCL"
    with pytest.raises(TypeError, match="got 'ECCL'"):
        plots.looks(["ECCL"])


# results


def test_bars_carry_the_values_of_the_table(figures, rng):
    table = pd.DataFrame(
        [(*m, g, 0.1 * k, 0.1 * k - 0.05, 0.1 * k + 0.05, 0.8) for m in (MAE, ECCL) for k, g in enumerate(GROUPS)],
        columns=[*Row._fields, "group", "value", "low", "high", "ceiling"],
    )
    panel = plots.group_bars(table).axes[0]
    np.testing.assert_allclose([bar.get_width() for bar in panel.patches], table["value"])
    assert [text.get_text() for text in panel.get_yticklabels()][-1] == "longitudinal strain (7)"
    assert panel.patches[0].get_facecolor() != panel.patches[-1].get_facecolor()
    start = figures["diagnosis_bars"].axes[0].patches[0].get_x()
    assert start == 0.5


def test_each_row_has_the_ceiling_of_what_it_sees():
    beside = ECCL._replace(protocol="probe_demographics")
    table = pd.DataFrame(
        [(*row, "aorta", 0.3, 0.2, 0.4, top) for row, top in ((ECCL, 0.5), (beside, 0.7))],
        columns=[*Row._fields, "group", "value", "low", "high", "ceiling"],
    )
    panel = plots.group_bars(table).axes[0]
    marks = [line.get_segments()[0] for line in panel.collections if line.get_segments()[0][0][0] in (0.5, 0.7)]
    assert [mark[0][0] for mark in marks] == [0.5, 0.7]
    (first, second), bars = marks, panel.patches
    assert first[0][1] <= bars[0].get_y() and second[0][1] <= bars[1].get_y() < second[1][1]


def test_a_row_on_other_terms_says_so_wherever_it_is_drawn(rng):
    note = "20 of 38 passes"
    table = pd.DataFrame([(*row, "aorta", 0.3, 0.2, 0.4) for row in (MAE, ECCL)])
    table = table.set_axis([*Row._fields, "group", "value", "low", "high"], axis=1).assign(n=N, note=[note, np.nan])
    labels, scores = (rng.random((N, 4)) < 0.4).astype(int), {MAE: rng.random((N, 4)), ECCL: rng.random((N, 4))}
    bars, curves = plots.group_bars(table).axes[0].get_legend(), plots.roc(labels, scores, table).legends[0]
    shown = [plots.forest(table, "r").axes[0].get_yticklabels(), bars.get_texts(), curves.get_texts()]
    for texts in shown:
        assert {text.get_text() for text in texts} == {f"masked autoencoder ({note})", "ECCL"}


def test_roc_curves_run_from_corner_to_corner_with_the_area_of_the_metric(rng):
    labels = (rng.random((N, 4)) < 0.4).astype(int)
    scores = np.round(labels + rng.normal(size=(N, 4)), 1)
    figure = plots.roc(labels, {ECCL: scores})
    assert [axes.get_title(loc="left").split(":")[0] for axes in figure.axes] == list(DIAGNOSES)
    for k, axes in enumerate(figure.axes):
        x, y = axes.lines[1].get_data()
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
        area = metrics.auroc(labels[:, k], scores[:, k])
        assert np.trapezoid(y, x) == pytest.approx(area)
        texts = {text.get_text(): text.get_position()[1] for text in axes.texts}
        assert texts[f"{area:.2f}"] == texts["ECCL"]  # beside its name, not by its colour alone


def test_the_limits_of_agreement_are_those_of_bland_and_altman(rng):
    y = rng.normal(100, 10, (2, N, len(TRAITS)))
    y[0, 0] = np.nan
    panel = plots.bland_altman(*y, ["lv_ef", "lv_mass"]).axes[1]
    measured, predicted = y[:, 1:, [one.name for one in TRAITS].index("lv_mass")]
    assert f"n = {N - 1}" in panel.get_title(loc="left")
    bias, low, high = (line.get_ydata()[0] for line in panel.lines)
    difference = predicted - measured
    assert bias == pytest.approx(difference.mean())
    assert high - low == pytest.approx(2 * 1.96 * difference.std(ddof=1))


def test_the_embedding_map_shows_directions_that_both_views_share(rng):
    shared = rng.normal(size=(N, 1)) * 5
    z = [shared * [1.0, 0, 0, 0] + 0.1 * rng.normal(size=(N, 4)) + gap for gap in (0.0, 50.0)]
    ecg, cmr = (axes.collections[0].get_offsets() for axes in plots.embedding_map(*z, shared[:, 0], "x").axes[:2])
    assert abs(np.corrcoef(ecg[:, 0], shared[:, 0])[0, 1]) > 0.99
    assert np.corrcoef(ecg[:, 0], cmr[:, 0])[0, 1] > 0.99


def test_the_maps_of_spaces_hold_both_views_and_join_the_first_pairs(rng):
    z = rng.normal(size=(2, 30, 5)) * [3, 2, 1, 1, 1]
    upper, lower, *_ = plots.space_maps({"before": tuple(z)}, rng.random(30), "x", lines=4).axes
    points = [np.vstack([view.get_offsets() for view in panel.collections]) for panel in (upper, lower)]
    both = np.vstack(z) - np.vstack(z).mean(axis=0)
    _, values, directions = np.linalg.svd(both, full_matrices=False)
    np.testing.assert_allclose(np.abs(points[0]), np.abs(both @ directions[:2].T), rtol=1e-6)
    assert f"{(values[:2] ** 2).sum() / (values**2).sum():.0%}" in upper.get_xlabel()
    for panel, placed in zip((upper, lower), points):
        assert len(panel.lines) == 4
        for person, line in enumerate(panel.lines):
            np.testing.assert_allclose(line.get_xydata(), placed[[person, 30 + person]])


def test_forest_prints_what_it_draws():
    table = pd.DataFrame({"value": [0.3, 0.4], "low": [0.2, 0.35], "high": [0.4, 0.45], "n": 9})
    table = table.assign(method=["masked_autoencoder", "eccl"], protocol="probe", seed=None, difference=[-0.1, np.nan])
    table = table.assign(difference_low=-0.2, difference_high=0.05)
    panel = plots.forest(table, "mean r", null=0.3).axes[0]
    assert [text.get_text() for text in panel.texts] == ["0.30 (0.20 to 0.40)", "0.40 (0.35 to 0.45)"]
    assert [text.get_text() for text in panel.get_yticklabels()] == ["masked autoencoder", "ECCL"]
    difference = plots.forest(table.iloc[:1], "gain", column="difference", digits=3).axes[0]
    assert [text.get_text() for text in difference.texts] == ["-0.100 (-0.200 to 0.050)"]
    with pytest.raises(ValueError, match="no column method, protocol, seed"):
        plots.forest(table[["value", "low", "high", "n"]], "mean r")


def test_calibration_draws_the_bins_of_the_table(rng):
    labels, probabilities = (rng.random((N, 4)) < 0.4).astype(int), {MAE: rng.random((N, 4)), ECCL: rng.random((N, 4))}
    table = evaluation.calibration_table(probabilities, labels, bins=4)
    axes = plots.calibration(labels, probabilities, bins=4).axes[1]
    expected = table.query("diagnosis == 'I42' and method == 'eccl'")
    x, y = axes.lines[1].get_data()
    np.testing.assert_array_equal(x, expected["predicted"])
    np.testing.assert_array_equal(y, expected["value"])
    assert axes.lines[1].get_color() == plots.colour_of("eccl")


def test_a_tiny_cohort_without_cases_still_draws(rng):
    labels = np.zeros((12, 4), int)
    labels[:2, 0] = 1
    probabilities = {MEAN: np.full((12, 4), 0.1), ECCL: rng.random((12, 4))}
    indices = bootstrap_indices(12, 10, 0)
    table = evaluation.diagnosis_table(probabilities, labels, indices, reference=ECCL)
    for figure in (
        plots.roc(labels, probabilities),
        plots.calibration(labels, probabilities),
        plots.diagnosis_bars(table.query("metric == 'AUROC'")),
        plots.forest(table.query("metric == 'AUROC'"), "AUROC", label="diagnosis"),
    ):
        figure.draw_without_rendering()


def test_epochs_are_counted_from_one_as_in_prose():
    history = pd.DataFrame({"epoch": range(3), "train_loss": 1.0, "validation_loss": 2.0})
    assert [list(line.get_xdata()) for line in plots.training_history(history).axes[0].lines] == [[1, 2, 3]] * 2


def test_losses_of_different_kinds_stand_apart_each_in_its_row():
    history = pd.DataFrame({"epoch": range(3), "train_loss": 1.0, "validation_loss": 2.0})
    both = {"eccl": history, "cmr_supervised": history.assign(validation_score=[0.1, 0.2, 0.3])}
    panels = plots.training_history(both, "mean r", apart=True).axes
    assert [len(panel.lines) for panel in panels] == [2, 0, 2, 1] and not panels[1].axison
    assert list(panels[3].lines[0].get_ydata()) == [0.1, 0.2, 0.3] and panels[3].get_ylabel() == "mean r"
    assert [panel.get_title(loc="left") for panel in panels[::2]] == ["ECCL", "CMR"]


def test_a_yes_or_no_reads_so_in_the_legend(rng):
    legend = plots.embedding_map(*rng.normal(size=(2, 9, 4)), np.arange(9) > 4, "coded").axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["no", "yes"]


def test_the_ticks_of_an_ablation_do_not_run_into_each_other():
    for panel in (figure := plots.ablation(report.ablation("learned_temperature"))).axes:
        figure.draw_without_rendering()
        low, high = panel.get_xlim()
        shown = [one for one, at in zip(panel.get_xticklabels(), panel.get_xticks()) if low <= at <= high]
        boxes = [one.get_window_extent() for one in shown]
        assert len(boxes) > 1 and all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
