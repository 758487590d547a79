"""Facts of drawn recordings: the scale of the paper, the order of the leads, the times of the frames."""

import re

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from eccl import plots
from eccl.config import preset
from eccl.data.ecg import read_ecg
from eccl.data.measure.ecg import measure_ecg
from eccl.records import ECG, LEADS
from eccl.share.examples import example_ecgs
from eccl.simulate.cohort import simulate_participant

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
        assert (one - origin) == pytest.approx([8.0, 8.0], abs=0.05)
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


def test_saved_it_is_true_to_25_mm_a_second_and_10_mm_a_millivolt(ecg, tmp_path):
    figure = plots.clinic_ecg(ecg, "healthy")
    figure.draw_without_rendering()
    origin, one = figure.axes[0].transData.transform([(0.0, 0.0), (25.0, 10.0)])
    assert (one - origin) / figure.dpi * 25.4 == pytest.approx([25.0, 10.0], abs=0.02)
    figure.savefig(tmp_path / "ecg.svg")
    text = (tmp_path / "ecg.svg").read_text()
    width, height = (float(re.search(rf'{side}="([0-9.]+)pt"', text)[1]) / 72 * 25.4 for side in ("width", "height"))
    low, high = figure.axes[0].get_ylim()
    assert width == pytest.approx(10 + 250 + 2, abs=0.1) and height == pytest.approx(high - low + 15, abs=0.1)
    figure.savefig(tmp_path / "ecg.pdf")
    box = re.search(rb"/MediaBox \[ ?0 0 ([0-9.]+) ([0-9.]+)", (tmp_path / "ecg.pdf").read_bytes())
    assert float(box[1]) / 72 * 25.4 == pytest.approx(width, abs=0.1)


def test_names_of_leads_are_clear_of_every_trace():
    simulated = [simulate_participant(preset("smoke").simulation, number).ecg for number in range(8)]
    for number, recording in enumerate([*simulated, *map(read_ecg, example_ecgs().values())]):
        figure = plots.clinic_ecg(recording)
        figure.draw_without_rendering()
        (paper,) = figure.axes
        traces = [paper.transData.transform(np.column_stack([x, y])) for _, x, y in drawn(figure)]
        boxes = [text.get_window_extent() for text in paper.texts if text.get_text() in LEADS]
        assert len(boxes) == 13 and max(box.y1 for box in boxes) < paper.get_window_extent().y1
        for box in boxes:
            for points in traces:
                inside = (abs(points - (box.p0 + box.p1) / 2) < (box.p1 - box.p0) / 2).all(axis=1)
                assert not inside.any(), (number, box)


def test_rate_intervals_and_axis_stand_above_as_measured():
    ecg = simulate_participant(preset("smoke").simulation, 0).ecg
    values = measure_ecg(ecg)
    (said,) = [text.get_text() for text in plots.clinic_ecg(ecg).axes[0].texts if "HR" in text.get_text()]
    shown = [int(number) for number in re.findall(r"-?\d+", said)]
    assert shown[:4] == [round(values[name]) for name in ("heart_rate_bpm", "pr_ms", "qrs_duration_ms", "qtc_ms")]
    axis = np.deg2rad(shown[4])
    assert (np.sin(axis), np.cos(axis)) == pytest.approx((values["axis_sin"], values["axis_cos"]), abs=0.01)


def test_what_has_no_meaning_is_a_dash(ecg):
    flat = ECG(ecg.signal[:, :700])  # two beats: nothing can be measured
    (said,) = [text.get_text() for text in plots.clinic_ecg(flat).axes[0].texts if "HR" in text.get_text()]
    assert said.count("\N{EN DASH}") == 5 and "nan" not in said


def test_what_was_hidden_is_painted_at_the_rate_of_the_encoder(ecg):
    hidden = np.zeros((12, 1000), bool)  # at 100 Hz
    hidden[LEADS.index("V1"), 60:80] = True
    figure = plots.masked_ecg(ecg.signal, ecg.signal[:, ::5] + 0.5, hidden)
    painted = {axes.get_ylabel(): axes.lines[1].get_data() for axes in figure.axes}
    time, values = painted["V1 (mV)"]
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(values)), np.arange(60, 80))
    np.testing.assert_allclose(values[60:80], ecg.signal[LEADS.index("V1"), 300:400:5] + 0.5)
    assert time[60] == 0.6
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
