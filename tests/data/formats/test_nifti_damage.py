"""Compressed NIfTI is read to its checksum, once, in little memory; whatever is damaged in it is refused."""

import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from helpers.making import refused
from helpers.stacks import in_a_patient, nifti_file

from eccl.data.cmr import read_cine, read_image
from eccl.data.sources.scans import read_scan


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    """A file of 50 frames and 4 slices of 24 x 22 voxels."""
    images = np.random.default_rng(0).integers(0, 3000, (50, 4, 24, 22)).astype(np.int16)
    return nifti_file(tmp_path_factory.mktemp("nifti") / "sa.nii", images, sform=in_a_patient()).read_bytes()


def stored(content: bytes) -> bytearray:
    """As gzip holds it uncompressed, so that the checksum alone can tell what has changed."""
    return bytearray(gzip.compress(content, 0, mtime=0))


def flipped(place):
    def change(content):
        packed = stored(content)
        packed[place] ^= 0x40
        return bytes(packed)

    return change


DAMAGE = {  # what is wrong: (bytes of the file from sound content, words of the message)
    "a voxel in the middle": (flipped(100_000), ["CRC"]),
    "the first voxel": (flipped(400), ["CRC"]),
    "the last voxel": (flipped(-12), ["CRC"]),
    "the checksum": (flipped(-6), ["CRC"]),
    "the length": (flipped(-2), ["Incorrect length"]),
    "no end": (lambda content: bytes(stored(content)[:-8]), ["ended"]),
    "half an end": (lambda content: bytes(stored(content)[:-3]), ["ended"]),
    "half a file": (lambda content: gzip.compress(content)[: len(gzip.compress(content)) // 2], ["ended"]),
    "compressed bytes changed": (
        lambda content: (packed := gzip.compress(content, 9))[:50_000] + b"\0" * 99 + packed[50_099:],
        ["damaged"],
    ),
    "words behind it": (lambda content: gzip.compress(content) + b"and more", ["damaged", "Not a gzipped file"]),
    "half a member behind it": (lambda content: gzip.compress(content) + gzip.compress(b"more")[:-4], ["ended"]),
    "a damaged member behind it": (lambda content: gzip.compress(content) + bytes(stored(b"more")[:-6]) + b"00", ["d"]),
    "nothing": (lambda content: b"", ["it is empty"]),
    "nothing, packed": (lambda content: gzip.compress(b""), ["it is empty"]),
    "no gzip": (lambda content: content, ["named .gz, and no gzip"]),
    "another packing": (lambda content: zlib.compress(content), ["named .gz, and no gzip"]),
    "packed twice": (lambda content: gzip.compress(gzip.compress(content)), ["packed twice"]),
    "fewer frames than declared": (lambda content: gzip.compress(content[:-22]), ["damaged"]),
    "far more than declared": (lambda content: gzip.compress(content + bytes(2**20 + 1)), ["1048576 others follow"]),
    "a second file": (
        lambda content: gzip.compress(content) + gzip.compress(bytes(2**20 + 1)),
        ["1048576 others follow"],
    ),
    "far more than declared, packed badly": (lambda content: bytes(stored(content * 8)), ["1048576 others follow"]),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_gzip_is_refused_whichever_slices_are_asked_for(tmp_path, content, case):
    change, words = DAMAGE[case]
    path = tmp_path / "sa.nii.gz"
    path.write_bytes(change(content))
    for read in (
        read_image,
        read_cine,
        read_scan,
        lambda path: read_image(path, slices=[0]),
        lambda path: read_cine(path, slice_index=3),
    ):
        error = refused(lambda read=read: read(path), path, *words)
        assert any(word in error.remedy for word in ("again", "name it .nii", "unpack it once"))


PLAIN = {  # what is wrong with a file that is not compressed: (its name, its bytes from sound content, words, remedy)
    "the last byte is missing": ("a.nii", lambda content: content[:-1], "cannot hold more", "again"),
    "the last frame is missing": ("a.nii", lambda content: content[: -4 * 24 * 22 * 2], "cannot hold more", "again"),
    "pixels within the header": ("a.nii", lambda content: placed(content, 0), "pixels at byte 0", "again"),
    "pixels at the header's end": ("a.nii", lambda content: placed(content, 348), "pixels at byte 348", "again"),
    "pixels behind theirs": ("a.nii", lambda content: placed(content, 400), "cannot hold more", "again"),
    "a gzip": ("a.nii", gzip.compress, "a gzip named .nii", "name it .nii.gz"),
    "no suffix": ("a", bytes, "NIfTI, and named as a file without a suffix", "name it .nii"),
    "another suffix": ("a.gz", gzip.compress, "NIfTI, and named as a .gz", "name it .nii.gz"),
    "another packing": ("a.nii.zst", lambda content: b"\x28\xb5\x2f\xfd" + content, "a .zst, not NIfTI", "convert it"),
    "half of a pair": ("a.hdr", lambda content: content[:348], "NIfTI", ""),
    "the other half": ("a.img", lambda content: content[352:], "a .img, not NIfTI in one file", "convert it"),
}


def placed(content, offset):
    """Content whose header says that the pixels begin elsewhere."""
    return content[:108] + struct.pack("<f", offset) + content[112:]


@pytest.mark.parametrize("case", PLAIN)
def test_a_plain_file_that_is_not_whole_or_not_named_as_what_it_is(tmp_path, content, case):
    name, change, words, remedy = PLAIN[case]
    path = tmp_path / name
    path.write_bytes(change(content))
    for read in (read_image, read_cine, lambda path: read_image(path, slices=[0])):
        assert remedy in refused(lambda read=read: read(path), path, words).remedy


def test_dimensions_of_one_behind_the_frames_say_nothing(tmp_path, content):
    path, plain = tmp_path / "a.nii", tmp_path / "plain.nii"
    plain.write_bytes(content)
    path.write_bytes(content[:40] + struct.pack("<8h", 6, 22, 24, 4, 50, 1, 1, 1) + content[56:])
    np.testing.assert_array_equal(read_image(path).images, read_image(plain).images)
    path.write_bytes(content[:40] + struct.pack("<8h", 5, 22, 24, 4, 1, 50, 1, 1) + content[56:])
    refused(lambda: read_image(path), path, "5 dimensions")


SOUND = {  # what is odd and harmless: bytes of the file from sound content
    "in members": lambda content: b"".join(gzip.compress(content[k : k + 9999]) for k in range(0, len(content), 9999)),
    "with empty members": lambda content: gzip.compress(b"") + gzip.compress(content) + gzip.compress(b""),
    "padded with zeros": lambda content: gzip.compress(content) + bytes(512),
    "with some bytes behind the pixels": lambda content: gzip.compress(content + b"made by a tool"),
    "stored": lambda content: bytes(stored(content)),
    "with a name and a time": lambda content: b"\x1f\x8b\x08\x08\0\0\0\x01\0\x03sa.nii\0" + gzip.compress(content)[10:],
}


@pytest.mark.parametrize("case", SOUND)
def test_every_form_of_gzip_that_is_whole_is_read(tmp_path, content, case):
    plain, path = tmp_path / "plain.nii", tmp_path / "SA.NII.GZ"
    plain.write_bytes(content)
    path.write_bytes(SOUND[case](content))
    expected = np.frombuffer(content[352:], "<i2").reshape(50, 4, 24, 22)
    np.testing.assert_array_equal(read_image(path).images, expected)
    np.testing.assert_array_equal(read_image(path, slices=[1, 2]).images, expected[:, 1:3])
    for read in (read_cine, lambda path: read_scan(path).cine):
        np.testing.assert_array_equal(read(path).frames, read(plain).frames)


@pytest.mark.parametrize("kind", ["<u1", "<i2", ">i2", "<u4", ">f4", "<f8", "<i8"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_every_type_of_pixel_is_read_as_nibabel_reads_it(tmp_path, kind, suffix):
    import nibabel as nib

    images = np.random.default_rng(2).integers(0, 120, (3, 4, 7, 6)).astype(kind)
    header = nib.Nifti1Header(endianness=">" if kind[0] == ">" else "<")
    image = nib.Nifti1Image(images.transpose(3, 2, 1, 0), in_a_patient(), header)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_slope_inter(0.25, -3.0)
    path = tmp_path / f"a{suffix}"
    image.to_filename(path)
    expected = nib.load(path).get_fdata().transpose(3, 2, 1, 0)
    np.testing.assert_array_equal(read_image(path).images, expected.astype(np.float32))
    np.testing.assert_array_equal(read_image(path, slices=[3]).images, expected[:, 3:].astype(np.float32))


def test_of_a_large_file_the_chosen_slice_alone_is_in_memory(tmp_path):
    images = np.zeros((50, 40, 120, 100), np.int16)
    images[:, 20, 40:80, 30:70] = np.arange(50)[:, None, None] + 1
    path = nifti_file(tmp_path / "a.nii.gz", images)
    del images
    tracemalloc.start()
    cine = read_cine(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert cine.frames.max() == 50 and peak < 2**24  # the whole has 46 MiB, and 92 as float32


def test_a_header_may_say_much_and_the_file_hold_it_without_filling_memory(tmp_path, content):
    header = bytearray(content[:352])
    struct.pack_into("<8h", header, 40, 4, 1024, 1024, 16, 16, 1, 1, 1)
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = [packed.compress(bytes(header)), *(packed.compress(bytes(2**20)) for _ in range(20)), packed.flush()]
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"".join(body))
    tracemalloc.start()
    refused(lambda: read_cine(path, frames=16), path, "damaged")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**27


def test_random_damage_is_refused_or_changes_nothing(tmp_path, content):
    rng, whole = np.random.default_rng(5), gzip.compress(content, 6, mtime=0)
    sound = np.frombuffer(content[352:], "<i2").reshape(50, 4, 24, 22)
    path, outcomes = tmp_path / "a.nii.gz", []
    for _ in range(60):
        changed = bytearray(whole)
        changed[rng.integers(len(changed))] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        try:
            np.testing.assert_array_equal(read_image(path).images, sound)  # a byte of gzip's own header
            outcomes.append("read")
        except ValueError as error:
            assert str(path) in str(error) and error.remedy
            outcomes.append("refused")
    assert outcomes.count("refused") >= 55
