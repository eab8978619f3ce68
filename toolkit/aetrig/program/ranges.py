"""The exact range of every intermediate value: how wide an accumulator must be, never assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from aetrig.errors import UserError
from aetrig.program.model import (
    SCORE,
    Add,
    Affine,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Score,
    Table,
)

MAX_BITS = 62  # of int64, with room for a sign and a carry


@dataclass(frozen=True)
class Range:
    """Smallest and largest integer of a tensor's elements at its exponent.

    ``low`` and ``high`` are Python integers, one an element, so that no bound can overflow.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    exponent: int

    @property
    def bits(self) -> int:
        """Bits that hold every element: two's complement where any can be negative."""
        return bits_for(min(self.low), max(self.high))

    @property
    def signed(self) -> bool:
        """Whether any element can be negative."""
        return min(self.low) < 0


def bits_for(low: int, high: int) -> int:
    """Return the bits that hold low..high; one of them is the sign where low is negative."""
    if low >= 0:
        return max(1, high.bit_length())
    return max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1


def _after(op: Operation, r: Range, earlier: Mapping[str, Range]) -> Range:
    match op:
        case Add():
            return _sum(r, earlier[op.source])
        case Rescale():
            finest = int(op.shift.max())
            steps = [(int(o), finest - int(s)) for o, s in zip(op.offset, op.shift, strict=True)]
            low = tuple((lo - o) << s for lo, (o, s) in zip(r.low, steps, strict=True))
            high = tuple((hi - o) << s for hi, (o, s) in zip(r.high, steps, strict=True))
            return Range(low, high, r.exponent - finest)
        case Affine():
            return affine_range(op, r)
        case Relu():
            low = tuple(max(0, value) for value in r.low)
            high = tuple(max(0, value) for value in r.high)
            return Range(low, high, r.exponent)
        case Table():
            return _table(op, r)
        case Quantize():
            return _quantize(op, r)
        case _:
            assert_never(op)


def affine_range(op: Affine, r: Range) -> Range:
    """Return the range of a layer's accumulators for inputs in ``r``."""
    # object arithmetic: Python integers, so that no bound can overflow
    weight = op.weight.astype(object)
    low_in, high_in = np.array(r.low, dtype=object), np.array(r.high, dtype=object)
    positive, negative = np.maximum(weight, 0), np.minimum(weight, 0)
    bias = op.bias.astype(object)
    low = low_in @ positive + high_in @ negative + bias
    high = high_in @ positive + low_in @ negative + bias
    exponent = r.exponent + op.weight_format.exponent
    return Range(tuple(map(int, low)), tuple(map(int, high)), exponent)


def _sum(a: Range, b: Range) -> Range:
    finest = min(a.exponent, b.exponent)
    left, right = a.exponent - finest, b.exponent - finest
    low = tuple((x << left) + (y << right) for x, y in zip(a.low, b.low, strict=True))
    high = tuple((x << left) + (y << right) for x, y in zip(a.high, b.high, strict=True))
    return Range(low, high, finest)


def _table(op: Table, r: Range) -> Range:
    reached = [
        op.values[low - op.low : high - op.low + 1] for low, high in zip(r.low, r.high, strict=True)
    ]
    low, high = ([int(pick(part)) for part in reached] for pick in (np.min, np.max))
    return Range(tuple(low), tuple(high), op.exponent)


def _quantize(op: Quantize, r: Range) -> Range:
    shift = op.format.exponent - r.exponent

    def one(value: int) -> int:
        if shift <= 0:
            rounded = value << -shift
        else:
            rounded = value >> shift
            rest = value - (rounded << shift)
            half = 1 << (shift - 1)
            ties_up = rest == half and rounded % 2 == 1
            rounded += int(op.rounding == "ROUND" and (rest > half or ties_up))
        return min(max(rounded, op.format.low), op.format.high)

    return Range(tuple(map(one, r.low)), tuple(map(one, r.high)), op.format.exponent)


def input_range(program: Program) -> Range:
    """Return the range of the hardware integers."""
    formats = program.input_formats
    return Range(tuple(f.low for f in formats), tuple(f.high for f in formats), 0)


def ranges(program: Program) -> dict[str, Range]:
    """Return the exact range behind every operation, by its name, in order of execution.

    That of a trigger's score follows, as one element named "score".
    """
    current = input_range(program)
    found: dict[str, Range] = {}
    for op in program.operations:
        current = _after(op, current, found)
        found[op.name] = current
    if program.trigger is not None:
        reference = program.trigger.score.reference
        against = None if reference is None else found[reference]
        found[SCORE] = _score(program.trigger.score, difference_range(current, against))
    return found


def difference_range(output: Range, reference: Range | None) -> Range:
    """Return the range of output - reference at the finer of their exponents."""
    if reference is None:
        return output
    finest = min(output.exponent, reference.exponent)
    out, ref = output.exponent - finest, reference.exponent - finest
    low = [(a << out) - (b << ref) for a, b in zip(output.low, reference.high, strict=True)]
    high = [(a << out) - (b << ref) for a, b in zip(output.high, reference.low, strict=True)]
    return Range(tuple(low), tuple(high), finest)


def _score(op: Score, difference: Range) -> Range:
    pairs = list(zip(difference.low, difference.high, strict=True))
    least = [0 if low <= 0 <= high else min(abs(low), abs(high)) for low, high in pairs]
    most = [max(abs(low), abs(high)) for low, high in pairs]
    if op.kind == "absolute":
        return Range((sum(least),), (sum(most),), difference.exponent)
    squares = [sum(value**2 for value in values) for values in (least, most)]
    return Range((squares[0],), (squares[1],), 2 * difference.exponent)


def check_int64(program: Program) -> None:
    """Raise UserError if an intermediate value does not fit the reference's 64-bit integers."""
    exponent, bits, found = 0, input_range(program).bits, ranges(program)
    if SCORE in found and found[SCORE].bits > MAX_BITS:
        raise UserError(
            f"the score needs {found[SCORE].bits} bits, more than the {MAX_BITS} that exact "
            "evaluation holds; use fewer bits, or the absolute difference"
        )
    for op in program.operations:
        after = found[op.name]
        # a quantizer finer than its input shifts left before it saturates
        finer = max(0, exponent - after.exponent) if isinstance(op, Quantize) else 0
        needed = max(after.bits, bits + finer)
        if needed > MAX_BITS:
            raise UserError(
                f"'{op.name}' needs {needed} bits, more than the {MAX_BITS} that exact evaluation "
                "holds; use fewer bits or a smaller spread of input shifts"
            )
        exponent, bits = after.exponent, after.bits
