"""Malformed NIfTI cines: each is refused with its file, what is wrong, and a remedy."""

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from helpers.making import make_cine, refused

from eccl.data.cmr import read_cine, read_image, write_cine

DIM, PIXDIM, UNITS, KIND = 40, 76, 123, 70  # where NIfTI-1 keeps the shape, the spacing, the units and the pixel type


@pytest.fixture
def cine_path(tmp_path, rng) -> Path:
    return write_cine(tmp_path / "cine.nii.gz", make_cine(rng))


def poke(path: Path, *changes: tuple[int, str, float]) -> None:
    """Overwrite fields of the header in the file itself, past every check of a library."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    for offset, kind, value in changes:
        struct.pack_into(kind, content, offset, value)
    path.write_bytes(gzip.compress(bytes(content), 1))


CMR_HEADERS = {  # what is wrong: (fields to overwrite, words of the message)
    "column spacing of 0": ([(PIXDIM + 4, "<f", 0.0)], ["pixel sizes", "0, 1.8, 8"]),
    "row spacing negative": ([(PIXDIM + 8, "<f", -1.8)], ["pixel sizes", "1.8, -1.8, 8"]),
    "spacing not a number": ([(PIXDIM + 4, "<f", float("nan"))], ["pixel sizes", "nan"]),
    "frame interval of 0": ([(PIXDIM + 16, "<f", 0.0)], ["frame interval of 0"]),
    "no units": ([(UNITS, "<B", 0)], ["'unknown', not mm", 'units=("mm", "sec")']),
    "metres": ([(UNITS, "<B", 1 + 8)], ["'meter', not mm"]),
    "microns": ([(UNITS, "<B", 3 + 8)], ["'micron', not mm"]),
    "no unit of time": ([(UNITS, "<B", 2)], ["frame interval of 0.018", "'unknown'"]),
    "hertz for time": ([(UNITS, "<B", 2 + 32)], ["frame interval", "'Hz'"]),
    "undefined units": ([(UNITS, "<B", 7)], ["not mm"]),
    "no frames": ([(DIM + 8, "<h", 0)], ["an empty image", "(80, 80, 1, 0)"]),
    "one frame": ([(DIM + 8, "<h", 1)], ["1 frames", "not 50", "invent motion"]),
    "40 frames": ([(DIM + 8, "<h", 40)], ["40 frames, not 50", "resample_frames=True"]),
    "more frames than there are": ([(DIM + 8, "<h", 60)], ["damaged"]),
    "no time axis": ([(DIM, "<h", 3)], ["no time axis", "(80, 80, 1)", "read_image()"]),
    "five dimensions": ([(DIM, "<h", 5), (DIM + 8, "<h", 25), (DIM + 10, "<h", 2)], ["5 dimensions"]),
    "colours": ([(KIND, "<h", 128), (DIM + 8, "<h", 16)], ["pixels of type"]),
    "no such pixel type": ([(KIND, "<h", 3)], ["damaged, or no NIfTI"]),
    "no NIfTI": ([(0, "<i", 1), (344, "<i", 0)], ["cine.nii.gz"]),
}


@pytest.mark.parametrize("case", CMR_HEADERS)
def test_a_malformed_cine_header_is_refused(cine_path, case):
    changes, words = CMR_HEADERS[case]
    poke(cine_path, *changes)
    refused(lambda: read_cine(cine_path), cine_path, *words)


@pytest.mark.parametrize("read", [read_cine, read_image])
def test_damaged_files_are_refused(cine_path, read):
    whole = cine_path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    plain = gzip.decompress(whole)
    short, nothing = gzip.compress(plain[:100_000]), gzip.compress(b"")
    for content in (whole[:-500], bytes(flipped), b"", b"not gzip" * 50, short, nothing):
        cine_path.write_bytes(content)
        refused(lambda: read(cine_path), cine_path)
    cine_path.unlink()
    refused(lambda: read(cine_path), cine_path, "no such file")


def test_not_finite_pixels_are_refused(tmp_path):
    data = np.ones((80, 80, 1, 50), np.float32)
    data[3, 3, 0, 7] = np.nan
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((1.8, 1.8, 8.0, 0.02))
    image.to_filename(tmp_path / "a.nii.gz")
    refused(lambda: read_cine(tmp_path / "a.nii.gz"), tmp_path / "a.nii.gz", "not finite")


def test_a_blank_cine_is_refused(tmp_path, rng):
    cine = make_cine(rng)
    cine.frames[:] = 7
    path = write_cine(tmp_path / "a.nii.gz", cine)
    refused(lambda: read_cine(path), path, "every pixel is 7")


def test_an_image_of_another_format_is_refused(tmp_path):
    nib.MGHImage(np.zeros((4, 4, 4), np.float32), np.eye(4)).to_filename(tmp_path / "a.mgz")
    refused(lambda: read_image(tmp_path / "a.mgz"), "a .mgz, not NIfTI in one file")
