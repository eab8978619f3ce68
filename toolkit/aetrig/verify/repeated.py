"""Vectors for faults that were not tried, where a network stores more bits than can be.

An input that shows one fault shows many. So the faults that were tried are shown several times, by
other inputs each (n-detection, as tests of chips have it), until faults held back, for which no
input was chosen, show as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aetrig.program.model import Integers, Program
from aetrig.verify.faults.memory import Fault
from aetrig.verify.shown import cover, seen

GOAL = 0.995  # share of the faults held back that are to show
HELD, TRIED = 1_000, 1_500  # faults held back, and of those tried, at most
MOST = 8_000  # vectors at most
TIMES = (2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Repeated:
    """Vectors that join those at hand: ``x`` int64, shape (events, features).

    ``held``: faults held back that change something for some input; ``shown``: by a vector.
    """

    x: Integers
    held: int
    shown: int


def repeated(
    program: Program,
    x: Integers,
    pool: Integers,
    tried: list[Fault],
    held: list[Fault],
    *,
    output: bool = True,
) -> Repeated:
    """Return inputs of a pool, where those at hand do not show enough of the faults held back."""
    count, everything = len(x), np.concatenate((x, pool))
    judge = seen(program, everything, held, output=output)
    judge = judge[judge.any(axis=1)]
    before, after = judge[:, :count].any(axis=1), judge[:, count:]

    def shown(rows: Integers) -> int:
        return int((before | after[:, rows].any(axis=1)).sum())

    rows = np.zeros(0, dtype=np.int64)
    if shown(rows) < GOAL * len(judge):
        marks = seen(program, everything, tried[:TRIED], output=output)
        often, more = marks[:, :count].sum(axis=1), marks[:, count:]
        for times in TIMES:
            rows = cover(more, MOST, times=times, shown=often)
            if shown(rows) >= GOAL * len(judge) or len(rows) == MOST:
                break
    return Repeated(pool[rows], len(judge), shown(rows))
