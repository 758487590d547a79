"""The drawn frames against the geometry they are drawn from."""

import dataclasses

import numpy as np
import pytest
from helpers.hearts import hearts_of

from eccl.simulate.cine import LABELS, label_frames, simulate_cine
from eccl.simulate.geometry import contours, emptying, volume_curve
from eccl.simulate.heart import participant_generators
from eccl.simulate.scene import draw_scene

PIXEL = 1.8**2  # mm2


def cine_generator(number=0):
    return participant_generators(9, number).cine


@pytest.fixture(scope="module")
def hearts():
    return hearts_of(300, seed=9)


@pytest.fixture(scope="module")
def healthy(hearts):
    return next(h for h in hearts if not h.diagnoses.any())


def areas(labels, name):
    """Area in mm2 at each frame."""
    return (labels == LABELS[name]).sum(axis=(1, 2)) * PIXEL


def centre(mask):
    """Column to the right and row upwards, of a mask, in pixels."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), -rows.mean()])


def test_same_generator_same_bits(healthy):
    first, again = simulate_cine(healthy, cine_generator()), simulate_cine(healthy, cine_generator())
    assert first.frames.tobytes() == again.frames.tobytes()
    other = simulate_cine(healthy, cine_generator(1))
    assert np.abs(first.frames - other.frames).mean() > 5


def test_frames_have_the_stated_form(hearts):
    for number, heart in enumerate(hearts[:20]):
        cine = simulate_cine(heart, cine_generator(number))
        assert cine.frames.shape == (50, 80, 80)
        assert cine.frames.dtype == np.float32
        assert cine.frames.min() >= 0 and cine.frames.max() <= 255
        assert np.percentile(cine.frames, 99.5) > 150
        assert cine.spacing == (1.8, 1.8)
        assert cine.frame_interval * 50 == pytest.approx(60000 / heart.heart_rate)


def test_label_areas_are_those_of_the_outlines(hearts):
    for number, heart in enumerate(hearts[:25]):
        labels = label_frames(heart, cine_generator(number))
        zeta = draw_scene(heart, cine_generator(number)).zeta
        outline = contours(heart, 50, zeta)
        degree = np.pi / 180
        cavity = (outline.endo**2).sum(axis=1) / 2 * degree
        wall = (outline.epi**2).sum(axis=1) / 2 * degree - cavity
        np.testing.assert_allclose(areas(labels, "lv"), cavity, rtol=0.06)
        np.testing.assert_allclose(areas(labels, "myocardium"), wall, rtol=0.10)


def test_cavity_follows_the_volume_curve(hearts):
    for number, heart in enumerate(hearts[:25]):
        labels, volumes = label_frames(heart, cine_generator(number)), volume_curve(heart)
        cavity = areas(labels, "lv")
        assert np.corrcoef(cavity, volumes)[0, 1] > 0.97
        end = int(volumes.argmin())
        assert cavity[end] < cavity[0]
        assert areas(labels, "myocardium")[end] > 0.98 * areas(labels, "myocardium")[0]  # thicker as it shortens
        assert areas(labels, "rv")[end] < areas(labels, "rv")[0]


def test_right_ventricle_is_on_the_left_of_the_image(hearts):
    for number, heart in enumerate(hearts[:25]):
        labels = label_frames(heart, cine_generator(number))[0]
        assert centre(labels == LABELS["rv"])[0] < centre(labels == LABELS["lv"])[0] - 8


def test_blood_is_bright_muscle_grey_and_lung_dark(hearts):
    for number, heart in enumerate(hearts[:10]):
        frame = simulate_cine(heart, cine_generator(number)).frames[0]
        labels = label_frames(heart, cine_generator(number))[0]
        blood, muscle = (np.median(frame[labels == LABELS[name]]) for name in ("lv", "myocardium"))
        lung = np.median(frame[5:25, -8:])
        assert blood > 2.3 * muscle
        assert muscle > 1.8 * lung


def test_frames_change_smoothly_and_the_beat_closes(healthy):
    frames = simulate_cine(healthy, cine_generator()).frames
    step = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    assert step.max() < 2.0 * np.median(step)
    assert np.abs(frames[-1] - frames[0]).mean() < 2.0 * np.median(step)


def test_scar_does_not_move(hearts):
    heart = next(h for h in hearts if not h.diagnoses.any())
    scarred = np.where(np.isin(np.arange(16), (10, 11)), 0.0, 1.0)  # mid-ventricular lateral wall
    ill = dataclasses.replace(heart, contraction=scarred, lv_esv=0.6 * heart.lv_edv)
    end = int(emptying(ill).argmax())
    outline = contours(ill)
    moved = (outline.endo[0] - outline.endo[end]) / outline.endo[0]
    assert abs(moved[350:]).max() < 0.05  # lateral: 11 and 12 meet at 0 degrees
    assert moved[150:210].min() > 0.12
    labels = label_frames(ill, cine_generator())
    assert areas(labels, "lv")[end] < areas(labels, "lv")[0]


def test_axis_turns_the_heart_in_the_plane_by_half(healthy):
    def direction(axis):
        labels = label_frames(dataclasses.replace(healthy, axis=axis), cine_generator())[0]
        x, y = centre(labels == LABELS["rv"]) - centre(labels == LABELS["lv"])
        return np.rad2deg(np.arctan2(y, x)) % 360

    assert direction(30.0) - direction(-30.0) == pytest.approx(30, abs=4)


def test_fat_people_have_fat_chests(healthy):
    corner = (slice(None), slice(0, 12), slice(0, 25))
    thin, heavy = (
        np.mean([simulate_cine(dataclasses.replace(healthy, weight=weight), cine_generator(k)).frames[corner].mean()
                 for k in range(5)])
        for weight in (0.8 * healthy.weight, 1.5 * healthy.weight)
    )  # fmt: skip
    assert heavy > thin + 5


def test_nuisance_knows_nothing_of_the_heart(hearts):
    small, large = sorted((h for h in hearts if not h.in_fibrillation), key=lambda h: h.lv_edv)[:: len(hearts) // 2][:2]
    assert draw_scene(small, cine_generator()) == draw_scene(large, cine_generator())
