"""DICOM files in a zip or a folder, read in memory; a zip is hostile until its names, sizes and ratios are checked."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from eccl.records import DataError

MOST_MEMBERS = 20_000
LARGEST_MEMBER = 2**26  # bytes, unpacked; a slice of 2048 x 2048 has 8 MiB
LARGEST_TOTAL = 2**32  # bytes, unpacked
LARGEST_RATIO = 200  # unpacked over packed; images reach 20
AGAIN = "download or export it again"
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, struct.error)

Read = Callable[[str, int], bytes]  # the first bytes of a member, or with -1 all of it


@contextmanager
def open_members(path: Path) -> Iterator[tuple[list[str], Read]]:
    """Names of the .dcm files of a zip or folder, and the function that reads one: its content, or its first bytes.

    Raises
    ------
    DataError
        If it is missing, no zip, damaged, encrypted, has a member whose name leads out of it, or unpacks to more than
        a cine can hold; and when a member is read, if that is damaged.
    """
    if path.is_dir():
        files = {file.name: file for file in sorted(path.iterdir()) if file.suffix.lower() == ".dcm"}
        _check_sizes({name: (file.stat().st_size, None) for name, file in files.items()}, path)

        def read_file(name: str, count: int) -> bytes:
            try:
                with open(path / name, "rb") as file:
                    return file.read(count)
            except OSError as error:
                raise damaged(f"{path}/{name}", error) from error

        yield list(files), read_file
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise DataError("no such file", source=path, remedy="check the path, or leave this participant out") from error
    except _ZIP_DAMAGE as error:
        raise DataError(f"no zip, or a truncated one ({error})", source=path, remedy=AGAIN) from error
    with archive:
        _check_zip(archive, path)

        def read_member(name: str, count: int) -> bytes:
            try:
                with archive.open(name) as file:
                    content = file.read(count)
                    whole = count >= 0 or len(content) == archive.getinfo(name).file_size
            except (*_ZIP_DAMAGE, KeyError) as error:  # KeyError: the zip has changed since its headers were read
                raise damaged(f"{path}/{name}", error) from error
            if not whole:
                raise damaged(f"{path}/{name}", f"{len(content)} bytes, fewer than the zip declares")
            return content

        yield sorted(name for name in archive.namelist() if name.lower().endswith(".dcm")), read_member


def _check_zip(archive: zipfile.ZipFile, path: Path) -> None:
    for info in archive.infolist():
        place = PurePosixPath(info.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in info.filename:
            raise DataError(
                f"a member called {info.filename!r}, which leads out of the zip",
                source=path,
                remedy="do not use this file: no download is built like that",
            )
        if info.flag_bits & 1:
            raise DataError(f"{info.filename} is encrypted", source=path, remedy="decrypt the zip first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(
                f"{info.filename} is packed by method {info.compress_type}", source=path, remedy="pack it with deflate"
            )
    _check_sizes({info.filename: (info.file_size, info.compress_size) for info in archive.infolist()}, path)


def _check_sizes(sizes: dict[str, tuple[int, int | None]], path: Path) -> None:
    """Of each member, unpacked and packed, in bytes."""
    remedy = "check that it is what it claims to be; one cine has some hundred images of some hundred kB"
    if len(sizes) > MOST_MEMBERS:
        raise DataError(f"{len(sizes)} files, above the {MOST_MEMBERS} that are read", source=path, remedy=remedy)
    for name, (size, packed) in sizes.items():
        if size > LARGEST_MEMBER:
            raise DataError(
                f"{name} has {size} bytes, above the {LARGEST_MEMBER} that are read", source=path, remedy=remedy
            )
        if packed is not None and size > 2**20 and size > LARGEST_RATIO * packed:
            raise DataError(
                f"{name} unpacks from {packed} to {size} bytes, as no image does", source=path, remedy=remedy
            )
    total = sum(size for size, _ in sizes.values())
    if total > LARGEST_TOTAL:
        raise DataError(f"{total} bytes, above the {LARGEST_TOTAL} that are read", source=path, remedy=remedy)


def damaged(where: str, cause: object) -> DataError:
    """The error of a file that is not what it was."""
    return DataError(f"damaged ({cause})", source=where, remedy=AGAIN)
