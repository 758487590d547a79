"""Files of zips and folders: at any depth, bounded, no link followed, nothing hidden; see test_malformed_cmr."""

import os
import zipfile

import pytest
from helpers.dicom_files import written
from helpers.making import refused

from eccl.data.formats import zips as members
from eccl.data.formats.dicom_cine import open_dicom_cine
from eccl.data.formats.zips import check_sizes, is_dicom, open_members

FILES = {"b/two": b"2" * 300, "a.txt": b"1", "b/c/d/three.bin": b"3" * 5, "b/c/empty": b""}
HIDDEN = (".DS_Store", "__MACOSX/._a.txt", "b/.git/x", "b/._two")


def zipped(path, files, kind=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("b/", b"")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(params=["folder", "deflated", "stored"])
def place(request, tmp_path):
    files = FILES | dict.fromkeys(HIDDEN, b"x")
    if request.param == "folder":
        return written(tmp_path / "folder", files)
    return zipped(tmp_path / "a.zip", files, zipfile.ZIP_STORED if request.param == "stored" else zipfile.ZIP_DEFLATED)


def test_files_at_any_depth_are_listed_and_hidden_ones_are_not(place):
    with open_members(place) as found:
        assert found.sizes == {name: len(content) for name, content in FILES.items()}
        assert list(found.sizes) == sorted(FILES)
        for name, content in FILES.items():
            assert found.start(name, 4) == content[:4] and found.start(name, 999) == content
            assert found.where(name) == f"{place}/{name}"


@pytest.mark.parametrize("offsets", [[], [0], [0, 100, 290], [250]])
def test_pieces_of_a_file(place, offsets):
    with open_members(place) as found:
        assert list(found.pieces("b/two", offsets, 10)) == [b"2" * 10] * len(offsets)
        refused(lambda: list(found.pieces("b/two", [*offsets, 291], 10)), "b/two", "ends before byte 301")
        refused(lambda: list(found.pieces("b/nothing", [0], 1)), "b/nothing")


def test_a_damaged_end_is_found_though_only_the_start_is_asked_for(tmp_path):
    path = zipped(tmp_path / "a.zip", {"one": bytes(range(256)) * 400}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[60_000] ^= 1
    path.write_bytes(content)
    with open_members(path) as found:
        refused(lambda: list(found.pieces("one", [0, 512], 256)), "one", "CRC-32")


def test_a_zip_whose_member_has_no_name_is_damaged(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.dcm", b"x")
        archive.writestr(zipfile.ZipInfo(""), b"y")
    refused(lambda: open_dicom_cine(path), path, "a member without a name")


def test_links_are_counted_and_not_followed(tmp_path):
    outside = written(tmp_path / "outside", {"secret": b"s"})
    folder = written(tmp_path / "scan", {"one": b"1", "deep/two": b"2"})
    (folder / "deep/loop").symlink_to(folder, target_is_directory=True)
    (folder / "out").symlink_to(outside, target_is_directory=True)
    (folder / "file").symlink_to(outside / "secret")
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")
    with open_members(folder) as found:
        assert dict(found.sizes) == {"deep/two": 1, "one": 1} and found.links == 4
    (tmp_path / "same").symlink_to(folder, target_is_directory=True)  # what is asked for may be a link
    with open_members(tmp_path / "same") as found:
        assert set(found.sizes) == {"deep/two", "one"}


def test_a_download_folder_given_by_mistake_is_refused_before_it_is_walked_through(tmp_path, monkeypatch):
    monkeypatch.setattr(members, "MOST_MEMBERS", 50)
    folder = written(tmp_path / "bulk", {f"{k}/scan": b"" for k in range(40)})

    def opened():
        with open_members(folder):
            pass

    refused(opened, folder, "more than 50 files and folders", "one person's scan")


@pytest.mark.parametrize(
    "sizes, words",
    [
        ({"big": 2**29 + 1}, ["big has 536870913 bytes", "536870912"]),
        ({str(k): 2**29 for k in range(9)}, [f"{9 * 2**29} bytes", f"{2**32}"]),
        ({str(k): 1 for k in range(20_001)}, ["20001 files", "20000"]),
    ],
)
def test_sizes_that_no_cine_has_are_refused(tmp_path, sizes, words):
    refused(lambda: check_sizes(sizes, tmp_path), tmp_path, *words, "some hundred images")


def test_files_in_a_folder_that_are_no_dicom_may_have_any_size(tmp_path):
    with open(tmp_path / "film.mov", "wb") as file:
        file.truncate(2**33)
    with open_members(tmp_path) as found:
        assert found.sizes == {"film.mov": 2**33}


@pytest.mark.parametrize(
    "start, told",
    [
        (bytes(128) + b"DICM", True),
        (b"PK\3\4" + bytes(124) + b"DICM", True),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + bytes(200), True),  # without preamble, explicit
        (b"\x08\0\x16\0\x1a\0\0\0" + b"1.2.840" + bytes(200), True),  # and implicit
        (b"\x02\0\0\0UL\4\0" + bytes(200), True),
        (b"\x08\0\x05\0CS\x0a\0", False),  # too short for an image
        (b"\x08\0\x05\0XX\x0a\0" + bytes(200), False),
        (b"\x08\0\x05\0\0\0\1\0" + bytes(200), False),
        (b"\x5c\x01\0\0" + bytes(344), False),  # NIfTI
        (b"DICM" * 8, False),
        (b"", False),
    ],
)
def test_dicom_is_told_by_its_first_bytes(start, told):
    assert is_dicom(start) is told


@pytest.mark.parametrize(
    "content, words",
    [(b"\x1f\x8b\x08x", ["a gzip archive", "unpack"]), (b"7z\xbc\xaf\x27", ["a 7z"]), (b"", ["no zip"])],
)
def test_another_archive_is_called_by_its_name(tmp_path, content, words):
    path = tmp_path / "scan"
    path.write_bytes(content)

    def opened():
        with open_members(path):
            pass

    refused(opened, path, *words)
