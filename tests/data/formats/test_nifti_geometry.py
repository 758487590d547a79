"""Size and place of a voxel, which a NIfTI header states up to three times: agreed, told from a default, or refused."""

import nibabel as nib
import numpy as np
import pytest
from helpers.making import refused
from helpers.stacks import beating, in_a_patient, nifti_file

from eccl.data.cmr import read_cine, read_image
from eccl.data.measure.masks import mask_traits
from eccl.data.sources.scans import read_scan

SIZE = (1.8, 1.7, 10.0)  # column, row, slice
REAL = in_a_patient((1.7, 1.8), 10.0)
ALIGNED = np.diag([-1.8, -1.7, 10.0, 1.0])
UNIT = np.diag([-1.0, -1.0, 1.0, 1.0])
ONES = (1.0, 1.0, 1.0)


def scaled(affine, *sizes):
    """An affine of the same directions and of other sizes."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    result = affine.copy()
    result[:3, :3] = axes * np.array(sizes)
    return result


def turned(affine, degrees, axis=2):
    """An affine turned about an axis of the body."""
    angles = [0.0, 0.0, 0.0]
    angles[axis] = np.deg2rad(degrees)
    turn = np.eye(4)
    turn[:3, :3] = nib.eulerangles.euler2mat(*angles)
    return turn @ affine


def written(tmp_path, **header):
    images = np.random.default_rng(0).integers(0, 255, (3, 4, 9, 8)).astype(np.uint8)
    return nifti_file(tmp_path / "a.nii", images, **{"pixdim": SIZE, **header})


TAKEN = {  # what the header states: (fields, size taken, affine taken or None)
    "all three": ({"sform": REAL, "qform": REAL}, SIZE, REAL),
    "sform alone, as ukbb_cardiac": ({"sform": REAL}, SIZE, REAL),
    "qform alone": ({"qform": REAL}, SIZE, REAL),
    "neither": ({}, SIZE, None),
    "sform left at unit scale, as in ACDC": ({"sform": UNIT, "qform": ALIGNED}, SIZE, ALIGNED),
    "oblique sform at unit scale": ({"sform": scaled(REAL, *ONES), "qform": REAL}, SIZE, REAL),
    "sform left at unit scale and no qform": ({"sform": np.eye(4)}, SIZE, None),
    "pixdim left at 1": ({"sform": REAL, "pixdim": ONES}, SIZE, REAL),
    "pixdim and so qform left at 1": ({"sform": REAL, "qform": REAL, "pixdim": ONES}, SIZE, REAL),
    "truly 1 mm": ({"sform": UNIT, "qform": UNIT, "pixdim": ONES}, ONES, UNIT),
    "truly 1 mm, oblique": ({"sform": scaled(REAL, *ONES), "pixdim": ONES}, ONES, scaled(REAL, *ONES)),
    "rounded to 1 %": ({"sform": scaled(REAL, 1.79, 1.71, 10.05)}, SIZE, scaled(REAL, 1.79, 1.71, 10.05)),
    "an sform of zeros": ({"sform": np.zeros((4, 4)), "qform": REAL}, SIZE, REAL),
    "an sform of zeros alone": ({"sform": np.zeros((4, 4))}, SIZE, None),
    "a qform along the body's axes": ({"sform": REAL, "qform": ALIGNED}, SIZE, REAL),
    "an sform along the body's axes": ({"sform": ALIGNED, "qform": REAL}, SIZE, REAL),
    "two along the body's axes": ({"sform": ALIGNED, "qform": np.diag([1.8, 1.7, 10, 1.0])}, SIZE, ALIGNED),
    "a qform turned by 5 degrees": ({"sform": REAL, "qform": turned(REAL, 5)}, SIZE, REAL),
    "slices 5 degrees off the normal": (
        {"sform": REAL + np.outer([0.7, 0.5, -0.4, 0], [0, 0, 1, 0])},
        (1.8, 1.7, 10.0),
        REAL + np.outer([0.7, 0.5, -0.4, 0], [0, 0, 1, 0]),
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_statements_that_agree_are_taken_and_a_default_loses(tmp_path, case):
    fields, size, affine = TAKEN[case]
    stack = read_image(written(tmp_path, **fields))
    assert (stack.spacing[1], stack.spacing[0], stack.slice_spacing) == pytest.approx(size, rel=1e-6)
    if affine is None:
        assert stack.affine is None
    else:
        np.testing.assert_allclose(stack.affine, affine, atol=1e-4)


REFUSED = {  # what the header states: (fields, words of the message)
    "sform of another size": ({"sform": scaled(REAL, 1.4, 1.4, 8)}, ["1.8, 1.7, 10 mm in pixdim", "1.4, 1.4, 8 mm"]),
    "slices of another distance": (
        {"sform": scaled(REAL, 1.8, 1.7, 8), "qform": REAL},
        ["1.8, 1.7, 8 mm in the sform"],
    ),
    "columns and rows swapped": ({"sform": scaled(REAL, 1.7, 1.8, 10)}, ["1.8, 1.7, 10", "1.7, 1.8, 10"]),
    "a size of 1 in the plane alone": ({"sform": REAL, "pixdim": (1, 1, 10)}, ["1, 1, 10 mm in pixdim"]),
    "nearly 1 mm against 1 mm": ({"sform": scaled(REAL, 1.05, 1.05, 1.1), "pixdim": ONES}, ["1.05, 1.05, 1.1"]),
    "centimetres in the sform": ({"sform": scaled(REAL, 0.18, 0.17, 1)}, ["0.18, 0.17, 1 mm in the sform"]),
    "another direction": ({"sform": REAL, "qform": turned(REAL, 90)}, ["two directions", "sform", "qform"]),
    "slices the other way": (
        {"sform": REAL @ np.diag([1, 1, -1, 1]), "qform": REAL},
        ["two directions"],
    ),
    "rows the other way": ({"sform": REAL @ np.diag([1, -1, 1, 1]), "qform": REAL}, ["two directions"]),
    "a sheared plane": ({"sform": REAL @ np.array([[1, 0.1, 0, 0], *np.eye(4)[1:]])}, ["sform that is no turned box"]),
    "slices 20 degrees off": ({"sform": REAL @ np.array([[1, 0, 2, 0], *np.eye(4)[1:]])}, ["sform that is no turned"]),
    "an sform without slices": ({"sform": REAL @ np.diag([1, 1, 0, 1])}, ["sform that is no turned box"]),
    "an sform of two axes alike": ({"sform": REAL[:, [0, 0, 2, 3]]}, ["sform that is no turned box"]),
    "an sform not a number": ({"sform": REAL * np.nan}, ["sform that is no turned box", "nan"]),
    "an infinite place": ({"sform": REAL + np.diag([0, 0, 0, np.inf])[[3, 0, 1, 2]]}, ["sform", "inf"]),
    "a pixdim of 0": ({"sform": REAL, "pixdim": (0, 0, 0)}, ["pixel sizes of 0, 0, 0 mm"]),
    "a pixdim infinite": ({"sform": REAL, "pixdim": (np.inf, 1.8, 8)}, ["pixel sizes of inf"]),
    "a pixdim below 0": ({"qform": REAL, "pixdim": (-1.8, 1.7, 10)}, ["pixel sizes of -1.8"]),
    "a qform beyond a turn": ({"qform": REAL, "quatern_b": 0.9, "quatern_c": 0.9}, ["damaged"]),
    "a qform not a number": ({"qform": REAL, "quatern_b": np.nan}, ["qform that is no turned box"]),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_statements_that_contradict_each_other_are_refused_with_both(tmp_path, case):
    fields, words = REFUSED[case]
    path = written(tmp_path, **fields)
    refused(lambda: read_image(path), path, *words)


@pytest.mark.parametrize("qfac", [0.0, 1.0, 7.0, -1.0])
def test_the_sense_of_slices_in_a_qform_is_a_sign_alone(tmp_path, qfac):
    left = REAL @ np.diag([1, 1, -1, 1])
    pixdim = np.array([qfac, *SIZE, 0.02, 0, 0, 0])
    reference = nifti_file(tmp_path / "b.nii", np.ones((3, 4, 9, 8), np.uint8), SIZE, qform=REAL)
    path = written(tmp_path, qform=REAL, **{"pixdim": SIZE})
    raw = bytearray(path.read_bytes())
    raw[76:108] = pixdim.astype("<f4").tobytes()
    path.write_bytes(raw)
    usual = np.sign(nib.load(reference).header["pixdim"][0])
    expected = REAL if (qfac < 0) == (usual < 0) else left
    np.testing.assert_allclose(read_image(path).affine, expected, atol=1e-4)


@pytest.mark.parametrize("size", [(0.0018, 0.0017, 0.01), (18.0, 17.0, 100.0), (1e-30, 1e-30, 1), (1e30, 1e30, 1)])
def test_a_pixel_that_no_image_of_a_heart_has_is_refused_before_anything_is_resampled(tmp_path, size):
    image, _ = beating((50, 3, 40, 40), centre=(20.0, 20.0))
    path = nifti_file(tmp_path / "a.nii", image.images.astype(np.uint8), size)
    for read in (read_cine, read_scan):
        refused(lambda read=read: read(path), path, "a pixel spacing of", "0.1 to 10")


@pytest.mark.parametrize("size", [ONES, (1.8, 1.7, 8), (1.5, 1.7, 10)])
def test_labels_that_do_not_say_where_they_are_must_say_how_large_they_are(tmp_path, size):
    image, labels = beating((50, 6, 100, 90), (1.7, 1.8), (50.0, 44.0))
    for sform in (REAL, None):
        path = nifti_file(tmp_path / "sa.nii", image.images.astype(np.uint8), SIZE, sform=sform)
        for pixdim in (SIZE, size):
            mask = nifti_file(tmp_path / "m.nii", labels.images.astype(np.uint8), pixdim)
            if pixdim == SIZE:
                assert read_scan(path, [mask]).frame_count == 50
            else:
                refused(
                    lambda path=path, mask=mask: read_scan(path, [mask]), mask, "labels with voxels of", "1.7 x 1.8"
                )
                read_scan(path, [mask], nominal=True)


def test_labels_whose_sform_alone_is_of_unit_scale_fit_their_image(tmp_path):
    image, labels = beating((50, 6, 100, 90), (1.7, 1.8), (50.0, 44.0))
    fields = {"pixdim": SIZE, "qform": ALIGNED}
    path = nifti_file(tmp_path / "sa.nii", image.images.astype(np.uint8), sform=ALIGNED, **fields)
    masks = [nifti_file(tmp_path / "m.nii", labels.images.astype(np.uint8), sform=UNIT, **fields)]
    scan = read_scan(path, masks)
    np.testing.assert_array_equal(scan.cine.frames[:, 39, 39], image.images[:, 3, 50, 44])
    assert scan.traits() == pytest.approx(mask_traits(read_image(masks[0])))
    assert scan.traits()["lv_edv"] == pytest.approx((labels.images[0] == 1).sum() * 1.8 * 1.7 * 10 / 1000)


@pytest.mark.parametrize(("unit", "interval"), [("sec", 20), ("s", 20), ("msec", 20e-3), ("ms", 20e-3), ("us", 20e-6)])
@pytest.mark.parametrize("ways", [tuple, list])
def test_a_unit_may_be_stated_in_short(tmp_path, unit, interval, ways):
    image, _ = beating((50, 3, 40, 40), centre=(20.0, 20.0))
    path = nifti_file(tmp_path / "a.nii", image.images.astype(np.uint8), dt=20 / interval * 0.02, units=0)
    assert read_cine(path, units=ways(("mm", unit))).frame_interval == pytest.approx(20)


@pytest.mark.parametrize("stated", [("cm", "sec"), ("mm",), ("sec", "mm"), "mm sec", "mm", (), ("mm", "Hz"), ("mm", 1)])
@pytest.mark.parametrize("code", [0, 10])
def test_what_is_no_unit_is_refused_whatever_the_header_states(tmp_path, stated, code):
    image, _ = beating((50, 3, 40, 40), centre=(20.0, 20.0))
    path = nifti_file(tmp_path / "a.nii", image.images.astype(np.uint8), units=code)
    assert "usec" in refused(lambda: read_cine(path, units=stated), path, "the units are stated as").remedy


UNITS = {  # code: (outcome without units, with units=("mm", "msec"))
    "mm and s": (2 + 8, 20.0, 20.0),
    "mm and ms": (2 + 16, 0.02, 0.02),
    "nothing": (0, "'unknown', not mm", 0.02),
    "mm alone": (2, "0.02 in the unit 'unknown'", 0.02),
    "s alone": (8, "'unknown', not mm", 20.0),
    "mm and Hz": (2 + 32, "0.02 in the unit 'Hz'", "0.02 in the unit 'Hz'"),
    "mm and ppm": (2 + 40, "in the unit 'ppm'", "in the unit 'ppm'"),
    "mm and radians": (2 + 48, "in the unit 'rad/s'", "in the unit 'rad/s'"),
    "mm and no code of the standard": (2 + 56, "in the unit 'code 56'", "in the unit 'code 56'"),
    "metres": (1 + 8, "'meter', not mm", "'meter', not mm"),
    "microns": (3 + 8, "'micron', not mm", "'micron', not mm"),
    "no length of the standard": (5 + 8, "'code 5', not mm", "'code 5', not mm"),
}


@pytest.mark.parametrize("case", UNITS)
def test_a_unit_is_stated_for_a_header_that_states_none_and_never_overridden(tmp_path, case):
    code, *outcomes = UNITS[case]
    image, _ = beating((50, 3, 40, 40), centre=(20.0, 20.0))
    path = nifti_file(tmp_path / "a.nii", image.images.astype(np.uint8), units=code)
    for stated, outcome in zip(({}, {"units": ("mm", "msec")}), outcomes):
        if isinstance(outcome, str):
            error = refused(lambda stated=stated: read_cine(path, **stated), path, outcome)
            assert ("units=" in error.remedy) == ("unknown" in outcome or "in the unit" in outcome)
        elif 250 <= 50 * outcome <= 3000:
            assert read_cine(path, **stated).frame_interval == pytest.approx(outcome)
        else:
            refused(lambda stated=stated: read_cine(path, **stated), path, "a beat of 0.001 s")
