"""Columns out of an ``.npz`` archive, without Python objects and within the sizes that it declares.

An archive can declare far more than it holds, or hold gigabytes of zeros in a few kilobytes. Every
declared size is therefore held against the file before memory is taken, and of a column only the
wanted rows are unpacked.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from aetrig.data.files import LARGE, MOST_PACKED
from aetrig.errors import UserError
from aetrig.reading import require_file

COLUMNS = "columns"  # the array of names beside a 2-D array
_DAMAGE = (
    OSError, ValueError, EOFError, NotImplementedError, RuntimeError, SyntaxError, UserWarning,
    struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class _Array:
    """An array of the archive as its header declares it; ``start``: the header's bytes."""

    member: zipfile.ZipInfo
    shape: tuple[int, ...]
    column_major: bool
    dtype: np.dtype[Any]
    start: int


@dataclass(frozen=True)
class NpzTable:
    """An open archive: 1-D arrays are columns, or a 2-D array is a table with ``columns``."""

    names: Sequence[str]
    _file: zipfile.ZipFile
    _arrays: dict[str, _Array]
    _matrix: _Array | None

    def take(self, name: str, rows: int | None) -> npt.NDArray[Any]:
        """Return the first rows of a column, or all of them."""
        if self._matrix is None:
            return _read(self._file, self._arrays[name], rows)
        return _read(self._file, self._matrix, rows)[:, list(self.names).index(name)]


@contextmanager
def open_npz(path: Path) -> Iterator[NpzTable]:
    """Open an archive; raise UserError where it is damaged, holds objects, or is a bomb."""
    require_file(path)
    try:
        with zipfile.ZipFile(path) as file:
            yield _table(path, file)
    except _DAMAGE as error:
        raise UserError(
            f"{path}: truncated or damaged .npz ({' '.join(str(error).split())[:300]}); "
            "copy or download it again"
        ) from error


def read_arrays(path: Path, names: Sequence[str], advice: str) -> dict[str, npt.NDArray[Any]]:
    """Return arrays of an archive, whole; those that it lacks are left out.

    Raises UserError, with what to do, as `open_npz`.
    """
    require_file(path, advice)
    try:
        with zipfile.ZipFile(path) as file:
            _require_sizes(path, file.infolist())
            found = {member.filename.removesuffix(".npy"): member for member in file.infolist()}
            arrays = {name: _header(path, file, found[name]) for name in names if name in found}
            return {name: _whole(file, array) for name, array in arrays.items()}
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{path}: not a readable .npz ({reason}); {advice}") from error


def _whole(file: zipfile.ZipFile, array: _Array) -> npt.NDArray[Any]:
    return _read(file, array, None).reshape(array.shape)


def _table(path: Path, file: zipfile.ZipFile) -> NpzTable:
    _require_sizes(path, file.infolist())
    arrays = {
        member.filename.removesuffix(".npy"): _header(path, file, member)
        for member in file.infolist()
    }
    matrices = {name: array for name, array in arrays.items() if len(array.shape) == 2}
    if COLUMNS not in arrays or not matrices:
        return NpzTable([n for n, a in arrays.items() if len(a.shape) == 1], file, arrays, None)
    names = [str(name) for name in _read(file, arrays[COLUMNS], None).ravel().tolist()]
    fits = [name for name, array in matrices.items() if array.shape[1] == len(names)]
    if len(fits) != 1:
        shapes = ", ".join(f"'{name}' {array.shape}" for name, array in matrices.items())
        raise UserError(
            f"{path}: '{COLUMNS}' names {len(names)} columns, and {len(fits)} of the arrays "
            f"{shapes} have as many; expected one"
        )
    return NpzTable(names, file, arrays, arrays[fits[0]])


def _require_sizes(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Raise UserError where the members cannot all be in the file, or unpack to far more."""
    packed = sum(member.compress_size for member in members)
    if packed > path.stat().st_size:  # overlapping members, or a cut file
        raise UserError(
            f"{path}: declares {packed} bytes of packed arrays in a file of "
            f"{path.stat().st_size}; copy or download it again"
        )
    for member in members:
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise UserError(f"{path}: '{member.filename}' is not packed as numpy packs arrays")
        if member.file_size > max(LARGE, MOST_PACKED * member.compress_size):
            raise UserError(
                f"{path}: '{member.filename}' unpacks {member.compress_size} bytes to "
                f"{member.file_size}; refused above {MOST_PACKED} times and {LARGE} bytes"
            )


def _header(path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Array:
    with file.open(member) as stream:
        version = npy.read_magic(stream)
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in readers:
            raise UserError(
                f"{path}: '{member.filename}' is of the .npy format {version}, expected 1.0 or 2.0"
            )
        shape, column_major, dtype = readers[version](stream)
        array = _Array(member, shape, column_major, dtype, stream.tell())
    if dtype.hasobject:
        raise UserError(
            f"{path}: '{member.filename}' holds Python objects, which are never unpickled; "
            "write numbers, and labels as text (numpy.str_)"
        )
    declared = array.start + math.prod(shape) * dtype.itemsize
    if declared != member.file_size or min(shape, default=0) < 0:
        raise UserError(
            f"{path}: '{member.filename}' declares {dtype} of shape {shape}, {declared} bytes, "
            f"and has {member.file_size}; copy or download it again"
        )
    return array


def _read(file: zipfile.ZipFile, array: _Array, rows: int | None) -> npt.NDArray[Any]:
    """Return an array's first rows, without unpacking what follows them where that can be."""
    shape = array.shape
    if rows is not None and shape and not array.column_major:
        shape = (min(rows, shape[0]), *shape[1:])
    with file.open(array.member) as stream:
        _read_bytes(stream, array.start)
        content = _read_bytes(stream, math.prod(shape) * array.dtype.itemsize)
    flat: npt.NDArray[Any] = np.frombuffer(content, array.dtype, count=math.prod(shape))
    if not shape:
        return flat
    # the stored order runs along the first axis where it is column-major
    return flat.reshape(shape[::-1]).T[:rows] if array.column_major else flat.reshape(shape)


def _read_bytes(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise EOFError(f"{len(content)} bytes of {count}")
    return content
