"""The reference: what a Program computes, in exact 64-bit integers. Read it and believe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError
from aetrig.program.model import (
    ACCEPT,
    SCORE,
    Add,
    Affine,
    Integers,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Score,
    Table,
)
from aetrig.program.ranges import check_int64


def shift_right_floor(q: Integers, shift: int) -> Integers:
    """Return floor(q / 2**shift); a negative shift multiplies."""
    return q >> shift if shift >= 0 else q << -shift


def shift_right_round(q: Integers, shift: int) -> Integers:
    """Return q / 2**shift rounded to nearest, ties to even; a negative shift multiplies."""
    if shift <= 0:
        return q << -shift
    floor = q >> shift
    rest = q - (floor << shift)
    half = 1 << (shift - 1)
    up = (rest > half) | ((rest == half) & (floor & 1 == 1))
    result: Integers = floor + up
    return result


def apply(
    op: Operation, q: Integers, exponent: int, values: Mapping[str, tuple[Integers, int]]
) -> tuple[Integers, int]:
    """Apply one operation to integers of shape (events, width) at ``exponent``.

    ``values``: integers and exponent behind each earlier operation, by name.
    """
    match op:
        case Add():
            other, other_exponent = values[op.source]
            finest = min(exponent, other_exponent)
            return (q << (exponent - finest)) + (other << (other_exponent - finest)), finest
        case Rescale():
            finest = int(op.shift.max())
            return (q - op.offset) << (finest - op.shift), exponent - finest
        case Affine():
            return q @ op.weight + op.bias, exponent + op.weight_format.exponent
        case Relu():
            return np.maximum(q, 0), exponent
        case Table():
            return op.values[q - op.low], op.exponent
        case Quantize():
            shift = op.format.exponent - exponent
            round_off = shift_right_round if op.rounding == "ROUND" else shift_right_floor
            rounded = round_off(q, shift)
            return np.clip(rounded, op.format.low, op.format.high), op.format.exponent
        case _:
            assert_never(op)


def score(
    op: Score,
    output: Integers,
    output_exponent: int,
    program: Program,
    values: Mapping[str, Integers],
) -> Integers:
    """Return the score of each event, shape (events, 1), at ``program.score_exponent``."""
    difference = output
    if op.reference is not None:
        reference, exponent = values[op.reference], program.quantizer(op.reference).format.exponent
        finest = min(exponent, output_exponent)
        difference = (output << (output_exponent - finest)) - (reference << (exponent - finest))
    terms = difference * difference if op.kind == "square" else abs(difference)
    return np.asarray(terms.sum(axis=1, keepdims=True), dtype=np.int64)


def accept(program: Program, scores: Integers) -> Integers:
    """Return 1 where the score is above a working point's threshold, shape (events, points)."""
    points = program.trigger.points if program.trigger is not None else ()
    thresholds = np.array([point.threshold for point in points], dtype=np.int64)
    return (scores > thresholds).astype(np.int64)


def trace(program: Program, x: npt.NDArray[Any]) -> dict[str, Integers]:
    """Return the integers behind every operation, by its name, in order of execution.

    A trigger's results follow as "score", shape (events, 1), and "accept", (events, points).
    ``x``: integers in hardware units, shape (events, features). Raises UserError where one lies
    outside its feature's format: the ranges, and so exactness, hold only within.
    """
    check_int64(program)
    q, exponent = np.asarray(x, dtype=np.int64), 0
    _check_input(program, q)
    steps: dict[str, tuple[Integers, int]] = {}
    for op in program.operations:
        q, exponent = steps[op.name] = apply(op, q, exponent, steps)
    values = {name: integers for name, (integers, _) in steps.items()}
    if program.trigger is not None:
        values[SCORE] = score(program.trigger.score, q, exponent, program, values)
        values[ACCEPT] = accept(program, values[SCORE])
    return values


def _check_input(program: Program, q: Integers) -> None:
    if q.ndim != 2 or q.shape[1] != program.features:
        raise UserError(f"input has shape {q.shape}, expected (events, {program.features})")
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    outside = np.argwhere((q < low) | (q > high))
    if outside.size:
        event, feature = (int(index) for index in outside[0])
        raise UserError(
            f"feature {feature} of event {event} is {q[event, feature]}, outside its "
            f"{program.input_formats[feature].bits}-bit input ({low[feature]} to {high[feature]})"
        )


def evaluate(program: Program, x: npt.NDArray[Any]) -> Integers:
    """Return the output's integers, shape (events, outputs), at ``output_format.exponent``."""
    return trace(program, x)[program.operations[-1].name]
