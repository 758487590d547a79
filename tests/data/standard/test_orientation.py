"""One scan gives one picture: rows up or down, columns for rows, slices from either end, from NIfTI and from DICOM."""

import dataclasses
from itertools import product

import nibabel as nib
import numpy as np
import pytest
from helpers.making import make_cine, refused
from helpers.stacks import beating, in_a_patient, nifti_file

from eccl.config import SimulationConfig
from eccl.data.cmr import open_image, read_cine, read_image, still_slice, write_cine
from eccl.data.formats.axes import BASE_TO_APEX, is_aligned
from eccl.data.formats.dicom_writer import dicom_files, write_dicom_cine
from eccl.data.measure.masks import mask_traits
from eccl.data.sources.scans import read_scan
from eccl.data.standard.orientation import from_base, upright
from eccl.data.standard.slices import cut_cine
from eccl.records import Stack
from eccl.simulate.heart import draw_heart, participant_generators
from eccl.simulate.stack import image_stack

VARIANTS = list(product((False, True), (1, -1), (1, -1), (1, -1)))  # columns for rows, then each axis back to front
SPACING = (1.75, 1.85)  # mm, row and column: within what is cut at whole pixels


def lying(stack, variant):
    """The same voxels in another order, turned by nibabel."""
    swapped, *signs = variant
    axes = np.array([[1, 0, 2] if swapped else [0, 1, 2], signs]).T
    image = nib.Nifti1Image(stack.images.transpose(3, 2, 1, 0), stack.affine).as_reoriented(axes)
    column, row, depth = (float(size) for size in nib.affines.voxel_sizes(image.affine))
    images = np.ascontiguousarray(np.asanyarray(image.dataobj).transpose(3, 2, 1, 0))
    return dataclasses.replace(stack, images=images, spacing=(row, column), slice_spacing=depth, affine=image.affine)


def scan(spacing=SPACING, frames=12, depth=5):
    """A heart that is no mirror image of itself, with its labels, from base to apex; whole numbers below 256."""
    image, labels = beating((frames, depth, 62, 71), spacing, (33.0, 38.0), 70.0)
    rng = np.random.default_rng(1)
    image.images[:] = np.rint(image.images + rng.uniform(0, 40, image.images.shape))
    affine = in_a_patient(spacing)
    return tuple(dataclasses.replace(each, affine=affine) for each in (image, labels))


def as_nifti(path, stack):
    column, row, depth = stack.spacing[1], stack.spacing[0], stack.slice_spacing
    images = stack.images.astype(np.uint8)
    return nifti_file(path, images, (column, row, depth), stack.affine, dt=stack.frame_interval / 1000)


def assert_same(one, two):
    np.testing.assert_array_equal(one.frames, two.frames)
    assert one.spacing == pytest.approx(two.spacing) and one.frame_interval == pytest.approx(two.frame_interval)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("spacing", [SPACING, (1.3, 1.55), (1.8229166269302, 1.8229166269302)])
def test_a_scan_gives_one_cine_in_whatever_order_a_file_keeps_it(tmp_path, variant, spacing):
    image, _ = scan(spacing)
    turned, plain = lying(image, variant), as_nifti(tmp_path / "plain.nii", image)
    for path in (as_nifti(tmp_path / "sa.nii.gz", turned), write_dicom_cine(tmp_path / "1.zip", turned, "p")):
        cine = read_cine(path, frames=12, size=None)
        np.testing.assert_array_equal(cine.frames, image.images[:, 2])
        assert cine.spacing == pytest.approx(spacing)
        assert_same(read_cine(path, frames=12), read_cine(plain, frames=12))
        assert_same(cut_cine(open_image(path), frames=12), cut_cine(image, frames=12))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("spacing", [SPACING, (1.3, 1.55)])
def test_masks_go_with_the_image_whichever_way_each_of_them_lies(tmp_path, variant, spacing):
    image, labels = scan(spacing)
    expected = cut_cine(image, labels, frames=12)
    other = VARIANTS[(VARIANTS.index(variant) * 7 + 3) % len(VARIANTS)]
    mask = as_nifti(tmp_path / "seg.nii", lying(labels, other))
    nifti = as_nifti(tmp_path / "sa.nii", lying(image, variant))
    assert_same(cut_cine(read_image(nifti), read_image(mask), frames=12), expected)
    same = lying(labels, variant)  # without an affine it lies as the image does
    silent = nifti_file(tmp_path / "silent.nii", same.images.astype(np.uint8), (spacing[1], spacing[0], 8.0))
    assert_same(cut_cine(read_image(nifti), read_image(silent), frames=12), expected)


