"""Slice choice, the place of the heart, the crop and the frames of a cohort's cine, and labels brought onto a grid."""

import dataclasses

import numpy as np
import pytest
from helpers.stacks import beating, in_a_patient

from eccl.config import SimulationConfig
from eccl.data.cmr import read_image
from eccl.data.standard.plane import crop_or_pad, mask_centre
from eccl.data.standard.slices import align, cut_cine, heart_centre, mid_slice
from eccl.records import DataError
from eccl.simulate.cine import label_frames, simulate_cine
from eccl.simulate.heart import draw_heart, participant_generators


def first(labels):
    return dataclasses.replace(labels, images=labels.images[:1])


def test_the_slice_is_the_middle_of_the_stack_of_the_ventricle_or_of_the_paper():
    stack, labels = beating()
    assert mid_slice(stack) == 3
    labels.images[:, 5] = 0  # slices 1 to 4 hold the cavity
    assert mid_slice(stack, labels) == 3 and mid_slice(stack, first(labels)) == 3
    labels.images[1, 5] = 1  # a frame with a larger cavity is end-diastole, wherever it is
    assert mid_slice(stack, labels) == 3 and mid_slice(stack, first(labels)) == 3
    labels.images[1, 6] = 1
    assert mid_slice(stack, labels) == 4
    labels.images[1, 5:] = 0
    assert mid_slice(stack, labels, slice_rule="rv") == 4
    labels.images[labels.images == 3] = 4  # AutoFD's label of the RV
    assert mid_slice(stack, labels, slice_rule="rv") == 4
    labels.images[labels.images == 4] = 0
    with pytest.raises(DataError, match="labelled 3 or 4"):
        mid_slice(stack, labels, slice_rule="rv")
    with pytest.raises(ValueError, match="middle"):
        mid_slice(stack, slice_rule="best")


def test_the_heart_is_where_its_labels_are_or_where_most_moves():
    stack, labels = beating()
    assert heart_centre(stack.images[:, 3], labels.images[:, 3]) == pytest.approx((70, 50), abs=0.1)
    assert heart_centre(stack.images[:, 3]) == pytest.approx((70, 50), abs=1.0)
    assert heart_centre(stack.images[:1, 3]) == (59.5, 64.5)  # nothing moves: the image's centre


def test_the_moving_heart_of_a_simulated_cine_is_found():
    off = []
    for number in range(12):
        generators = participant_generators(9, number)
        heart = draw_heart(SimulationConfig(), generators.heart)
        labels = label_frames(heart, participant_generators(9, number).cine)
        found = heart_centre(simulate_cine(heart, generators.cine).frames)
        ventricle = mask_centre(np.isin(labels, (1, 2)))
        both = mask_centre(labels > 0)
        off.append([np.hypot(*np.subtract(found, place)) * 1.8 for place in (ventricle, both)])
    assert np.max(off) < 30 and np.median(off, axis=0).max() < 15  # mm, in a square of 144


def test_a_near_spacing_is_cut_at_whole_pixels_and_kept():
    stack, labels = beating(spacing=(1.82, 1.76))
    cine = cut_cine(stack, labels)
    assert cine.spacing == (1.82, 1.76) and cine.frame_interval == 20.0
    row, column = 70 - 39, 50 - 39
    np.testing.assert_array_equal(cine.frames, stack.images[:, 3, row : row + 80, column : column + 80])


def test_another_spacing_is_resampled_about_the_heart():
    stack, labels = beating(shape=(50, 7, 160, 170), spacing=(1.2, 1.2), centre=(90.0, 60.0))
    cine = cut_cine(stack, labels)
    assert cine.spacing == (1.8, 1.8) and cine.frames.shape == (50, 80, 80)
    assert mask_centre(cine.frames[0] > 130) == pytest.approx((39.5, 39.5), abs=0.1)
    assert (cine.frames[0] > 130).sum() * 1.8**2 == pytest.approx(np.pi * 25**2, rel=0.03)


def test_a_heart_at_the_edge_is_padded_and_stays_in_the_middle():
    stack, labels = beating(centre=(25.0, 100.0))
    labels.images[labels.images == 3] = 0
    cine = cut_cine(stack, labels)
    assert mask_centre(cine.frames[0] > 130) == pytest.approx((39.5, 39.5), abs=0.6)
    assert cine.frames[:, :10].max() == 0


def test_fewer_frames_are_refused_interpolated_or_still_as_asked():
    stack, labels = beating(shape=(25, 7, 120, 130), interval=40.0)
    with pytest.raises(DataError, match=r'25 frames, not 50.*frame_policy="interpolate"'):
        cut_cine(stack, labels)
    cine = cut_cine(stack, labels, frame_policy="interpolate")
    assert cine.frame_interval * 50 == pytest.approx(1000) and len(cine.frames) == 50
    whole = crop_or_pad(stack.images[:, 3], 80, (70.0, 50.0))
    np.testing.assert_array_equal(cine.frames[::2], whole)
    np.testing.assert_allclose(cine.frames[-1], (whole[-1] + whole[0]) / 2)
    still = cut_cine(stack, labels, frame_policy="still")
    assert np.ptp(still.frames, axis=0).max() == 0 and np.array_equal(still.frames[0], whole[0])
    with pytest.raises(ValueError, match="refuse"):
        cut_cine(stack, labels, frame_policy="guess")


