"""DICOM cines: written by hand, read by pydicom, exactly; order, series rules and geometry; see test_malformed_cmr."""

import dataclasses
import io
import zipfile

import numpy as np
import pydicom
import pytest
from helpers.dicom_files import patched, saved, small_stack
from helpers.stacks import write_stack

from eccl.config import SimulationConfig
from eccl.data.cmr import read_image
from eccl.data.formats.dicom_cine import open_dicom_cine
from eccl.data.formats.dicom_writer import dicom_files, write_dicom_cine, write_zip
from eccl.data.standard.slices import cut_cine
from eccl.records import DataError
from eccl.simulate.cine import simulate_cine
from eccl.simulate.heart import draw_heart, participant_generators
from eccl.simulate.stack import image_stack


@pytest.fixture(scope="module")
def simulated():
    generators = participant_generators(5, 1)
    heart = draw_heart(SimulationConfig(), generators.heart)
    images, labels = image_stack(heart, generators.cine)
    return heart, images, labels


def test_a_simulated_download_is_read_exactly_from_dicom_and_from_nifti(tmp_path, simulated):
    heart, images, labels = simulated
    middle = simulate_cine(heart, participant_generators(5, 1).cine).frames
    np.testing.assert_array_equal(images.images[:, images.slice_count // 2], middle)
    cine = open_dicom_cine(write_dicom_cine(tmp_path / "1_20209_2_0.zip", images, "1", seed=3))
    assert (cine.frame_count, cine.slice_count, cine.spacing) == (50, images.slice_count, images.spacing)
    stack = cine.stack()
    np.testing.assert_array_equal(stack.images, np.rint(images.images))
    for one in (cine, stack, read_image(write_stack(tmp_path / "sa.nii.gz", images))):
        np.testing.assert_allclose(one.affine, images.affine, atol=1e-4)
        assert one.slice_spacing == pytest.approx(8.0, abs=1e-5) and one.spacing == pytest.approx((1.8, 1.8))
    assert cine.frame_interval == pytest.approx(images.frame_interval)
    np.testing.assert_array_equal(
        read_image(tmp_path / "sa.nii.gz", slices=[2, 3]).images, np.rint(images.images[:, 2:4])
    )
    first = dataclasses.replace(labels, images=labels.images[:1])
    mask = read_image(write_stack(tmp_path / "seg_sa_ED.nii.gz", first))
    np.testing.assert_array_equal(mask.images, first.images)
    one, two = (cut_cine(each, mask) for each in (cine, read_image(tmp_path / "sa.nii.gz")))
    np.testing.assert_array_equal(one.frames, two.frames)
    assert one.frame_interval * 50 == pytest.approx(60000 / heart.heart_rate, rel=1e-6)


def test_pydicom_reads_what_is_written_and_finds_nothing_to_warn_of(rng, recwarn):
    stack = small_stack(rng)
    for index, content in enumerate(dicom_files(stack, "p1").values()):
        image = pydicom.dcmread(io.BytesIO(content))
        slice_, phase = divmod(index, stack.frame_count)
        np.testing.assert_array_equal(image.pixel_array, stack.images[phase, slice_])
        assert image.SeriesDescription == f"CINE_segmented_SAX_b{slice_ + 1}" and image.PatientID == "p1"
        assert image.TriggerTime == pytest.approx(22.5 * phase) and image.NominalInterval == 90
        assert image.PixelSpacing == [1.8, 1.7] and image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert image.SOPInstanceUID.is_valid and str(image)
    assert not recwarn


def test_order_in_the_zip_means_nothing_and_bytes_depend_on_the_input_alone(tmp_path, rng):
    stack = small_stack(rng)
    one, two, same = (
        write_dicom_cine(tmp_path / f"{name}.zip", stack, "p", seed) for name, seed in zip("123", (0, 1, 0))
    )
    assert one.read_bytes() == same.read_bytes() != two.read_bytes()
    first, second = open_dicom_cine(one), open_dicom_cine(two)
    assert first.members == second.members
    np.testing.assert_array_equal(first.stack().images, stack.images)
    np.testing.assert_array_equal(second.stack([1]).images, stack.images[:, 1:2])
    with zipfile.ZipFile(one) as archive:
        names = [name for name in archive.namelist() if name.endswith(".dcm")]
        assert "manifest.csv" in archive.namelist() and names != sorted(names)


def test_a_folder_reads_as_its_zip_and_only_the_slice_asked_for_is_read(tmp_path, rng):
    stack = small_stack(rng)
    folder = tmp_path / "folder"
    folder.mkdir()
    files = dicom_files(stack, "p")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "notes.txt").write_text("no image")
    cine = open_dicom_cine(folder)
    np.testing.assert_array_equal(cine.stack().images, stack.images)
    for name in cine.members[0] + cine.members[2]:
        (folder / name).unlink()
    np.testing.assert_array_equal(cine.stack([1]).images, stack.images[:, 1:2])
    np.testing.assert_allclose(cine.stack([1]).affine[:3, 3], (stack.affine @ [0, 0, 1, 1])[:3], atol=1e-6)
    with pytest.raises(DataError, match="No such file"):
        cine.stack([0])
    with pytest.raises(DataError, match="no slice 3 among 3"):
        cine.stack([3])


def test_slices_run_from_base_to_apex_however_they_were_taken(tmp_path, rng):
    stack = small_stack(rng)
    upside_down = dataclasses.replace(
        stack,
        images=stack.images[:, ::-1],
        affine=stack.affine @ [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 2], [0, 0, 0, 1]],
    )
    cine = open_dicom_cine(write_dicom_cine(tmp_path / "a.zip", upside_down, "p"))
    np.testing.assert_array_equal(cine.stack().images, stack.images)
    np.testing.assert_allclose(cine.affine, stack.affine, atol=1e-6)
    step = np.diag([-1, -1, 1]) @ cine.affine[:3, 2]
    assert step @ [1, -1, -1] > 0  # left, front, feet


