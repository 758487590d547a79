"""Malformed NIfTI stacks, masks and pairs of them: a DataError with file, value and remedy each; bombs take no room."""

import dataclasses
import gzip
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers.making import refused
from helpers.stacks import beating, blocks, nifti_file, write_stack

from eccl.data.cmr import read_cine, read_image
from eccl.data.measure.masks import mask_traits
from eccl.data.sources.scans import read_scan
from eccl.data.standard.grids import align
from eccl.data.standard.labels import check_labels
from eccl.data.standard.slices import cut_cine

# --- NIfTI ----------------------------------------------------------------------------------------------------------


def stack_file(tmp_path: Path, *changes: tuple[int, str, float], content: bytes = b"") -> Path:
    """A file of a stack with fields of its header overwritten, and with other bytes after them if given."""
    path = write_stack(tmp_path / "sa.nii", beating(shape=(3, 4, 30, 30))[0])
    raw = bytearray(path.read_bytes())
    for offset, kind, value in changes:
        struct.pack_into(kind, raw, offset, value)
    path = path.with_suffix(".nii.gz")
    path.write_bytes(gzip.compress(bytes(raw[:352]) + content if content else bytes(raw), 1))
    return path


NIFTI = {  # what is wrong: (fields of the header, words of the message)
    "larger than any picture": ([(42, "<h", 4000), (44, "<h", 30)], ["the 2048 along an axis"]),
    "larger than any stack": ([(42, "<h", 30000), (44, "<h", 30000), (46, "<h", 30)], ["voxels, above the 2.68e+08"]),
    "more than the file can hold": ([(42, "<h", 2000), (44, "<h", 2000)], ["it declares 48000000 bytes"]),
    "more than the file holds": ([(46, "<h", 8)], ["damaged"]),
    "pixels far behind": ([(108, "<f", 2.0**30)], ["damaged", "1073741824"]),
    "pixels at no place": ([(108, "<f", np.nan)], ["damaged"]),
    "a negative size": ([(42, "<h", -30)], ["damaged", "-30"]),
    "two dimensions": ([(40, "<h", 2)], ["shape (30, 30)"]),
    "a pair of files": ([(344, "<I", 0x0031696E)], ["no NIfTI"]),
    "complex pixels": ([(70, "<h", 32), (72, "<h", 64), (46, "<h", 1)], ["complex64"]),
}


@pytest.mark.parametrize("case", NIFTI)
def test_a_malformed_stack_is_refused(tmp_path, case):
    changes, words = NIFTI[case]
    path = stack_file(tmp_path, *changes)
    refused(lambda: read_image(path), path, *words)


