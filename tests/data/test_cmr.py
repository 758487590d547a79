"""CMR files: exact round trips against nibabel, orientation, frames, and geometry in mm; see also test_bad_input.py."""

import nibabel as nib
import numpy as np
import pytest
from helpers.making import make_cine

from eccl.data.cmr import read_cine, read_image, still_slice, write_cine
from eccl.data.standard.intensity import scale_intensity
from eccl.data.standard.plane import crop_or_pad, mask_centre, resample_plane
from eccl.data.standard.slices import still_cine
from eccl.records import Cine, DataError, Stack


def write_nifti(path, data, zooms, units=("mm", "sec")):
    """A NIfTI file by nibabel alone."""
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.set_zooms(zooms)
    image.header.set_xyzt_units(*units)
    image.to_filename(path)
    return path


def test_what_is_written_is_read_exactly(tmp_path, rng):
    cine = make_cine(rng, heart_rate=72)
    again = read_cine(write_cine(tmp_path / "a.nii.gz", cine))
    np.testing.assert_array_equal(again.frames, cine.frames)
    assert again.spacing == pytest.approx((1.8, 1.8)) and again.frame_interval == pytest.approx(60000 / 72 / 50)


@pytest.mark.parametrize(("largest", "kind"), [(255, np.uint8), (3000, np.int16)])
def test_nibabel_reads_what_is_written(tmp_path, rng, largest, kind):
    frames = rng.integers(0, largest + 1, (50, 60, 70)).astype(np.float32)
    frames[0, 0, 0] = largest
    path = write_cine(tmp_path / "a.nii.gz", Cine(frames, (1.5, 2.0), 16.0))
    image = nib.load(path)
    assert image.shape == (70, 60, 1, 50) and image.get_data_dtype() == kind
    assert image.header.get_zooms() == pytest.approx((2.0, 1.5, 8.0, 0.016))
    assert image.header.get_xyzt_units() == ("mm", "sec")
    assert nib.aff2axcodes(image.affine) == ("L", "P", "S")
    for frame, row, column in [(0, 0, 0), (3, 10, 60), (49, 59, 1)]:  # X is the column, Y the row
        assert image.dataobj[column, row, 0, frame] == frames[frame, row, column]


def test_same_cine_same_bytes_with_and_without_compression(tmp_path, rng):
    cine = make_cine(rng)
    one, two, plain = (write_cine(tmp_path / name, cine) for name in ("1.nii.gz", "2.nii.gz", "3.nii"))
    assert one.read_bytes() == two.read_bytes()
    np.testing.assert_array_equal(read_cine(plain).frames, cine.frames)


@pytest.mark.parametrize("frames", [np.full((50, 8, 8), -1.0), np.full((50, 8, 8), 4e4), np.full((50, 8, 8), 0.5)])
def test_intensities_that_rounding_would_ruin_are_not_written(tmp_path, frames):
    with pytest.raises(ValueError, match="scale them first"):
        write_cine(tmp_path / "a.nii.gz", Cine(frames, (1.8, 1.8), 20.0))


def test_scale_factors_of_the_header_are_applied(tmp_path, rng):
    data = rng.integers(0, 100, (80, 80, 1, 50)).astype(np.int16)
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((1.8, 1.8, 8.0, 0.02))
    image.header.set_slope_inter(2.0, 5.0)
    image.to_filename(tmp_path / "a.nii")
    np.testing.assert_allclose(
        read_cine(tmp_path / "a.nii").frames, nib.load(tmp_path / "a.nii").get_fdata()[:, :, 0].transpose(2, 1, 0)
    )


def test_the_middle_slice_is_taken_unless_another_is_named(tmp_path):
    data = np.zeros((80, 80, 7, 50), np.uint8)
    data[0, 0] = 1
    data[40, 40] = np.arange(7)[:, None] + 10
    path = write_nifti(tmp_path / "a.nii.gz", data, (1.8, 1.8, 8.0, 0.02))
    assert read_cine(path).frames[0, 40, 40] == 13
    assert read_cine(path, slice_index=5).frames[0, 40, 40] == 15
    with pytest.raises(DataError, match="no slice 7 among 7"):
        read_cine(path, slice_index=7)


