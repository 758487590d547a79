"""Volumes by hand, the simulator's own traits from its masks, and real masks."""

import dataclasses

import numpy as np
import pytest
from helpers.hearts import hearts_of
from helpers.stacks import blocks

from eccl.data.cmr import read_image
from eccl.data.measure.masks import mask_traits
from eccl.data.standard.labels import CAVITY, count, labelled_frames
from eccl.simulate.geometry import traits
from eccl.simulate.stack import label_stack

NAMES = ("lv_edv", "lv_esv", "lv_sv", "lv_ef", "lv_mass", "rv_edv", "rv_esv", "rv_sv", "rv_ef")


@pytest.fixture(scope="module")
def hearts():
    """Nine as they come, one dilated, one hypertrophic, one with a large scar."""
    drawn = hearts_of(150, seed=5)
    ill = [
        next(heart for heart in drawn if heart.cardiomyopathy == "dilated"),
        next(heart for heart in drawn if heart.cardiomyopathy == "hypertrophic"),
        next(heart for heart in drawn if heart.infarct_extent > 0.6),
    ]
    return ill + drawn[:9]


def test_volumes_and_mass_by_hand():
    found = mask_traits(blocks(10, 8, 6, muscle=2))  # 500, 320 and 180 voxels of 0.03 ml, 100 of muscle of 1.05 g/ml
    assert found == pytest.approx({"lv_edv": 15.0, "lv_esv": 5.4, "lv_sv": 9.6, "lv_ef": 64.0, "lv_mass": 3.15})


@pytest.mark.parametrize("label", [3, 4])
def test_both_labels_of_the_right_ventricle_count(label):
    one, two = blocks(10, right=10, label=label), blocks(6, right=5, label=label)
    found = mask_traits(one, two)
    assert found["rv_edv"] == pytest.approx(15.0) and found["rv_ef"] == pytest.approx(50.0)
    assert "lv_mass" not in found


def test_masks_give_what_they_hold_and_no_more():
    assert set(mask_traits(blocks(10, muscle=2, right=8))) == {"lv_edv", "lv_mass"}
    shallow = dataclasses.replace(blocks(6), images=blocks(6).images[:, :3])
    assert mask_traits(blocks(10), shallow)["lv_ef"] == pytest.approx(100 * (1 - 36 * 3 / 500))
    nominal = dataclasses.replace(blocks(10, 6, muscle=2, right=8), nominal=True)
    assert set(mask_traits(nominal)) == {"lv_ef", "rv_ef"}
    assert mask_traits(dataclasses.replace(blocks(10), nominal=True)) == {}
    cut = blocks(10, 6, right=8)
    cut.images[:, :, 2, 0] = 3  # an RV that leaves the image has no volume
    assert set(mask_traits(cut)) == {"lv_edv", "lv_esv", "lv_sv", "lv_ef"}


def sparse(*kept, frames=30, sides=(10, 9, 8, 6, 7), **options):
    """Labels that hold some of these sides, each at a frame of its own, and nothing at the others."""
    images = np.zeros((frames, 5, 40, 40), np.float32)
    for frame, side in kept:
        images[frame] = blocks(sides[side], muscle=2, **options).images[0]
    return dataclasses.replace(blocks(10), images=images)


@pytest.mark.parametrize(("diastole", "systole"), [(0, 11), (3, 28), (29, 0), (12, 5), (7, 8)])
def test_of_sparse_labels_the_frames_that_hold_any_are_end_diastole_and_end_systole(diastole, systole):
    labels = sparse((diastole, 0), (systole, 3), right=8)
    expected = mask_traits(blocks(10, 6, muscle=2, right=8))
    assert set(expected) == {"lv_edv", "lv_esv", "lv_sv", "lv_ef", "lv_mass", "rv_edv", "rv_esv", "rv_sv", "rv_ef"}
    assert mask_traits(labels) == pytest.approx(expected)
    pair = (sparse((diastole, 0), right=8), sparse((systole, 3), right=8))
    assert mask_traits(*pair) == pytest.approx(expected)
    assert list(labelled_frames(labels)) == sorted((diastole, systole))
    assert list(count(labels, CAVITY)[[diastole, systole]]) == [500, 180]


