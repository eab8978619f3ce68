"""Which inputs show which faults, and as few inputs as show them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.program.model import Integers, Program
from aetrig.verify.faults.memory import Fault
from aetrig.verify.faults.simulation import Simulation

Marks = npt.NDArray[np.bool_]


def seen(program: Program, x: Integers, tried: list[Fault], *, output: bool = True) -> Marks:
    """Mark the inputs that show each fault: bool, shape (faults, events)."""
    marks = np.zeros((len(tried), len(x)), dtype=np.bool_)
    for start, part in parts(x):
        simulation = Simulation(program, part, output=output)
        for row, one in zip(marks, tried, strict=True):
            row[start + simulation.run(one).seen] = True
    return marks


def parts(x: Integers, size: int = 4096) -> Iterator[tuple[int, Integers]]:
    """Yield parts small enough for a processor's cache, each with where it starts."""
    for start in range(0, len(x), size):
        yield start, x[start : start + size]


def cover(
    marks: Marks, most: int, *, times: int = 1, shown: npt.NDArray[Any] | None = None
) -> Integers:
    """Return columns that mark every row that any column marks, chosen greedily; at most so many.

    ``marks``: bool, shape (faults, inputs). ``times``: how often a row is marked, where there are
    as many columns; ``shown``: how often it was before, shape (faults,).
    """
    wanted = times if shown is None else np.maximum(0, times - shown)
    need = np.minimum(wanted, marks.sum(axis=1))
    gain, free = marks[need > 0].sum(axis=0), np.ones(marks.shape[1], dtype=np.bool_)
    rows: list[int] = []
    while need.any() and len(rows) < most:
        best = int(np.where(free, gain, -1).argmax())
        rows.append(best)
        free[best] = False
        hit = marks[:, best] & (need > 0)
        need = need - hit
        gain = gain - marks[hit & (need == 0)].sum(axis=0)
    return np.array(rows, dtype=np.int64)
