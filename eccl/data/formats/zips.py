"""Files of a zip or a folder, read in memory; a zip is hostile until its names, sizes and ratios are checked."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from eccl.records import DataError

MOST_MEMBERS = 20_000
LARGEST_MEMBER = 2**29  # bytes, unpacked; 20 slices x 50 phases x 512 x 512 pixels of two bytes in one file
LARGEST_TOTAL = 2**32  # bytes, unpacked
LARGEST_RATIO = 200  # unpacked over packed; images reach 20
AGAIN = "download or export it again"
_SCAN = "give one person's scan alone, and check that it is what it claims to be: it has some hundred images"
_PIECE = 2**20  # bytes read at a time of what is only passed over
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, struct.error)
_ARCHIVES = {b"\x1f\x8b": "gzip", b"7z\xbc\xaf": "7z", b"Rar!": "RAR"}  # by their first bytes
_DICOM_START = 132  # bytes: a preamble of 128 and DICM
_KINDS = frozenset(b"CS DA LO OB PN SH TM UI UL".split())  # of the first elements, where a file states them


@dataclass(frozen=True)
class Members:
    """The files of a zip or folder, or a file by itself.

    Attributes
    ----------
    path : Path
    sizes : mapping of str to int
        Bytes of each file, unpacked, by its name; the name of a file in a folder leads from the folder to it.
    links : int
        How many symbolic links a folder holds; they are not followed.
    """

    path: Path
    sizes: Mapping[str, int]
    links: int
    _archive: zipfile.ZipFile | None = None

    def where(self, name: str) -> str:
        """How messages call a file."""
        return f"{self.path}/{name}" if name else str(self.path)

    def start(self, name: str, count: int) -> bytes:
        """The first `count` bytes of a file, or all of a shorter one.

        Raises
        ------
        DataError
            If it cannot be read or is damaged.
        """
        with self._reading(name) as file:
            return file.read(count)

    def pieces(self, name: str, offsets: list[int], length: int) -> Iterator[bytes]:
        """`length` bytes of a file at each offset; offsets ascend and pieces do not overlap.

        Raises
        ------
        DataError
            If it cannot be read or is damaged: of a file in a zip that is known after the last piece, when its checksum
            has been compared.
        """
        packed = self._archive is not None  # its checksum is compared at the end of a file, which must be read to there
        with self._reading(name) as file:
            place = 0
            for offset in offsets:
                if not packed:
                    file.seek(offset)
                    place = offset
                while place < offset:
                    passed = len(file.read(min(_PIECE, offset - place)))
                    if not passed:
                        break
                    place += passed
                piece = file.read(length)
                if place != offset or len(piece) != length:
                    raise damaged(self.where(name), f"it ends before byte {offset + length}")
                place += length
                yield piece
            while packed and (passed := len(file.read(_PIECE))):
                place += passed
            if packed and place != self.sizes[name]:
                raise damaged(self.where(name), f"{place} bytes, not the {self.sizes[name]} that the zip declares")

    @contextmanager
    def _reading(self, name: str) -> Iterator[BinaryIO]:
        try:
            with self._archive.open(name) if self._archive else open(self.path / name, "rb") as file:
                yield file
        except DataError:
            raise
        except (*_ZIP_DAMAGE, KeyError) as error:  # KeyError: the zip has changed since its headers were read
            raise damaged(self.where(name), error) from error


@contextmanager
def open_members(path: Path) -> Iterator[Members]:
    """The files of a zip or folder, at any depth, but for hidden ones and symbolic links; or a DICOM file by itself.

    Raises
    ------
    DataError
        If it is missing, no zip, damaged, encrypted, has a member whose name leads out of it, or holds more than a cine
        can; and when a member is read, if that is damaged.
    """
    if path.is_dir():
        sizes, links = _folder(path)
        yield Members(path, sizes, links)
        return
    archive, size = _archive(path)
    if archive is None:
        yield Members(path, {"": size}, 0)
        return
    with archive:
        _check_zip(archive, path)
        sizes = {
            info.filename: info.file_size
            for info in sorted(archive.infolist(), key=lambda info: info.filename)
            if not info.is_dir() and not _hidden(info.filename)
        }
        yield Members(path, sizes, 0, archive)


def _archive(path: Path) -> tuple[zipfile.ZipFile | None, int]:
    """The zip at a path, or None where there is a DICOM file; and its size in bytes."""
    start = b""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise DataError("this is no file", source=path, remedy="give a zip, a folder or a file of DICOM")
    try:
        with open(path, "rb") as file:
            start = file.read(_DICOM_START)
        size = path.stat().st_size
        return None if is_dicom(start) else zipfile.ZipFile(path), size
    except FileNotFoundError as error:
        raise DataError("no such file", source=path, remedy="check the path, or leave this participant out") from error
    except _ZIP_DAMAGE as error:
        for magic, kind in _ARCHIVES.items():
            if start.startswith(magic):
                raise DataError(f"a {kind} archive", source=path, remedy="unpack it and give the folder") from error
        problem = f"no zip and no DICOM file, or a truncated one ({error})"
        raise DataError(problem, source=path, remedy=AGAIN) from error


def is_dicom(start: bytes) -> bool:
    """Whether the first 132 bytes of a file are those of DICOM, with its preamble or, as in old exports, without."""
    return start[128:_DICOM_START] == b"DICM" or starts_bare(start)


def starts_bare(start: bytes) -> bool:
    """Whether a file begins with its first DICOM element, where a preamble should be."""
    if len(start) < _DICOM_START:
        return False
    group, number, kind, short = struct.unpack_from("<HH2sH", start)
    stated = kind in _KINDS and short <= 64
    first = (group == 0x0008 and number < 0x0100) or (group == 0x0002 and number < 0x0004)
    return first and (stated or int.from_bytes(start[4:8], "little") <= 64)


def _folder(path: Path) -> tuple[dict[str, int], int]:
    """Size of each file at any depth, in order of their names, and how many symbolic links there are."""
    sizes, links, seen, folders = {}, 0, 0, [""]
    while folders:
        inside = folders.pop()
        try:
            with os.scandir(path / inside) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MOST_MEMBERS:
                        raise _too_many(f"more than {MOST_MEMBERS} files and folders", path)
                    name = f"{inside}/{entry.name}".lstrip("/")
                    if _hidden(entry.name):
                        continue
                    if entry.is_symlink():
                        links += 1
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif entry.is_file(follow_symlinks=False):
                        sizes[name] = entry.stat(follow_symlinks=False).st_size
        except OSError as error:
            problem = f"the folder cannot be read ({error.strerror or error})"
            raise DataError(problem, source=path / inside, remedy="check who may read it") from error
    return dict(sorted(sizes.items())), links


def _hidden(name: str) -> bool:
    """Whether a file is a system's own: .DS_Store, ._name, __MACOSX/."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.replace("\\", "/").split("/"))


