"""Integers at their true width: so many bits each, one behind the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aetrig.program.model import Format

Integers = npt.NDArray[np.int64]


def pack(values: Integers, form: Format) -> bytes:
    """Return integers (rows, columns) of a format as bits, row by row, the highest bit first."""
    unsigned = (values - form.low).reshape(-1, 1)
    places = np.arange(form.bits - 1, -1, -1)
    return np.packbits(((unsigned >> places) & 1).astype(np.uint8)).tobytes()


def unpack(content: bytes, form: Format, rows: int, columns: int) -> Integers:
    """Return what `pack` took, shape (rows, columns)."""
    count = rows * columns * form.bits
    bits = np.unpackbits(np.frombuffer(content, np.uint8), count=count).reshape(-1, form.bits)
    weight = np.left_shift(np.int64(1), np.arange(form.bits - 1, -1, -1))
    return (bits.astype(np.int64) @ weight + form.low).reshape(rows, columns)


def packed_size(form: Format, rows: int, columns: int) -> int:
    """Return the bytes that `pack` gives."""
    return -(-rows * columns * form.bits // 8)