@pytest.mark.parametrize("frame_policy", ["refuse", "still"])
def test_more_frames_are_thinned_only_by_interpolation(frame_policy):
    stack, labels = beating(shape=(60, 7, 120, 130), interval=15.0)
    with pytest.raises(DataError, match="60 frames, not 50"):
        cut_cine(stack, labels, frame_policy=frame_policy)
    assert cut_cine(stack, labels, frame_policy="interpolate").frame_interval * 50 == pytest.approx(900)


def test_nine_frames_never_move():
    stack, labels = beating(shape=(9, 7, 120, 130))
    with pytest.raises(DataError, match="invent motion"):
        cut_cine(stack, labels, frame_policy="interpolate")


@pytest.mark.parametrize("empty", ["first", "all but two"])
def test_a_frame_without_labels_chooses_nothing(empty):
    stack, labels = beating()
    labels.images[:, 5] = 0
    whole = mid_slice(stack, labels), mid_slice(stack, labels, slice_rule="rv")
    labels.images[np.setdiff1d(np.arange(50), [3, 25]) if empty == "all but two" else [0, 1]] = 0
    assert (mid_slice(stack, labels), mid_slice(stack, labels, slice_rule="rv")) == whole == (3, 4)
    cine = cut_cine(stack, labels)
    assert mask_centre(cine.frames[0] > 130) == pytest.approx((39.5, 39.5), abs=0.6)


@pytest.mark.parametrize("depth", [6, 7])
def test_of_two_middle_slices_the_one_nearer_to_the_apex_is_taken_whichever_comes_first(depth):
    stack, labels = beating(shape=(50, depth, 120, 130))
    affine = in_a_patient()
    labels.images[:, 5] = 0  # slices 1 to 4 hold the cavity
    labels.images[:, 3:5][labels.images[:, 3:5] == 3] = 0
    labels.images[:, 3:5, 5:20, 5:15] = 3  # as much RV in two slices
    other = affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, depth - 1], [0, 0, 0, 1]])
    base_first = [dataclasses.replace(each, affine=affine) for each in (stack, labels)]
    apex_first = [dataclasses.replace(each, affine=other, images=each.images[:, ::-1]) for each in (stack, labels)]
    for arguments in ((), ("middle",), ("rv",)):
        chosen = [
            mid_slice(pair[0], *([pair[1], *arguments] if arguments else [])) for pair in (base_first, apex_first)
        ]
        assert chosen[0] == depth - 1 - chosen[1] == (depth // 2 if arguments != ("rv",) else 3)
    assert mid_slice(dataclasses.replace(stack, affine=None)) == depth // 2


@pytest.mark.parametrize("shift", [(0, 0, 0), (1, 0, 0), (-1, 5, -7), (1, -4, 9)])
def test_labels_are_brought_onto_the_image_by_whole_voxels(shift):
    stack, labels = beating(shape=(2, 7, 90, 100), centre=(45.0, 50.0))
    move = np.eye(4)
    move[:3, 3] = [shift[2], shift[1], shift[0]]  # column, row, slice
    moved = dataclasses.replace(labels, affine=stack.affine @ move)
    aligned = align(moved, stack)
    expected = np.zeros_like(labels.images)
    for index in np.ndindex(7, 90, 100):
        source = tuple(np.subtract(index, shift))
        if all(0 <= place < length for place, length in zip(source, (7, 90, 100))):
            expected[(slice(None), *index)] = labels.images[(slice(None), *source)]
    np.testing.assert_array_equal(aligned.images, expected)
    np.testing.assert_array_equal(aligned.affine, stack.affine)


def test_deeper_labels_are_cut_and_shallower_ones_padded():
    stack, labels = beating(shape=(1, 7, 90, 100))
    deep = np.pad(labels.images, ((0, 0), (2, 3), (0, 0), (0, 0)))
    lower = stack.affine @ [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -2], [0, 0, 0, 1]]
    np.testing.assert_array_equal(
        align(dataclasses.replace(labels, images=deep, affine=lower), stack).images, labels.images
    )
    part = labels.stack([1, 2, 3, 4, 5])
    np.testing.assert_array_equal(align(part, stack).images, labels.images)


@pytest.mark.parametrize("shift", [(3, 0, 0), (-2, 5, -7), (0, 40, 0)])
def test_labels_of_a_heart_that_is_not_in_the_image_are_refused(shift):
    stack, labels = beating(shape=(2, 7, 90, 100), centre=(45.0, 50.0))
    move = np.eye(4)
    move[:3, 3] = [shift[2], shift[1], shift[0]]
    with pytest.raises(DataError, match=r"\d+ of \d+ voxels of LV cavity are labelled outside of sa"):
        align(dataclasses.replace(labels, affine=stack.affine @ move), stack)


@pytest.mark.parametrize("subject", "ABCDE")
def test_real_padded_labels_are_cut_to_their_image(real_data, subject):
    folder = real_data / "cmr/autofd" / subject
    image = read_image(folder / "sa_ED.nii.gz")
    padded = read_image(folder / "seg_sa_ED_padded.nii.gz")
    cut = read_image(folder / "seg_sa_ED.nii.gz", units=("mm", "sec"))
    np.testing.assert_array_equal(align(padded, image).images, cut.images)
    np.testing.assert_array_equal(align(cut, image).images, cut.images)