def _check_zip(archive: zipfile.ZipFile, path: Path) -> None:
    for info in archive.infolist():
        if not info.filename:
            raise damaged(path, "a member without a name")
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
        if info.file_size > 2**20 and info.file_size > LARGEST_RATIO * info.compress_size:
            raise DataError(
                f"{info.filename} unpacks from {info.compress_size} to {info.file_size} bytes, as no image does",
                source=path,
                remedy=_SCAN,
            )
    check_sizes({info.filename: info.file_size for info in archive.infolist()}, path)


def check_sizes(sizes: Mapping[str, int], path: Path) -> None:
    """Raise unless files of these sizes in bytes can be a cine.

    Raises
    ------
    DataError
        If there are more than 20,000, or one or all of them are too large.
    """
    if len(sizes) > MOST_MEMBERS:
        raise _too_many(f"{len(sizes)} files", path)
    for name, size in sizes.items():
        if size > LARGEST_MEMBER:
            raise DataError(
                f"{name} has {size} bytes, above the {LARGEST_MEMBER} that are read", source=path, remedy=_SCAN
            )
    if (total := sum(sizes.values())) > LARGEST_TOTAL:
        raise DataError(f"{total} bytes, above the {LARGEST_TOTAL} that are read", source=path, remedy=_SCAN)


def damaged(where: str, cause: object) -> DataError:
    """The error of a file that is not what it was."""
    return DataError(f"damaged ({cause})", source=where, remedy=AGAIN)


def _too_many(what: str, path: Path) -> DataError:
    return DataError(f"{what}, above the {MOST_MEMBERS} that are read", source=path, remedy=_SCAN)
