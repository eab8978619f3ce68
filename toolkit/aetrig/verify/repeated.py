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
    count = len(x)
    everything = np.concatenate((x, pool))
    judge = seen(program, everything, held, output=output)
    judge = judge[judge.any(axis=1)]
    rows = np.zeros(0, dtype=np.int64)
    if judge[:, :count].any(axis=1).sum() < GOAL * len(judge):
        marks = seen(program, everything, tried[:TRIED], output=output)
        for times in TIMES:
            rows = cover(marks[:, count:], MOST, times=times, shown=marks[:, :count].sum(axis=1))
            chosen = np.concatenate((np.arange(count), count + rows))
            if judge[:, chosen].any(axis=1).sum() >= GOAL * len(judge) or len(rows) == MOST:
                break
    chosen = np.concatenate((np.arange(count), count + rows))
    return Repeated(pool[rows], len(judge), int(judge[:, chosen].any(axis=1).sum()))
