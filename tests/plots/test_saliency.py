"""What is drawn of attributions: the trace in mV, the ground at its times, waves in place; maps over their images."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from eccl import plots
from eccl.simulate.waves import PARTS


@pytest.fixture
def drawn(rng):
    signal, masks = rng.normal(size=(12, 5000)), np.zeros((5, 5000), bool)
    masks[PARTS.index("QRS"), 500:600] = True
    attributions = rng.normal(size=(2, 12, 1000))
    figure = plots.saliency(signal, attributions, masks, ["mass", "infarct"], PARTS, "V2", 2.0)
    return signal, attributions, figure


def test_the_ground_is_the_absolute_attribution_of_all_leads_at_its_time(drawn):
    _, attributions, figure = drawn
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["mass", "infarct"]
    for panel, attribution in zip(figure.axes, attributions):
        (image,) = panel.images
        np.testing.assert_allclose(image.get_array()[0], np.abs(attribution[:, :200]).sum(axis=0))
        assert tuple(image.get_extent()[:2]) == (0, 2.0) == panel.get_xlim()


def test_the_trace_is_the_leads_and_the_name_stands_at_its_wave(drawn):
    signal, _, figure = drawn
    x, y = figure.axes[0].lines[0].get_data()
    np.testing.assert_allclose(y, signal[7, :1000] - np.median(signal[7, :1000]))
    np.testing.assert_allclose(x, np.arange(1000) / 500)
    (text,) = figure.axes[0].texts
    assert text.get_text() == "QRS" and text.get_position()[0] == pytest.approx(1.1, abs=0.01)


def test_a_name_for_each_score():
    with pytest.raises(ValueError, match="2 attributions"):
        plots.saliency(np.zeros((12, 5000)), np.zeros((2, 12, 1000)), np.zeros((5, 5000), bool), ["mass"], PARTS)


def test_a_map_lies_over_its_image_with_the_outlines_of_its_person(rng):
    images, maps = rng.random((2, 20, 20)), rng.random((2, 3, 20, 20))
    maps[1, 2] = 0  # nothing raises this score
    region = np.zeros((2, 20, 20), bool)
    region[0, 5:10, 5:10] = region[1, 12:18, 2:8] = True
    figure = plots.heart_maps(images, maps, [region], ["mass", "volume", "EF"], ["one", "two"])
    panels = np.reshape(figure.axes, (2, 4))
    assert [panel.get_title(loc="left") for panel in panels[0]] == ["end-diastole", "mass", "volume", "EF"]
    assert [row[0].get_ylabel() for row in panels] == ["one", "two"]
    for person, row in enumerate(panels):
        assert len(row[0].images) == 1
        for panel, drawn in zip(row[1:], maps[person]):
            image, over = panel.images
            np.testing.assert_array_equal(image.get_array(), images[person])
            if drawn.any():
                np.testing.assert_allclose(
                    over.get_array().filled(0), np.where(drawn < 0.02 * drawn.max(), 0, drawn / drawn.max())
                )
            else:
                assert over.get_array().mask.all()
            (path,) = panel.collections[0].get_paths()
            ys, xs = np.where(region[person])
            np.testing.assert_allclose(path.get_extents().min, [xs.min() - 0.5, ys.min() - 0.5])
    with pytest.raises(ValueError, match="2 images"):
        plots.heart_maps(images, maps, [region], ["mass"], ["one", "two"])
