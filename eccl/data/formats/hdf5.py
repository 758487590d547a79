"""HDF5 of unnamed leads, as CODE-15 % (many recordings), SPH (one) and MATLAB 7.3 have it: numbers of this file alone.

A file may hold links, storage and filters that lead elsewhere, and chunks that unpack to any size: all are refused.
"""

from __future__ import annotations

import itertools
import math
import operator
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.formats.guard import LARGEST, check_file
from eccl.data.formats.twelve import bare, has_twelve, one_of
from eccl.records import LEADS, Channels, DataError

if TYPE_CHECKING:
    import h5py

MARK = b"\x89HDF\r\n\x1a\n"
MARKS = (0, 512, 1024, 2048)  # bytes at which it may stand; MATLAB's is at 512
_IDS = "exam_id"  # CODE-15 %: of each recording
_MOST_NAMES = 1000  # in a group
_MOST_CHUNKS = 20_000  # that one recording lies in
_LARGEST_CHUNK = 64  # MB, unpacked
_GZIP, _FILTERS = 1, {1, 2, 3}  # deflate; and shuffle and fletcher32, which change no size
_AGAIN = "copy or download it again, whole"


def read_hdf5(path: Path, record: int | None) -> Channels:
    """The twelve leads of the file's only recording, or of one of many, without the zeros that it is filled up with.

    Parameters
    ----------
    path : path
        The file, of any size: of many recordings only one is read.
    record : int, optional
        Which of many: its `exam_id` if the file has them, else its row, counted from 0.

    Raises
    ------
    DataError
        If it is damaged, has no or several arrays of twelve leads, `record` is missing or not there, or it holds
        what is refused.
    """
    import h5py

    check_file(path, largest=None)
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _channels(file, record, path)
    except DataError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, ArithmeticError, MemoryError) as error:
        # UnicodeError, a ValueError, and NotImplementedError, a RuntimeError, among them
        raise DataError(f"damaged, or no HDF5 ({error})", source=path, remedy=_AGAIN) from error


def _channels(file: h5py.File, record: int | None, path: Path) -> Channels:
    arrays = dict(_arrays(file, path))
    name = one_of([name for name, item in arrays.items() if has_twelve(item.shape)], path)
    leads, ids = arrays[name], arrays.get(name.rpartition("/")[0] + "/" + _IDS)
    if leads.ndim == 2:
        if record is not None:
            raise DataError(
                f"one recording, so that there is no record {record}", source=path, remedy="leave record= out"
            )
        return bare(_read(leads, (), path), path)
    signal = _read(leads, (_row(leads, ids, record, path),), path)
    axis = 0 if signal.shape[1] == len(LEADS) else 1  # of time
    filled = np.flatnonzero((signal != 0).any(axis=1 - axis))
    if not filled.size:
        raise DataError("nothing but zeros in this recording", source=path, remedy="leave it out")
    return bare(signal.take(range(filled[0], filled[-1] + 1), axis=axis), path)


def _arrays(group: h5py.Group, path: Path, prefix: str = "", depth: int = 1) -> Iterator[tuple[str, h5py.Dataset]]:
    """Arrays of numbers of a group and of the groups in it; what a link of another kind names is not looked for."""
    import h5py

    if len(group) > _MOST_NAMES:
        raise DataError(f"{len(group)} names in a group", source=path, remedy="save one array alone")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        item = group[name]
        if isinstance(item, h5py.Group) and depth:
            yield from _arrays(item, path, f"{prefix}/{name}", depth - 1)
        elif isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
            yield f"{prefix}/{name}", item


def _row(leads: h5py.Dataset, ids: h5py.Dataset | None, record: int | None, path: Path) -> int:
    """Which of many recordings is meant."""
    count = leads.shape[0]
    if record is None and count == 1:
        return 0
    by = f"its {_IDS}" if ids is not None else f"its row, from 0 to {count - 1}"
    if record is None:
        raise DataError(
            f"{count} recordings in one file", source=path, remedy=f"name one of them: read_ecg(..., record=), by {by}"
        )
    try:
        wanted = operator.index(record)
    except TypeError as error:
        raise DataError(
            f"record {str(record)[:40]!r} is no whole number", source=path, remedy=f"name the recording by {by}"
        ) from error
    if ids is None:
        rows = [wanted] if 0 <= wanted < count else []
    elif ids.shape == (count,) and ids.dtype.kind in "iu":
        rows = np.flatnonzero(_read(ids, (), path) == wanted).tolist()
    else:
        raise DataError(f"{_IDS} is no whole number for each recording", source=path, remedy=_AGAIN)
    if len(rows) != 1:
        raise DataError(
            f"{len(rows)} recordings with the {_IDS if ids is not None else 'row'} {wanted}, among {count}",
            source=path,
            remedy=f"name one of them by {by}",
        )
    return rows[0]


def _read(array: h5py.Dataset, rows: tuple[int, ...], path: Path) -> np.ndarray:
    """A whole array, or what lies at an index of its first axis, after a look at how it is stored."""
    shape = array.shape[len(rows) :]
    size = math.prod(shape) * array.dtype.itemsize
    if size > LARGEST * 1e6:
        raise DataError(
            f"{size / 1e6:.0f} MB of numbers, more than the {LARGEST} MB that are read of one recording",
            source=path,
            remedy="save the resting ECG alone",
        )
    if array.is_virtual or array.external:
        raise DataError("numbers that lie in another file", source=path, remedy="save them in one file")
    if array.chunks is not None:
        _check_chunks(array, rows, path)
    return array[rows]


def _check_chunks(array: h5py.Dataset, rows: tuple[int, ...], path: Path) -> None:
    """Refuse chunks that unpack to more than they state: the library would allocate without end."""
    plan = array.id.get_create_plist()
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    chunk = math.prod(array.chunks) * array.dtype.itemsize
    if set(filters) - _FILTERS or len(set(filters)) < len(filters) or chunk > _LARGEST_CHUNK * 1e6:
        raise DataError(
            f"chunks of {chunk / 1e6:.3g} MB, packed by filter {', '.join(map(str, filters)) or 'none'}",
            source=path,
            remedy=f"save it again in chunks of at most {_LARGEST_CHUNK} MB, packed by gzip or not at all",
        )
    spans = [
        [row // size * size] if row is not None else range(0, extent, size)
        for row, extent, size in itertools.zip_longest(rows, array.shape, array.chunks)
    ]
    if math.prod(map(len, spans)) > _MOST_CHUNKS:
        raise DataError(f"more than {_MOST_CHUNKS} chunks", source=path, remedy="save it again in larger chunks")
    if _GZIP not in filters:
        return
    bit = 1 << filters.index(_GZIP)  # set where a chunk was left unpacked
    for place in itertools.product(*spans):
        stored = array.id.get_chunk_info_by_coord(place)
        if stored.byte_offset is None or stored.filter_mask & bit:
            continue
        if stored.size > _LARGEST_CHUNK * 1e6:
            raise DataError(f"a packed chunk of {stored.size} bytes", source=path, remedy=_AGAIN)
        try:
            plain = zlib.decompressobj().decompress(array.id.read_direct_chunk(place)[1], chunk + 5)
        except zlib.error as error:
            raise DataError(f"a damaged chunk ({error})", source=path, remedy=_AGAIN) from error
        if len(plain) > chunk + 4:  # 4: a checksum may be packed with it
            raise DataError(f"a chunk that unpacks to more than its {chunk} bytes", source=path, remedy=_AGAIN)