@pytest.mark.parametrize("variant", VARIANTS[::5])
def test_a_mask_beside_a_dicom_cine_of_another_order_is_brought_onto_it(tmp_path, variant):
    image, labels = scan(frames=50)
    fifty = dataclasses.replace(image, frame_interval=20.0)
    zipped = write_dicom_cine(tmp_path / "1.zip", lying(fifty, variant), "p")
    mask = as_nifti(tmp_path / "seg.nii", lying(labels.stack([1, 2, 3, 4]), VARIANTS[3]))
    found = read_scan(zipped, [mask])
    assert found.frame_count == 50 and found.cine.frames.shape == (50, 80, 80)
    assert_same(found.cine, cut_cine(fifty, labels))
    silent = nifti_file(tmp_path / "silent.nii", labels.images.astype(np.uint8), (1.85, 1.75, 8.0))
    refused(lambda: read_scan(zipped, [silent]), silent, "does not say where its voxels are")


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_slices_are_found_where_a_tool_that_turned_the_file_to_the_body_put_them(tmp_path, axis, suffix):
    """As nibabel's as_closest_canonical does it, and FSL's fslreorient2std."""
    image, labels = scan()
    paths = []
    for name, stack in (("sa", image), ("seg", labels)):
        order = {0: [1, 2, 0], 1: [2, 0, 1]}[axis]
        file = nib.Nifti1Image(stack.images.astype(np.uint8).transpose(3, 2, 1, 0), stack.affine)
        file = file.as_reoriented(np.array([order, [1, -1, -1]]).T)
        file.header["pixdim"][4] = stack.frame_interval / 1000
        file.header["xyzt_units"] = 10
        paths.append(tmp_path / f"{name}{suffix}")
        file.to_filename(paths[-1])
        assert file.header.get_zooms()[axis] == pytest.approx(8)
    one, mask = map(read_image, paths)
    assert one.slice_count == image.slice_count and one.slice_spacing == pytest.approx(8)
    assert_same(cut_cine(one, mask, frames=12), cut_cine(image, labels, frames=12))
    assert_same(cut_cine(open_image(paths[0]), frames=12), cut_cine(image, frames=12))
    assert_same(cut_cine(image, mask, frames=12), cut_cine(image, labels, frames=12))
    assert mask_traits(mask) == pytest.approx(mask_traits(labels))
    np.testing.assert_array_equal(read_image(paths[0], slices=[1, 2]).images, one.images[:, 1:3])


def test_a_still_slice_lies_as_a_cine_does():
    image, labels = scan()
    for variant in VARIANTS[::3]:
        assert_same(still_slice(lying(image, variant), lying(labels, variant)), still_slice(image, labels))


def test_a_zip_a_folder_and_one_slice_of_unknown_thickness_give_one_cine(tmp_path):
    image, _ = scan(frames=12)
    turned = lying(image.stack([2]), VARIANTS[9])
    zipped = write_dicom_cine(tmp_path / "1.zip", turned, "p")
    folder = tmp_path / "folder" / "series"
    folder.mkdir(parents=True)
    thick, thin = b"\x18\0\x50\0DS\2\x008 ", b"\x18\0\x50\0DS\0\0"
    for name, content in dicom_files(turned, "p").items():
        assert thick in content
        (folder / name).write_bytes(content.replace(thick, thin))
    for path in (zipped, folder.parent):
        cine = read_cine(path, frames=12, size=None)
        np.testing.assert_array_equal(cine.frames, image.images[:, 2])
        assert cine.source == str(path) and cine.frame_interval == pytest.approx(70.0)


def test_slices_are_counted_as_the_file_counts_them(tmp_path):
    image, _ = scan()
    for variant in ((False, 1, 1, -1), (True, -1, 1, 1)):
        turned = lying(image, variant)
        path = as_nifti(tmp_path / "sa.nii", turned)
        np.testing.assert_array_equal(read_image(path).images, turned.images)  # a stack lies as its file does
        np.testing.assert_array_equal(read_image(path, slices=[1, 2]).images, turned.images[:, 1:3])
        place = 4 if variant[3] < 0 else 0
        frames = read_cine(path, frames=12, size=None, slice_index=0).frames
        np.testing.assert_array_equal(frames, image.images[:, place])


def test_what_the_simulator_and_a_cohort_write_lies_upright_already(tmp_path, rng):
    generators = participant_generators(5, 1)
    images, labels = image_stack(draw_heart(SimulationConfig(), generators.heart), generators.cine, slices=3)
    for one, two in zip(upright(images, labels), (images, labels)):
        np.testing.assert_array_equal(one.images, two.images)
        np.testing.assert_array_equal(one.affine, two.affine)
    cine = make_cine(rng)
    assert_same(read_cine(write_cine(tmp_path / "a.nii.gz", cine)), cine)