def test_more_frames_than_two_may_hold_labels_and_one_gives_end_diastole_alone():
    found = mask_traits(sparse((4, 2), (9, 0), (20, 3), (21, 4)))
    assert found["lv_edv"] == pytest.approx(15.0) and found["lv_ef"] == pytest.approx(64.0)
    assert set(mask_traits(sparse((17, 0), right=8))) == {"lv_edv", "lv_mass"}


def worst(hearts, **grid):
    """Largest departure of each trait from the simulator's: % of it, or points of an ejection fraction."""
    errors = []
    for heart in hearts:
        found, truth = mask_traits(label_stack(heart, **grid)), traits(heart, np.random.default_rng(0))
        assert set(found) == set(NAMES)
        errors.append(
            [
                found[name] - truth[name] if name.endswith("ef") else 100 * (found[name] / truth[name] - 1)
                for name in NAMES
            ]
        )
    return dict(zip(NAMES, np.abs(errors).max(axis=0))), dict(zip(NAMES, np.mean(errors, axis=0)))


def test_fine_masks_hold_the_simulators_traits(hearts):
    largest, _ = worst(hearts, spacing=1.0, slice_spacing=1.0, size=176, frames=4)
    assert max(largest[name] for name in NAMES if not name.endswith("sv") or name.endswith("esv")) < 1.5
    assert max(largest["lv_ef"], largest["rv_ef"]) < 0.8


def test_clinical_masks_hold_them_up_to_a_slice_at_the_base(hearts):
    largest, bias = worst(hearts, size=100)
    assert max(largest[name] for name in ("lv_edv", "lv_esv")) < 5.5
    assert largest["lv_mass"] < 8 and largest["lv_ef"] < 3.5
    assert max(largest["rv_edv"], largest["rv_esv"]) < 11 and largest["rv_ef"] < 5  # both its ends end in a slice
    assert max(abs(bias[name]) for name in ("lv_edv", "lv_esv", "lv_mass", "rv_edv", "rv_esv")) < 2


def test_the_first_frame_is_the_largest(hearts):
    labels = label_stack(hearts[3], spacing=2.0, slice_spacing=4.0, size=90)
    cavity = count(labels, CAVITY)
    assert cavity[0] == cavity.max() and labels.frame_interval * 50 == pytest.approx(60000 / hearts[3].heart_rate)
    base = [np.flatnonzero((labels.images[frame] == 1).any(axis=(1, 2)))[0] for frame in (0, int(cavity.argmin()))]
    assert base[1] > base[0]  # the base comes down, so its slice leaves the ventricle
    apex = [np.flatnonzero((labels.images[frame] == 1).any(axis=(1, 2)))[-1] for frame in (0, int(cavity.argmin()))]
    assert abs(apex[1] - apex[0]) <= 1


def test_real_masks_of_one_frame(real_data):
    for subject in "ABCDE":
        labels = read_image(real_data / "cmr/autofd" / subject / "seg_sa_ED.nii.gz", units=("mm", "sec"))
        found = mask_traits(labels)
        assert set(found) == {"lv_edv", "lv_mass"}
        assert 50 < found["lv_edv"] < 250 and 40 < found["lv_mass"] < 250


def test_real_masks_of_nominal_spacing_give_ejection_fractions_that_go_with_the_published_ones(real_data):
    import pandas as pd

    folder = real_data / "cmr/sunnybrook"
    published = pd.read_csv(folder / "manifest.csv").set_index("case")["EF"]
    found = {}
    for case in published.index:
        ed, es = (read_image(folder / case / f"seg_sa_{name}.nii.gz", ("mm", "sec"), True) for name in ("ED", "ES"))
        traits_found = mask_traits(ed, es)
        assert set(traits_found) == {"lv_ef"}
        found[case] = traits_found["lv_ef"]
    found = pd.Series(found)
    assert len(found) == 20 and found.between(5, 90).all()
    assert found.corr(published) > 0.85  # another reader's, and most often higher: end-systole was outlined widely
    assert -15 < (found - published).median() < 5
