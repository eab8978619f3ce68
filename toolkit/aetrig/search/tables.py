"""Remembers what alkaid counts for tables: a score squares every output by the same few."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

KEPT = 100_000  # counts, of a few hundred bytes each
_known: dict[tuple[int, int, bytes], float] = {}


@contextlib.contextmanager
def counted_once() -> Iterator[None]:
    """Let alkaid count the LUTs of each table's bit once within the block; the counts are equal."""
    from alkaid.trace.passes import surrogate

    original = surrogate._count_luts  # noqa: SLF001

    def count(bits: Any, size: int = 6) -> float:
        key = (bits.ndim, size, np.packbits(bits.astype(np.bool_)).tobytes())
        if key not in _known:
            if len(_known) >= KEPT:
                _known.clear()
            _known[key] = float(original(bits, size))
        return _known[key]

    surrogate._count_luts = count  # noqa: SLF001
    try:
        yield
    finally:
        surrogate._count_luts = original  # noqa: SLF001