@pytest.mark.parametrize("default", [(-1, -1, 1), (1, 1, 1), (1, 1, -1)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_of_an_affine_along_the_axes_of_the_body_the_mirrored_and_exchanged_are_undone(tmp_path, default, variant):
    image, _ = scan((1.5, 1.6), frames=10, depth=1)
    image = dataclasses.replace(image, affine=np.diag([*np.array([1.6, 1.5, 8.0]) * default, 1.0]))
    cine = read_cine(as_nifti(tmp_path / "sa.nii", lying(image, variant)), frames=10, size=None)
    _, columns, rows, _ = variant
    upside_down = columns == rows == -1 or (columns != rows and columns == -1)
    expected = image.images[:, 0, ::-1, ::-1] if upside_down else image.images[:, 0]
    assert {cine.frames.tobytes()} <= {expected.tobytes(), expected[:, ::-1, ::-1].tobytes()}
    if variant[:2] == (False, 1):  # rows up or down: one picture
        np.testing.assert_array_equal(cine.frames, image.images[:, 0])


@pytest.mark.parametrize("default", [(-1, -1, 1), (1, 1, 1)])
def test_a_default_that_is_not_mirrored_turns_nothing(default):
    image, _ = scan(frames=2, depth=1)
    image = dataclasses.replace(image, affine=np.diag([*np.array([1.85, 1.75, 8.0]) * default, 1.0]))
    np.testing.assert_array_equal(upright(image)[0].images, image.images)


def test_pixels_lie_as_they_are_where_nothing_or_a_nominal_file_says_how():
    image, labels = scan()
    turned = lying(image, VARIANTS[13])
    for stack in (dataclasses.replace(turned, affine=None), dataclasses.replace(turned, nominal=True)):
        assert upright(stack, labels) == (stack, labels)
        assert list(from_base(stack.affine, 5, stack.nominal)) == [0, 1, 2, 3, 4]


def planes(cone, about, count=300):
    """Columns and rows as scanners choose them for axes within a cone, turned by hand by so much or less."""
    rng = np.random.default_rng(3)
    usual = np.array([-0.7, 0.5, 0.5]) / np.linalg.norm([0.7, 0.5, 0.5])
    for _ in range(count):
        aside = np.cross(usual, rng.normal(size=3))
        angle = np.deg2rad(cone) * np.sqrt(rng.random())
        normal = usual * np.cos(angle) + aside / np.linalg.norm(aside) * np.sin(angle)
        if abs(normal).argmax() == 2:  # as for a transverse slice: rows run to the back
            row = np.array([0, normal[2], -normal[1]])
            row /= np.linalg.norm(row)
            column = np.cross(row, normal)
        else:  # as for a sagittal or coronal one: columns run level
            column = np.array([-normal[1], normal[0], 0.0])
            column /= np.linalg.norm(column) * np.sign(column[:2].sum())
            row = np.cross(normal, column)
        turn = np.deg2rad(rng.uniform(-about, about))
        yield column * np.cos(turn) + row * np.sin(turn), row * np.cos(turn) - column * np.sin(turn)


def test_the_planes_that_scanners_choose_are_upright_and_far_from_the_next_turn():
    kept = []
    for column, row in planes(20, 10):
        affine = np.eye(4)
        affine[:3, :3] = np.diag([-1, -1, 1]) @ np.stack([column, row, np.cross(row, column)], axis=1)
        stack = Stack(np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3), (1.0, 1.0), 1.0, 20.0, "", affine)
        kept.append(np.array_equal(upright(stack)[0].images, stack.images))
        assert np.cross(column, row) @ BASE_TO_APEX < 0 and not is_aligned(affine)
    assert all(kept) and len(kept) == 300


def test_equal_turns_are_told_apart_whatever_the_last_digit_of_a_file():
    rng = np.random.default_rng(0)
    normal = np.array([-1.0, 1.0, 1.0]) / np.sqrt(3)
    column = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    score = column @ [1, 0.5, 0] + np.cross(normal, column) @ [0, 0.5, -1]
    across = np.cross(normal, column) @ [1, 0.5, 0] - column @ [0, 0.5, -1]
    turn = np.pi / 4 - np.arctan2(-across, score)  # to where two ways are equal
    row = np.cross(normal, column)
    column, row = column * np.cos(turn) + row * np.sin(turn), row * np.cos(turn) - column * np.sin(turn)
    seen = set()
    for _ in range(40):
        affine = np.eye(4)
        affine[:3, :3] = np.diag([-1, -1, 1]) @ np.stack([column, row, -normal], axis=1)
        affine[:3, :3] += rng.normal(0, 1e-8, (3, 3))
        stack = Stack(np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3), (1.0, 1.0), 1.0, 20.0, "", affine)
        for variant in VARIANTS[:8]:
            seen.add(upright(lying(stack, variant))[0].images.tobytes())
    assert len(seen) == 1