@pytest.fixture(scope="module")
def zeros() -> bytes:
    """512 MiB of zeros, packed: a member that may follow another in a gzip file."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packed.compress(bytes(2**20)) for _ in range(512)), packed.flush()])


def bomb(tmp_path: Path, zeros: bytes, *changes: tuple[int, str, float]) -> Path:
    """A small file that unpacks to 512 MiB of zeros behind a sound header."""
    path = stack_file(tmp_path, *changes)
    header = gzip.decompress(path.read_bytes())[:352]
    path.write_bytes(gzip.compress(header) + zeros)
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(42, "<h", 20000), (44, "<h", 20000)], ["above the 2.68e+08"]),
        ([(348, "<I", 1), (108, "<f", 2.0**28)], ["damaged"]),  # an extension of the header as long as that
        ([(344, "<I", 0x0031696E), (348, "<I", 1)], ["no NIfTI"]),
    ],
)
def test_a_gzip_bomb_takes_no_memory(tmp_path, zeros, changes, words):
    path = bomb(tmp_path, zeros, *changes)
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    refused(lambda: read_image(path), path, *words)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_what_lies_behind_the_pixels_is_not_unpacked(tmp_path, zeros):
    path = bomb(tmp_path, zeros)
    tracemalloc.start()
    refused(lambda: read_image(path), path, "it declares 10800 bytes of pixels", "1048576 others follow")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_a_slice_that_is_not_there_is_refused(tmp_path):
    path = stack_file(tmp_path)
    refused(lambda: read_image(path, slices=[4]), path, "no slice 4 among 4")
    refused(lambda: read_image(path, slices=[]), path, "no slice is asked for")
    refused(lambda: read_image(path).stack([-1]), path, "no slice -1 among 4")
    refused(lambda: read_cine(path, slice_index=-1), path, "no slice -1 among 4")


# --- Masks and slices -----------------------------------------------------------------------------------------------


def labelled(change, *sides):
    labels = blocks(*(sides or (10, 6)), muscle=2, right=4)
    change(labels.images)
    return labels


def put(value, *place):
    def change(images):
        images[place] = value

    return change


def emptied(frame, *labels):
    """A frame whose cavity (and other labels) are gone, and the rest is not."""

    def change(images):
        images[frame][np.isin(images[frame], (1, *labels))] = 0

    return change


def replaced(stack, **values):
    return dataclasses.replace(stack, **values)


def affine(**cells):
    """An affine with some cells replaced, such as c03=1.5."""
    matrix = np.diag([-1.8, -1.8, 8.0, 1.0])
    for name, value in cells.items():
        matrix[int(name[1]), int(name[2])] = value
    return matrix


MASKS = {  # what is wrong: (call, words of the message)
    "an unknown label": (lambda: mask_traits(labelled(put(7, 0, 2, 30, 30))), ["unknown label: 7"]),
    "fractional labels": (lambda: check_labels(labelled(put(0.5, 0, 2, 30, 30))), ["fractional labels: 0.5"]),
    "a label not a number": (lambda: mask_traits(labelled(put(np.nan, 0, 2, 30, 30))), ["labels that are not finite"]),
    "both right ventricles": (lambda: mask_traits(labelled(put(4, 0, 2, 30, 30))), ["3 and 4"]),
    "an empty mask": (lambda: mask_traits(labelled(put(0, ...))), ["labelled 1"]),
    "a frame of muscle alone": (lambda: mask_traits(labelled(put(2, 1, 2))), ["border", "frame 1"]),
    "an empty ventricle": (lambda: mask_traits(labelled(emptied(1))), ["labelled 1", "frame 1, which has other"]),
    "right ventricle alone": (lambda: mask_traits(labelled(emptied(1, 2))), ["labelled 1", "frame 1, which has other"]),
    "systole empty of two": (lambda: mask_traits(blocks(9), labelled(put(0, ...), 9)), ["labelled 1"]),
    "a heart cut off": (lambda: mask_traits(labelled(put(1, 0, 2, 39, 20))), ["touches the border", "frame 0"]),
    "two slices": (lambda: mask_traits(labelled(put(0, slice(None), slice(2, None)))), ["LV cavity in 2 slices"]),
    "end-systole first": (lambda: mask_traits(blocks(6), blocks(10)), ["180 voxels", "500 at end-systole"]),
    "one phase twice": (lambda: mask_traits(blocks(9), blocks(9)), ["405 voxels", "405 at end-systole", "two phases"]),
    "frames all alike": (lambda: mask_traits(blocks(9, 9, 9)), ["405 voxels", "405 at end-systole"]),
    "two spacings": (
        lambda: mask_traits(blocks(9), replaced(blocks(6), spacing=(1.0, 1.5))),
        ["(2.0, 1.5, 10.0) mm at end-diastole", "(1.0, 1.5, 10.0)"],
    ),
    "two stacks of many frames": (lambda: mask_traits(blocks(9, 8), blocks(6)), ["2 and 1 frames"]),
}


@pytest.mark.parametrize("case", MASKS)
def test_a_malformed_mask_is_refused(case):
    call, words = MASKS[case]
    refused(call, "seg", *words)


GRIDS = {  # what is wrong: (affine of the labels, words of the message)
    "half a voxel": (affine(c03=0.9), ["another grid", "from (0.9 0 0) mm"]),
    "another spacing": (affine(c00=-1.5), ["steps (-1.5 0 0)"]),
    "turned": (affine(c01=0.1), ["another grid"]),
    "upside down": (affine(c22=-8.0), ["0 0 -8", "outside of sa"]),
    "mirrored elsewhere": (affine(c00=1.8), ["1.8 0 0", "outside of sa"]),
    "not a number": (affine(c03=np.nan), ["nan"]),
    "all numbers nan": (affine(c00=np.nan, c11=np.nan, c22=np.nan), ["nan"]),
    "infinite": (affine(c11=np.inf), ["inf"]),
    "of no size": (affine(c11=0.0), ["another grid"]),
    "two axes alike": (affine(c00=0.0, c10=-1.8), ["another grid"]),
    "unknown": (None, ["does not say where its voxels are"]),
}


@pytest.mark.parametrize("case", GRIDS)
def test_labels_of_another_grid_are_refused(case):
    matrix, words = GRIDS[case]
    image, labels = beating(shape=(1, 7, 90, 100))
    refused(lambda: align(replaced(labels, affine=matrix), image), "seg", *words)
    if matrix is not None:
        refused(lambda: align(replaced(labels, affine=matrix), image), "sa")


CUTS = {  # what is wrong: (stack and labels from a sound pair, words of the message)
    "labels of other slices": (
        lambda stack, labels: (stack, replaced(labels.stack([1, 2, 3]), affine=None)),
        ["(50, 3, 120, 130)", "align()"],
    ),
    "labels of other frames": (lambda stack, labels: (stack, replaced(labels, images=labels.images[:2])), ["(2, 7,"]),
    "labels without the LV": (
        lambda stack, labels: (stack, replaced(labels, images=labels.images * 0)),
        ["labelled 1"],
    ),
    "a blank image": (
        lambda stack, labels: (replaced(stack, images=stack.images * 0 + 7), labels),
        ["every pixel is 7"],
    ),
    "an image not finite": (
        lambda stack, labels: (replaced(stack, images=stack.images * np.inf), None),
        ["not finite"],
    ),
    "no time": (lambda stack, labels: (replaced(stack, frame_interval=np.nan), labels), ["time between frames"]),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("case", CUTS)
def test_a_stack_that_makes_no_cine_is_refused(case):
    change, words = CUTS[case]
    refused(lambda: cut_cine(*change(*beating())), "s", *words)


SCALED = {  # labels through numbers with a point: (what a file holds for 0 to 3, its type, slope and intercept)
    "bytes over all their range": ([0, 85, 170, 255], np.uint8, 3 / 255, 0.0),
    "whole numbers about the middle": ([-32768, -10923, 10922, 32767], np.int16, 3 / 65535, 1.5),
    "rounded": ([0, 1 - 1e-6, 2 + 1e-6, 3.0001], np.float32, 1.0, 0.0),
    "as they are": ([0, 1, 2, 3], np.float64, 0.0, 0.0),
}


@pytest.mark.parametrize("case", SCALED)
def test_labels_that_rounding_alone_keeps_from_whole_numbers_are_read(tmp_path, case):
    values, kind, slope, intercept = SCALED[case]
    image, labels = beating()
    held = np.array(values, kind)[labels.images.astype(int)]
    scale = {"scl_slope": slope, "scl_inter": intercept}
    plain = nifti_file(tmp_path / "plain.nii", labels.images.astype(np.uint8))
    mask = nifti_file(tmp_path / "seg.nii", held, **scale)
    path = nifti_file(tmp_path / "sa.nii", image.images.astype(np.uint8))
    found, expected = (read_scan(path, [each]) for each in (mask, plain))
    assert found.traits() == expected.traits()
    np.testing.assert_array_equal(found.cine.frames, expected.cine.frames)


NO_LABELS = {  # what is wrong: (change of labels, words, remedy)
    "interpolated": (lambda labels: labels + 0.4 * (labels == 1), "fractional labels: 1.4", "nearest neighbour"),
    "shades of grey": (lambda labels: labels * 85, "an unknown label: 85", "write the labels that are read"),
    "nothing outside": (lambda labels: np.where(labels, labels, np.nan), "not finite", "write 0"),
}


@pytest.mark.parametrize("case", NO_LABELS)
def test_what_are_no_labels_is_said_with_its_value(tmp_path, case):
    change, words, remedy = NO_LABELS[case]
    image, labels = beating((50, 7, 60, 60), centre=(30.0, 30.0))
    path = nifti_file(tmp_path / "sa.nii", image.images.astype(np.uint8))
    mask = nifti_file(tmp_path / "seg.nii", change(labels.images).astype(np.float32))
    assert remedy in refused(lambda: read_scan(path, [mask]), mask, words).remedy
