"""Files and folders that appear whole or not at all, and read and write errors as sentences a user can act on."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eccl.errors import DataError

PARTIAL = ".partial"  # start of the name of what is not yet whole; the suffix stays, since writers go by it

_REMEDY = {
    errno.ENOSPC: "free space on this disk, or set ECCL_HOME to a folder on another one",
    errno.EDQUOT: "free space within your quota, or set ECCL_HOME to a folder on another disk",
    errno.EROFS: "choose a folder you may write to, for example by setting ECCL_HOME",
    errno.EACCES: "choose a folder you may write to, for example by setting ECCL_HOME",
    errno.EPERM: "choose a folder you may write to, for example by setting ECCL_HOME",
}


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A free name beside `path` to write a file or folder to; it becomes `path` when the block ends without an error.

    What was at `path` stays until then, and stays for good if the block fails.

    Raises
    ------
    DataError
        If the folder cannot be written (full, read-only, absent), with the folder, the cause and the remedy.
    """
    path = Path(path)
    beside = path.with_name(f"{PARTIAL}-{os.getpid()}-{path.name}")
    try:
        yield beside
        if path.is_dir() and beside.is_dir():
            _exchange(beside, path)
        else:
            os.replace(beside, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        _remove(beside)


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    """Write a JSON file, indented, whole or not at all.

    Raises
    ------
    DataError
        As `replacing`.
    """
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n")


@contextmanager
def locked(folder: Path | str, problem: str = "", remedy: str = "", wait: bool = False) -> Iterator[Path]:
    """The exclusive right to work in a folder, which is made; the system takes it back if the process dies.

    Gives the file that is locked. A process that waits has the right as soon as no other has it.

    Raises
    ------
    DataError
        With the given problem and remedy if another process has it, and this one does not wait; or if the folder
        cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(make_folder(folder) / "lock", timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(problem, source=folder, remedy=remedy) from None
    except OSError as error:
        raise _unwritable(Path(folder) / "lock", error) from error
    try:
        yield Path(folder) / "lock"
    finally:
        lock.release()


def make_folder(folder: Path | str) -> Path:
    """The folder, made with its parents if it was not there.

    Raises
    ------
    DataError
        If it cannot be made.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder / "", error) from error
    return folder


def sha256(path: Path | str) -> str:
    """SHA-256 of a file, hexadecimal, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unwritable(path: Path, error: OSError) -> DataError:
    remedy = _REMEDY.get(error.errno, "check that the folder exists, is a folder and can be written")
    return DataError(
        f"cannot write {path.name} in the folder {path.parent} ({error.strerror or error})",
        source=path,
        remedy=remedy,
    )


def _exchange(new: Path, old: Path) -> None:
    # A folder with content cannot be replaced in one step: it steps aside first.
    aside = old.with_name(f"{PARTIAL}-{os.getpid()}-old-{old.name}")
    os.replace(old, aside)
    try:
        os.replace(new, old)
    except OSError:
        os.replace(aside, old)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # most often it has become `path`; nothing here may hide the error that matters
            path.unlink()