@pytest.mark.parametrize(("unit", "interval"), [("sec", 0.02), ("msec", 20.0), ("usec", 20000.0)])
def test_frame_interval_is_milliseconds_whatever_the_unit(tmp_path, rng, unit, interval):
    data = rng.integers(0, 255, (80, 80, 1, 50)).astype(np.uint8)
    path = write_nifti(tmp_path / "a.nii.gz", data, (1.8, 1.8, 8.0, interval), ("mm", unit))
    assert read_cine(path).frame_interval == pytest.approx(20.0)


def test_frames_are_interpolated_periodically_only_if_asked(tmp_path):
    frames, beat = 25, 1000.0
    level = 100 + 50 * np.cos(2 * np.pi * np.arange(frames) / frames)
    data = np.zeros((80, 80, 1, frames), np.float32)
    data[20:60, 20:60] = level
    path = write_nifti(tmp_path / "a.nii.gz", data, (1.8, 1.8, 8.0, beat / frames / 1000))
    with pytest.raises(DataError, match="25 frames, not 50"):
        read_cine(path)
    cine = read_cine(path, resample_frames=True)
    assert cine.frame_interval * 50 == pytest.approx(beat)  # the beat is as long as before
    # The last one lies between the last frame and the first of the next beat.
    curve = cine.frames[:, 40, 40]
    np.testing.assert_allclose(curve[::2], level, rtol=1e-6)
    np.testing.assert_allclose(curve[1::2], (level + np.roll(level, -1)) / 2, rtol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_few_frames_never_become_a_cine(tmp_path, rng, frames):
    data = rng.integers(0, 255, (80, 80, 1, frames)).astype(np.uint8)
    path = write_nifti(tmp_path / "a.nii.gz", data, (1.8, 1.8, 8.0, 0.02))
    with pytest.raises(DataError, match="would invent motion"):
        read_cine(path, resample_frames=True)
    assert read_image(path).frame_count == frames


def test_an_image_keeps_its_slices_and_frames(tmp_path, rng):
    data = rng.integers(0, 255, (30, 20, 5, 2)).astype(np.uint8)
    stack = read_image(write_nifti(tmp_path / "a.nii.gz", data, (1.5, 1.2, 8.0, 0.3)))
    np.testing.assert_array_equal(stack.images, data.transpose(3, 2, 1, 0))
    assert stack.frame_count == 2 and stack.spacing == pytest.approx((1.2, 1.5)) and stack.slice_spacing == 8.0
    assert stack.frame_interval == pytest.approx(300.0)
    still = read_image(write_nifti(tmp_path / "b.nii.gz", data[..., 0], (1.5, 1.2, 8.0)))
    assert still.frame_count == 1 and np.isnan(still.frame_interval)


def test_units_may_be_stated_for_a_silent_header_but_not_overridden(tmp_path, rng):
    data = rng.integers(0, 255, (80, 80, 1, 50)).astype(np.uint8)
    silent = write_nifti(tmp_path / "a.nii.gz", data, (1.8, 1.8, 8.0, 20.0), ("unknown", "unknown"))
    assert read_cine(silent, units=("mm", "msec")).frame_interval == pytest.approx(20.0)
    metres = write_nifti(tmp_path / "b.nii.gz", data, (1.8, 1.8, 8.0, 0.02), ("meter", "sec"))
    with pytest.raises(DataError, match="meter"):
        read_cine(metres, units=("mm", "sec"))


@pytest.mark.parametrize("shape", [(100, 91), (80, 80), (60, 77), (120, 50)])
def test_crop_and_pad_keep_the_centre(shape):
    image = np.zeros((3, *shape))
    image[1, (shape[0] - 1) // 2, (shape[1] - 1) // 2] = 1.0
    again = crop_or_pad(image, 80)
    assert again.shape == (3, 80, 80) and again.sum() == 1.0
    assert again[1, 39:41, 39:41].sum() == 1.0
    np.testing.assert_array_equal(crop_or_pad(again, 80), again)


def test_intensity_is_scaled_by_its_percentiles(rng):
    frames = rng.gamma(2.0, 50.0, (50, 40, 40)).astype(np.float32)
    scaled = scale_intensity(frames)
    low, high = np.quantile(frames, [0.005, 0.995])
    np.testing.assert_allclose(scaled, np.clip((frames - low) / (high - low), 0, 1), atol=1e-5)
    assert scaled.dtype == np.float32 and scaled.min() == 0 and scaled.max() == 1
    np.testing.assert_allclose(scale_intensity(frames * 7 + 100), scaled, atol=1e-4)
    with pytest.raises(DataError, match="no contrast"):
        scale_intensity(np.full((50, 8, 8), 3.0))


def test_a_disc_keeps_its_area_and_place_in_mm():
    row, column = np.mgrid[:256, :200]
    spacing, centre, radius = (1.2, 1.5), (140.0, 90.0), 25.0  # mm/pixel, pixels, mm
    disc = np.hypot((row - centre[0]) * spacing[0], (column - centre[1]) * spacing[1]) <= radius
    image = resample_plane(disc.astype(float), spacing, centre, size=80, target=1.8)
    assert image.sum() * 1.8**2 == pytest.approx(np.pi * radius**2, rel=0.02)
    assert mask_centre(image > 0.5) == pytest.approx((39.5, 39.5), abs=0.15)
    label = resample_plane(disc * 2, spacing, centre, labels=True)
    assert set(np.unique(label)) == {0.0, 2.0}
    # A centre 18 mm higher: the content is 10 pixels lower.
    shifted = resample_plane(disc.astype(float), spacing, (centre[0] - 15, centre[1]))
    assert mask_centre(shifted > 0.5) == pytest.approx((49.5, 39.5), abs=0.15)


def test_the_same_geometry_is_left_as_it_is(rng):
    images = rng.uniform(0, 255, (2, 3, 80, 80)).astype(np.float32)
    np.testing.assert_allclose(resample_plane(images, (1.8, 1.8)), images, rtol=1e-5)


def test_outside_the_image_is_zero():
    image = resample_plane(np.ones((20, 20)), (1.8, 1.8), size=80)
    assert image[:29].max() == 0 and image[31:49, 31:49].min() == 1


def test_a_still_cine_holds_no_motion(rng):
    cine = still_cine(rng.uniform(0, 255, (80, 80)), (1.8, 1.8))
    assert cine.frames.shape == (50, 80, 80) and np.ptp(cine.frames, axis=0).max() == 0


def test_a_still_slice_is_the_middle_of_the_ventricle_centred_on_it():
    images = np.zeros((2, 7, 100, 120), np.float32)
    labels = np.zeros_like(images)
    labels[1, 1:4, 20:30, 80:90] = 1  # slices 1, 2, 3 hold the cavity: 2 is the middle one
    images[1, 2, 20:30, 80:90] = 100
    stack, mask = Stack(images, (1.8, 1.8), 8.0, 300.0), Stack(labels, (1.8, 1.8), 8.0, 300.0)
    cine = still_slice(stack, mask, frame=1)
    assert mask_centre(cine.frames[0] > 50) == pytest.approx((39.5, 39.5), abs=0.1)
    assert cine.frames.shape == (50, 80, 80) and cine.spacing == (1.8, 1.8)
    assert still_slice(stack, frame=1).frames.max() == 0  # without labels: slice 3 of 7, where nothing is
    with pytest.raises(DataError, match="no frame 2"):
        still_slice(stack, mask, frame=2)
    with pytest.raises(DataError, match="labelled 1"):
        still_slice(stack, mask, frame=0)
    with pytest.raises(DataError, match="cut padded ones"):
        still_slice(stack, Stack(labels[:, :5], (1.8, 1.8), 8.0, 300.0))


def test_an_empty_mask_has_no_centre():
    with pytest.raises(ValueError, match="empty"):
        mask_centre(np.zeros((5, 5)))
