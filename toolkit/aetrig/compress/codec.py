"""One block of rows to bytes and back: grid, encoder, latent codes, corrections, exact values.

A block's bytes are sections, each behind its length: the packed latent codes; for each column with
a bound the corrections; then the values that are kept exactly (their places and float64 numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aetrig.compress.bits import pack, packed_size, unpack
from aetrig.compress.bound import Bound
from aetrig.config.sources import Column
from aetrig.data.grid import from_grid, on_grid
from aetrig.export.plain import to_plain
from aetrig.export.session import open_session, output_integers
from aetrig.program.cut import decoder, encoder
from aetrig.program.model import Integers, Program, Rescale
from aetrig.program.read import read

Floats = npt.NDArray[np.float64]
LENGTH = struct.Struct("<Q")
SIZES = (1, 2, 4)  # bytes of a correction


@dataclass(frozen=True)
class Codec:
    """What both directions need. ``bounds``: by column name, for those that have one."""

    qonnx: Path
    columns: tuple[Column, ...]
    bounds: dict[str, Bound]

    @cached_property
    def program(self) -> Program:
        """The network."""
        return read(self.qonnx)

    @cached_property
    def _encode(self) -> tuple[Any, Program]:
        half = encoder(self.program)
        return open_session(to_plain(half)), half

    @cached_property
    def _decode(self) -> tuple[Any, Program]:
        half = decoder(self.program)
        return open_session(to_plain(half)), half

    def encode(self, values: Floats) -> bytes:
        """Return the bytes of rows (rows, columns), numbers as they stand in the table."""
        grid = [on_grid(column, values[:, i]) for i, column in enumerate(self.columns)]
        x = np.stack([integers for integers, _ in grid], axis=1)
        codes = self._codes(x)
        decoded = self._values(codes) if self.bounds else np.empty(0)
        exact = np.stack([~inside for _, inside in grid], axis=1)
        sections = [pack(codes, self._encode[1].output_format)]
        for i, column in enumerate(self.columns):
            bound = self.bounds.get(column.name)
            if bound is None:
                continue
            q = bound.corrections(values[:, i], decoded[:, i])
            decoded[:, i] = bound.corrected(decoded[:, i], q)
            exact[:, i] |= ~bound.holds(values[:, i], decoded[:, i])
            sections.append(_small(q))
        places = np.flatnonzero(exact).astype("<u4")
        sections += [_squeezed(places.tobytes()), _squeezed(values[exact].astype("<f8").tobytes())]
        return b"".join(LENGTH.pack(len(part)) + part for part in sections)

    def decode(self, content: bytes, rows: int) -> Floats:
        """Return the rows, shape (rows, columns), of what `encode` returned."""
        sections = _sections(content)
        form, width = self._encode[1].output_format, self._encode[1].outputs
        first = next(sections)
        if len(first) != packed_size(form, rows, width):
            raise ValueError("the latent codes are not as long as the rows need")
        values = self._values(unpack(first, form, rows, width))
        for i, column in enumerate(self.columns):
            bound = self.bounds.get(column.name)
            if bound is not None:
                values[:, i] = bound.corrected(values[:, i], _large(next(sections), rows))
        places = np.frombuffer(_whole(next(sections), 4 * values.size), "<u4")
        exact = np.frombuffer(_whole(next(sections), 8 * values.size), "<f8")
        values.reshape(-1)[places] = exact
        return values

    def _codes(self, x: npt.NDArray[np.int32]) -> Integers:
        session, half = self._encode
        return output_integers(session, x, half.output_format.exponent)

    def _values(self, codes: Integers) -> Floats:
        """Return what the decoder makes of latent codes, in the table's own units."""
        session, half = self._decode
        form = half.output_format
        output = output_integers(session, codes.astype(np.int32), form.exponent)
        rescale = next(op for op in self.program.operations if isinstance(op, Rescale))
        # exact: integers of a few bits times powers of two
        grid: Floats = (
            np.ldexp(output.astype(np.float64), form.exponent + rescale.shift) + rescale.offset
        )
        return np.stack(
            [from_grid(column, grid[:, i]) for i, column in enumerate(self.columns)], axis=1
        )


def _small(q: Integers) -> bytes:
    """Return integers in the smallest type that holds them, compressed, behind its size."""
    most = int(np.abs(q).max(initial=0))
    size = next(size for size in SIZES if most < 1 << (8 * size - 1))
    return bytes([size]) + _squeezed(q.astype(f"<i{size}").tobytes())


def _large(part: bytes, rows: int) -> Integers:
    if part[:1] not in {bytes([size]) for size in SIZES}:
        raise ValueError("corrections of an unknown size")
    q = np.frombuffer(_whole(part[1:], part[0] * rows), f"<i{part[0]}").astype(np.int64)
    if len(q) != rows:
        raise ValueError("there are not as many corrections as rows")
    return q


def _squeezed(content: bytes) -> bytes:
    compressed = pa.compress(content, codec="zstd", asbytes=True) if content else b""
    return LENGTH.pack(len(content)) + compressed


def _whole(content: bytes, most: int) -> bytes:
    """Return what was squeezed; raise ValueError where it claims more than ``most`` bytes."""
    if len(content) < LENGTH.size:
        raise ValueError("a section is cut")
    (size,) = LENGTH.unpack_from(content)
    if size > most:
        raise ValueError(f"a section claims {size} bytes, at most {most} are possible")
    if not size:
        return b""
    return bytes(pa.decompress(content[LENGTH.size :], size, codec="zstd", asbytes=True))


def _sections(content: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(content):
        if len(content) - start < LENGTH.size:
            raise ValueError("a section is cut")
        (length,) = LENGTH.unpack_from(content, start)
        start += LENGTH.size
        if length > len(content) - start:
            raise ValueError("a section is cut")
        yield content[start : start + length]
        start += length