def test_overlays_are_left_out_and_the_last_series_of_a_slice_counts(tmp_path, rng):
    stack, overlay = small_stack(rng), small_stack(rng)
    again = small_stack(rng, (4, 1, 16, 18))
    again = dataclasses.replace(again, affine=stack.stack([1]).affine)
    files = dicom_files(stack, "p")
    files |= dicom_files(overlay, "p", "CINE_segmented_SAX_InlineVF", 50) | dicom_files(again, "p", first_series=20)
    images = open_dicom_cine(write_zip(tmp_path / "a.zip", files)).stack().images
    np.testing.assert_array_equal(images[:, [0, 2]], stack.images[:, [0, 2]])
    np.testing.assert_array_equal(images[:, 1], again.images[:, 0])


def test_without_trigger_times_the_instance_number_orders_and_the_beat_gives_the_interval(tmp_path, rng):
    stack = small_stack(rng)
    files = {name: patched(content, TriggerTime=None) for name, content in dicom_files(stack, "p").items()}
    cine = open_dicom_cine(write_zip(tmp_path / "a.zip", files))
    np.testing.assert_array_equal(cine.stack().images, stack.images)
    assert cine.frame_interval == pytest.approx(22.5)


def test_rescale_implicit_vr_and_long_headers_are_read(tmp_path, rng):
    stack = small_stack(rng)
    files = {}
    for name, content in dicom_files(stack, "p").items():
        image = pydicom.dcmread(io.BytesIO(content))
        image.RescaleSlope, image.RescaleIntercept = "2", "-5"
        image.add_new(0x00291010, "OB", bytes(30_000))  # a vendor's block before the pixels
        image.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        files[name] = saved(image)
    cine = open_dicom_cine(write_zip(tmp_path / "a.zip", files))
    np.testing.assert_array_equal(cine.stack().images, stack.images * 2 - 5)


def test_run_length_pixels_are_decoded(tmp_path, rng):
    stack = small_stack(rng)
    files = {}
    for name, content in dicom_files(stack, "p").items():
        image = pydicom.dcmread(io.BytesIO(content))
        image.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        files[name] = saved(image)
    np.testing.assert_array_equal(open_dicom_cine(write_zip(tmp_path / "a.zip", files)).stack().images, stack.images)


def test_real_slices_of_two_phases(real_data, tmp_path):
    folder = real_data / "cmr/sunnybrook/SC-N-02/dicom"
    with pytest.raises(DataError, match=r"slice 0 of 6 .*IM-0009-0020.dcm\) has 1 phases, others have 2"):
        open_dicom_cine(folder)
    for path in sorted(folder.glob("*.dcm"))[1:-1]:  # the four slices that are there at both phases
        (tmp_path / path.name).write_bytes(path.read_bytes())
    cine = open_dicom_cine(tmp_path)
    assert (cine.frame_count, cine.slice_count) == (2, 4)
    assert cine.spacing == (1.3672, 1.3672) and cine.slice_spacing == pytest.approx(8.0, abs=1e-3)
    assert cine.frame_interval == 581  # 348 and 929 ms after the R wave
    stack = cine.stack([2])
    for phase, name in enumerate(cine.members[2]):
        np.testing.assert_array_equal(stack.images[phase, 0], pydicom.dcmread(folder / name).pixel_array)
    with pytest.raises(DataError, match="2 frames of the beat, not 50"):
        cut_cine(cine, frame_policy="interpolate")
    assert cut_cine(cine, frame_policy="still").spacing == (1.8, 1.8)
