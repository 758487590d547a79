"""Cines that move: they loop at the heart's own rate, fit the page, stand still where asked, and outline the wall."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from eccl import plots
from eccl.config import preset
from eccl.plots import moving
from eccl.records import Cine
from eccl.simulate.cohort import participant_wall, simulate_participant

CONFIG = preset("smoke").simulation


@pytest.fixture(scope="module")
def person():
    return simulate_participant(CONFIG, 0)


@pytest.fixture(scope="module")
def wall(person):
    return participant_wall(CONFIG, person.participant_id)


@pytest.fixture(scope="module")
def markup(person, wall):
    return plots.moving_cines([person.cine], ["heart <1>"], [wall])._repr_html_()


def opened(url: str) -> tuple[Image.Image, int]:
    content = base64.b64decode(url.removeprefix("data:image/webp;base64,"))
    return Image.open(io.BytesIO(content)), len(content)


def test_it_loops_at_the_rate_of_the_heart_and_is_small(person, markup):
    picture, size = opened(re.search(r'<img alt="[^"]+" src="([^"]+)"', markup)[1])
    assert picture.n_frames == 25 and picture.info["loop"] == 0 and size <= moving.BYTES
    assert max(picture.size) >= 200
    picture.seek(1)
    picture.load()
    assert picture.info["duration"] == round(2 * person.cine.frame_interval)


def test_paper_and_who_wants_no_motion_get_a_still(markup):
    sources = dict(re.findall(r'<source media="([^"]+)" srcset="([^"]+)"', markup))
    assert set(sources) == {"print", "(prefers-reduced-motion: reduce)"}
    assert all(getattr(opened(still)[0], "n_frames", 1) == 1 for still in sources.values())


def test_nothing_is_fetched_and_names_are_text(markup):
    assert "http" not in markup and "url(" not in markup
    assert 'alt="cine of the heart: heart &lt;1&gt;, its wall outlined"' in markup and "heart <1>" not in markup


def test_the_wall_of_a_participant_is_dark_in_the_cine_and_its_cavity_bright(person, wall):
    from scipy.ndimage import binary_fill_holes

    cavity = np.stack([binary_fill_holes(frame) & ~frame for frame in wall])
    frames = person.cine.frames
    assert all(frame[muscle].mean() < 0.6 * frame[hole].mean() for frame, muscle, hole in zip(frames, wall, cavity))


def test_the_outline_lies_on_the_border_and_nowhere_else():
    cine = Cine(np.full((2, 40, 40), 100.0) + np.arange(40), (2.0, 2.0), 500.0)
    y, x = np.mgrid[:40, :40] - 19.5
    ring = np.repeat([(np.hypot(y, x) < 15) & (np.hypot(y, x) > 8)], 2, axis=0)
    picture = moving.painted(cine, ring, every=1, pixels=240)[0]
    coloured = np.ptp(picture.astype(int), axis=-1) > 60
    rows, columns = np.nonzero(coloured)
    radius = np.hypot(rows - 119.5, columns - 119.5) / 6  # in pixels of the cine
    outer = radius > 11.5
    assert outer.any() and (~outer).any()
    assert np.abs(radius[outer] - 15).max() < 1 and np.abs(radius[~outer] - 8).max() < 1
    assert coloured.sum() == pytest.approx(2 * np.pi * 6 * (15 + 8) * 2, rel=0.5)  # two lines about two pixels wide


def test_pixels_that_are_not_square_keep_the_heart_round():
    assert moving.painted(Cine(np.random.default_rng(0).random((50, 40, 60)), (1.8, 1.2), 20.0)).shape == (
        25,
        240,
        240,
        3,
    )


def test_what_does_not_belong_together_is_refused(person, wall):
    with pytest.raises(ValueError, match="1 cines, 2 labels, 1 walls"):
        plots.moving_cines([person.cine], ["a", "b"], [wall])
    with pytest.raises(ValueError, match="give one for each"):
        plots.moving_cines([person.cine], ["a"], [wall[:10]])


@pytest.mark.parametrize(("part", "to"), [("thinnest", "left"), ("thickest", "right")])
def test_an_arrow_points_from_outside_at_the_part_of_the_wall_that_it_names(part, to):
    y, x = np.mgrid[:80, :80] - 40
    radius = np.hypot(x, y)
    wall = (radius > 10) & (radius < np.where(x > 0, 20, 14))  # thick on the right
    before = np.zeros((3, 240, 240, 3), np.uint8)
    after = moving.with_arrow(before, wall, part)
    rows, columns = np.nonzero(after[0].any(axis=2))
    assert not before.any() and (after == after[0]).all()
    distance = np.hypot(rows - 120, columns - 120) / 3
    assert distance.min() > (20 if to == "right" else 14) and distance.min() < 24
    assert (columns > 120).all() if to == "right" else (columns < 120).all()


def test_an_arrow_that_points_at_nothing_known_is_refused(person, wall):
    with pytest.raises(ValueError, match="thinnest or the thickest part of a wall; got 'left'"):
        plots.moving_cines([person.cine], ["heart"], [wall], ["left"])
    with pytest.raises(ValueError, match="a wall that is not given"):
        plots.moving_cines([person.cine], ["heart"], arrows=["thinnest"])
    with pytest.raises(ValueError, match="2 arrows"):
        plots.moving_cines([person.cine], ["heart"], [wall], ["", ""])
