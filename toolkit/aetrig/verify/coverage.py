"""Which quantizers a set of vectors rounds at a tie or saturates: what makes a test of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.program.evaluate import apply, shift_right_floor, shift_right_round
from aetrig.program.model import Integers, Program, Quantize
from aetrig.program.ranges import Range, input_range, ranges

Marks = npt.NDArray[np.bool_]
Hits = dict[tuple[str, str], Marks]  # (quantizer, kind) -> bool, shape (events, width)
KINDS = ("tie", "low", "high")


@dataclass(frozen=True)
class Coverage:
    """How often a quantizer was driven where its rounding and saturation decide.

    Counts of values; None where the event cannot happen: no tie where nothing is rounded, no
    saturation where the exact range of the accumulator does not leave the format.
    """

    name: str
    values: int
    ties: int | None
    low: int | None
    high: int | None

    def missed(self) -> tuple[str, ...]:
        """Return what could have happened and never did."""
        counts = {"ties": self.ties, "saturation low": self.low, "saturation high": self.high}
        return tuple(kind for kind, count in counts.items() if count == 0)


def hits(program: Program, x: Integers) -> Hits:
    """Mark, for each quantizer, the values that lie at a tie or saturate.

    ``x``: hardware integers, shape (events, features).
    """
    return dict(_hits(program, x))


def _hits(program: Program, x: Integers) -> Iterator[tuple[tuple[str, str], Marks]]:
    q, exponent = np.asarray(x, dtype=np.int64), 0
    steps: dict[str, tuple[Integers, int]] = {}
    for op in program.operations:
        if isinstance(op, Quantize):
            shift = op.format.exponent - exponent
            rounded = _rounded(op, q, shift)
            yield (op.name, "tie"), _ties(q, shift)
            yield (op.name, "low"), rounded < op.format.low
            yield (op.name, "high"), rounded > op.format.high
        q, exponent = steps[op.name] = apply(op, q, exponent, steps)


def _rounded(op: Quantize, q: Integers, shift: int) -> Integers:
    round_off = shift_right_round if op.rounding == "ROUND" else shift_right_floor
    return round_off(q, shift)


def _ties(q: Integers, shift: int) -> Marks:
    """Mark what lies exactly between two results, where ROUND and FLOOR rules differ most."""
    if shift <= 0:
        return np.zeros(q.shape, dtype=np.bool_)
    return np.asarray((q & ((1 << shift) - 1)) == 1 << (shift - 1))


def coverage(program: Program, x: Integers) -> tuple[Coverage, ...]:
    """Return the table of all quantizers, in order."""
    found = hits(program, x)
    possible = _possible(program)

    def count(name: str, kind: str) -> int | None:
        return int(found[name, kind].sum()) if possible[name, kind] else None

    return tuple(
        Coverage(
            op.name,
            found[op.name, "tie"].size,
            count(op.name, "tie"),
            count(op.name, "low"),
            count(op.name, "high"),
        )
        for op in program.operations
        if isinstance(op, Quantize)
    )


def _possible(program: Program) -> dict[tuple[str, str], bool]:
    """Say, from the exact ranges, what can happen at each quantizer."""
    before: Range = input_range(program)
    after = ranges(program)
    found: dict[tuple[str, str], bool] = {}
    for op in program.operations:
        if isinstance(op, Quantize):
            shift = op.format.exponent - before.exponent
            ends = np.array([min(before.low), max(before.high)], dtype=np.int64)
            low, high = (int(value) for value in _rounded(op, ends, shift))
            found[op.name, "tie"] = shift > 0
            found[op.name, "low"] = low < op.format.low
            found[op.name, "high"] = high > op.format.high
        before = after[op.name]
    return found
