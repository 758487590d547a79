"""The heart to turn: every step is in the page, one is shown, and nothing is fetched."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from eccl import plots
from eccl.records import ECG, Cine


@pytest.fixture(scope="module")
def markup():
    rng = np.random.default_rng(0)

    def views(value):
        return value, ECG(0.1 * rng.normal(size=(12, 5000))), Cine(rng.random((50, 80, 80)), (1.8, 1.8), 20.0)

    steps = {"mass (g)": [views(60.0), views(85.0)], "scar <1>": [views(0.0)]}
    return plots.heart_slider(steps, {"mass (g)": 1, "scar <1>": 0})._repr_html_()


def test_one_step_is_shown_and_all_are_there(markup):
    assert re.findall(r'class="step([^"]*)" data-step="([^"]+)"', markup) == [
        ("", "0-0"),
        (" shown", "0-1"),
        ("", "1-0"),
    ]
    assert re.findall(r'max="(\d)" value="(\d)"', markup) == [("1", "1"), ("0", "0")]
    assert 'data-values="60 85"' in markup and "scar &lt;1&gt;" in markup and "scar <1>" not in markup


def test_nothing_is_fetched_and_pictures_say_what_they_are(markup):
    assert "http" not in markup and not re.findall(r'src="(?!data:image/webp)', markup)
    assert markup.count("aria-label=") == 2 + 3 and len(re.findall(r'alt="cine[^"]+"', markup)) == 3


def test_the_cine_moves_for_one_beat(markup):
    data = re.search(r"data:image/webp;base64,([^\"]+)", markup)[1]
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.n_frames == 25 and picture.info["loop"] == 0
    picture.seek(1)
    picture.load()
    assert picture.info["duration"] == 40


def test_the_trace_is_drawn_to_scale(markup):
    """25 mm a second and 10 mm a millivolt, downwards in a drawing."""
    points = [tuple(map(float, point.split(","))) for point in re.search(r'points="([^"]+)"', markup)[1].split()]
    x, y = np.array(points).T
    assert x[-1] - x[0] == pytest.approx(100, abs=0.2) and np.std(y) == pytest.approx(1.0, rel=0.1)
