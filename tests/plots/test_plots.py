"""Facts of the figures that can be checked without eyes: geometry, order, labels, and legends that cover no data."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from eccl import metrics, plots
from eccl.config import ECGEncoderConfig
from eccl.evaluation import tables as evaluation
from eccl.metrics import Estimate, bootstrap_indices
from eccl.records import ECG, LEADS, Cine
from eccl.traits import DIAGNOSES, GROUPS, TRAITS

N = 60


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def ecg(rng):
    """A little noise and a spike of 1 mV each second, in every lead."""
    signal = 0.01 * rng.normal(size=(12, 5000))
    signal[:, 250::500] += 1.0
    return ECG(signal)


@pytest.fixture
def cine(rng):
    return Cine(rng.random((50, 40, 60)), (1.8, 1.2), 20.0)


def everything(rng, ecg, cine):
    """One of each figure."""
    y = rng.normal(size=(N, len(TRAITS)))
    labels = (rng.random((N, 4)) < 0.4).astype(int)
    indices = bootstrap_indices(N, 20, 0)
    predictions = {"MAE": y + rng.normal(size=y.shape), "ECCL": y + 0.5 * rng.normal(size=y.shape)}
    probabilities = {name: rng.random((N, 4)) for name in ("baseline", "MAE", "ECCL, probe", "ECCL")}
    table = evaluation.trait_table(predictions, y, indices, ceiling=y)
    diagnoses = evaluation.diagnosis_table(probabilities, labels, indices).query("metric == 'AUROC'")
    ranking = evaluation.trait_table({"ECCL": y}, y + 1, indices, by="trait", ceiling=y)
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
    mask = (rng.random(100) < 0.75).astype(float)
    return {
        "clinic_ecg": plots.clinic_ecg(ecg, "title"),
        "masked_ecg": plots.masked_ecg(ecg.signal, ecg.signal, mask, ECGEncoderConfig()),
        "cine_montage": plots.cine_montage([cine, cine], ["healthy", "hypertrophic cardiomyopathy"]),
        "trait_distributions": plots.trait_distributions(cohort, references),
        "scatter": plots.scatter(y[:, 0], y[:, 1], "LV mass (g)", "voltage (mV)", Estimate(0.1, 0.0, 0.2, N)),
        "histogram": plots.histogram({"simulated": y[:, 0], "real": y[:20, 1]}, "cosine"),
        "ingest_outcome": plots.ingest_outcome(summary),
        "bland_altman": plots.bland_altman(y[:, 0], y[:, 1], "LV mass", "g"),
        "forest": plots.forest(table.query("group == 'all traits'"), "mean r", null=0),
        "group_bars": plots.group_bars(table),
        "diagnosis_bars": plots.diagnosis_bars(diagnoses),
        "trait_ranking": plots.trait_ranking(ranking),
        "roc": plots.roc(labels, probabilities),
        "calibration": plots.calibration(labels, probabilities, bins=4),
        "embedding_map": plots.embedding_map(*z, y[:, 0], "LV mass (g)"),
        "embedding_map_classes": plots.embedding_map(*z, labels[:, 0], "I21"),
        "rank_histogram": plots.rank_histogram({"ECG to CMR": np.arange(1, N + 1), "CMR to ECG": np.ones(N)}, N),
        "training_history": plots.training_history({"ECCL": history, "shuffled pairs": history}),
    }


@pytest.fixture(scope="module")
def figures():
    rng = np.random.default_rng(0)
    signal = 0.01 * rng.normal(size=(12, 5000))
    return everything(rng, ECG(signal), Cine(rng.random((50, 40, 60)), (1.8, 1.2), 20.0))


def test_every_figure_fits_the_column_is_sharp_and_labels_its_axes(figures):
    images = {"clinic_ecg", "cine_montage"}
    for name, figure in figures.items():
        assert figure.get_figwidth() <= 7.2 and figure.dpi == 150, name
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


def test_a_model_has_one_colour_everywhere_and_models_differ():
    assert plots.colour_of("ECCL, fine-tuned") == plots.colour_of("ECCL") == plots.MODEL_COLOURS["ECCL"]
    assert plots.colour_of("shuffled ECCL") != plots.colour_of("ECCL") != plots.colour_of("ECCL, probe")
    assert plots.colour_of("triplet") == plots.colour_of("triplet")
    named = ("ECCL", "MAE", "scratch", "random", "CMR", "measurements", "baseline", "ceiling")
    assert len({plots.colour_of(name) for name in named}) == len(named)


# the ECG


def drawn(figure):
    """Signals on the paper by lead, in the order they were drawn: name, x and y in mm."""
    return [(line.get_label(), *line.get_data()) for line in figure.axes[0].lines if line.get_label() in LEADS]


def test_a_millimetre_is_as_wide_as_high_and_a_whole_number_of_pixels(ecg):
    for title in (None, "healthy"):
        figure = plots.clinic_ecg(ecg, title)
        figure.draw_without_rendering()
        paper = figure.axes[0]
        origin, one = paper.transData.transform([(0.0, 0.0), (1.0, 1.0)])
        assert (one - origin) == pytest.approx([4.0, 4.0], abs=0.05)
        for lines, spacing in zip(paper.collections, (1.0, 1.0, 5.0, 5.0)):
            ends = np.array(lines.get_segments())  # (line, end, coordinate)
            across = 0 if ends[0, 0, 0] == ends[0, 1, 0] else 1
            np.testing.assert_allclose(np.diff(ends[:, 0, across]), spacing)
            assert np.isin(0.0, ends[:, 0, across])


def test_the_leads_are_in_clinic_order_at_25_mm_per_second(ecg):
    leads = drawn(plots.clinic_ecg(ecg))
    names = [name for name, _, _ in leads]
    assert names == ["I", "aVR", "V1", "V4", "II", "aVL", "V2", "V5", "III", "aVF", "V3", "V6", "II"]
    for place, (_, x, _) in enumerate(leads[:-1]):
        assert x[0] == pytest.approx(62.5 * (place % 4)) and x[-1] - x[0] == pytest.approx(62.5, abs=0.06)
    rhythm = leads[-1][1]
    assert rhythm[0] == 0 and rhythm[-1] == pytest.approx(250, abs=0.06)


def test_the_voltage_is_drawn_at_10_mm_per_millivolt(ecg):
    for name, x, y in drawn(plots.clinic_ecg(ecg)):
        signal = ecg.lead(name)[np.round(x / 25.0 * 500.0).astype(int)]
        np.testing.assert_allclose(y - y[0], 10 * (signal - signal[0]), atol=1e-4)


def test_the_calibration_pulse_is_1_mv_for_200_ms(ecg):
    paper = plots.clinic_ecg(ecg).axes[0]
    pulses = [line for line in paper.lines if len(line.get_xdata()) == 6]
    assert len(pulses) == 4
    for pulse in pulses:
        x, y = pulse.get_data()
        assert np.ptp(y) == 10.0 and x[3] - x[2] == 5.0 and x.max() < 0


def test_everything_lies_on_the_paper_and_large_voltages_get_room(ecg):
    tall = ECG(ecg.signal * 2.5)
    for recording in (ecg, tall):
        figure = plots.clinic_ecg(recording)
        low, high = figure.axes[0].get_ylim()
        assert all(low < y.min() and y.max() < high for _, _, y in drawn(figure))
    assert plots.clinic_ecg(tall).get_figheight() > plots.clinic_ecg(ecg).get_figheight()
    assert any("25 mm/s" in text.get_text() for text in figure.axes[0].texts)


def test_what_was_hidden_is_shaded_and_painted_where_the_mask_says(ecg):
    mask = np.zeros((12, 50))
    mask[LEADS.index("V1"), 3] = 1
    figure = plots.masked_ecg(
        ecg.signal, ecg.signal + 0.5, mask.ravel(), ECGEncoderConfig(patch_leads=1, patch_samples=100)
    )
    painted = {axes.get_ylabel(): axes.lines[1].get_data() for axes in figure.axes}
    time, values = painted["V1 (mV)"]
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(values)), np.arange(300, 400))
    assert time[300] == 0.6
    assert np.isnan(painted["II (mV)"][1]).all()


# the cine


def test_frames_carry_their_time_their_size_and_one_grey_window(cine):
    figure = plots.cine_montage(cine, frames=[0, 10, 25])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["0 ms", "200 ms", "500 ms"]
    images = [axes.images[0] for axes in figure.axes]
    assert len({image.get_clim() for image in images}) == 1
    assert images[0].get_extent() == pytest.approx([0, 60 * 1.2, 40 * 1.8, 0])
    np.testing.assert_allclose(images[1].get_array(), cine.frames[10])
    x, y = figure.axes[0].lines[0].get_data()
    assert x[1] - x[0] == 20.0 and x[0] > 0 and x[1] < 72 and 0 < y[0] < 72
    assert figure.axes[0].texts[0].get_text() == "20 mm"


def test_frames_are_spread_over_the_beat_and_labels_must_match(cine):
    titles = [axes.get_title() for axes in plots.cine_montage(cine, frames=5).axes]
    assert titles == ["0 ms", "200 ms", "400 ms", "600 ms", "800 ms"]
    with pytest.raises(ValueError, match="2 cines and 1 labels"):
        plots.cine_montage([cine, cine], ["one"])


def test_a_single_frame_does_not_fill_the_page(cine):
    assert plots.cine_montage(cine, "still", frames=1).get_figwidth() < 3.5


# results


def test_bars_carry_the_values_of_the_table(figures, rng):
    table = pd.DataFrame(
        [(m, g, 0.1 * k, 0.1 * k - 0.05, 0.1 * k + 0.05, 0.8) for m in ("MAE", "ECCL") for k, g in enumerate(GROUPS)],
        columns=["model", "group", "value", "low", "high", "ceiling"],
    )
    panel = plots.group_bars(table).axes[0]
    np.testing.assert_allclose([bar.get_width() for bar in panel.patches], table["value"])
    assert [text.get_text() for text in panel.get_yticklabels()][-1] == "longitudinal strain (7)"
    assert panel.patches[0].get_facecolor() != panel.patches[-1].get_facecolor()
    start = figures["diagnosis_bars"].axes[0].patches[0].get_x()
    assert start == 0.5


def test_roc_curves_run_from_corner_to_corner_with_the_area_of_the_metric(rng):
    labels = (rng.random((N, 4)) < 0.4).astype(int)
    scores = np.round(labels + rng.normal(size=(N, 4)), 1)
    figure = plots.roc(labels, {"ECCL": scores})
    assert [axes.get_title(loc="left").split(":")[0] for axes in figure.axes] == list(DIAGNOSES)
    for k, axes in enumerate(figure.axes):
        x, y = axes.lines[1].get_data()
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
        area = metrics.auroc(labels[:, k], scores[:, k])
        assert np.trapezoid(y, x) == pytest.approx(area)
        assert f"{area:.2f}" in [text.get_text() for text in axes.texts]


def test_the_limits_of_agreement_are_those_of_bland_and_altman(rng):
    measured, predicted = rng.normal(100, 10, N), rng.normal(103, 10, N)
    panel = plots.bland_altman(measured, predicted, "LV mass", "g").axes[0]
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


def test_forest_prints_what_it_draws(figures):
    table = pd.DataFrame({"model": ["MAE", "ECCL"], "value": [0.3, 0.4], "low": [0.2, 0.35], "high": [0.4, 0.45]})
    panel = plots.forest(table, "mean r", null=0.3).axes[0]
    assert [text.get_text() for text in panel.texts] == ["0.30 (0.20 to 0.40)", "0.40 (0.35 to 0.45)"]
    assert [text.get_text() for text in panel.get_yticklabels()] == ["MAE", "ECCL"]


def test_a_tiny_cohort_without_cases_still_draws(rng):
    labels = np.zeros((12, 4), int)
    labels[:2, 0] = 1
    probabilities = {"baseline": np.full((12, 4), 0.1), "ECCL": rng.random((12, 4))}
    indices = bootstrap_indices(12, 10, 0)
    table = evaluation.diagnosis_table(probabilities, labels, indices, reference="ECCL")
    for figure in (
        plots.roc(labels, probabilities),
        plots.calibration(labels, probabilities),
        plots.diagnosis_bars(table.query("metric == 'AUROC'")),
        plots.forest(table.query("metric == 'AUROC'"), "AUROC", label="diagnosis"),
    ):
        figure.draw_without_rendering()
