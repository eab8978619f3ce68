"""The reference: what a Program computes, in exact integers. Read it and believe it."""

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

BLOCK = 2048  # events that stay in the processor's cache


def shift_right_floor(q: Integers, shift: int) -> Integers:
    """Return floor(q / 2**shift); a negative shift multiplies."""
    return q >> shift if shift >= 0 else q << -shift


def shift_right_round(q: Integers, shift: int) -> Integers:
    """Return q / 2**shift rounded to nearest, ties to even; a negative shift multiplies.

    ``q``: of at most 62 bits, as everything that `check_int64` lets pass.
    """
    if shift <= 0:
        return q << -shift
    shift = min(shift, 63)  # from there on all of them round to zero
    # just below a half carries what lies above a half; the lowest bit of an odd floor carries a tie
    up = (q >> shift) & 1
    up += q
    up += (1 << (shift - 1)) - 1
    up >>= shift
    return up


def product(q: Integers, weight: Integers) -> Integers:
    """Return q @ weight, exactly, for integers (events, inputs) and (inputs, outputs).

    Floating point of 24 or 53 bits holds every integer up to 2**24 or 2**53. Where the sum of all
    terms' magnitudes stays below, so does every partial sum, in whatever order: nothing is rounded,
    and the library that multiplies floating-point matrices is many times faster than integers.
    """
    largest = float(np.abs(q).max(initial=0))
    magnitudes = np.abs(weight).astype(np.float64).sum(axis=0).max(initial=0.0)
    for kind, bits in ((np.float32, 24), (np.float64, 53)):
        # half of what is held, since the bound itself is rounded
        if largest * magnitudes < 2.0 ** (bits - 1):
            return np.asarray((q.astype(kind) @ weight.astype(kind)).astype(np.int64))
    return q @ weight


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
            return product(q, op.weight) + op.bias, exponent + op.weight_format.exponent
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
    return _traced(program, _checked(program, x))


def results(program: Program, x: npt.NDArray[Any]) -> dict[str, Integers]:
    """Return the output's integers by its quantizer's name, "score" and "accept", as `trace` does.

    What lies between is forgotten block by block, so that many events fit into memory.
    """
    q = _checked(program, x)
    names = {program.operations[-1].name, SCORE, ACCEPT}
    blocks = []
    for start in range(0, max(1, len(q)), BLOCK):
        values = _traced(program, q[start : start + BLOCK])
        blocks.append({name: values[name] for name in values if name in names})
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _traced(program: Program, q: Integers) -> dict[str, Integers]:
    exponent = 0
    steps: dict[str, tuple[Integers, int]] = {}
    for op in program.operations:
        q, exponent = steps[op.name] = apply(op, q, exponent, steps)
    values = {name: integers for name, (integers, _) in steps.items()}
    if program.trigger is not None:
        values[SCORE] = score(program.trigger.score, q, exponent, program, values)
        values[ACCEPT] = accept(program, values[SCORE])
    return values


def _checked(program: Program, x: npt.NDArray[Any]) -> Integers:
    check_int64(program)
    q = np.asarray(x, dtype=np.int64)
    check_input(program, q)
    return q


def check_input(program: Program, q: npt.NDArray[Any], name: str = "input") -> None:
    """Raise UserError, which begins with ``name``, where events are not for a Program's inputs."""
    if q.ndim != 2 or q.shape[1] != program.features:
        raise UserError(f"{name} has shape {q.shape}, expected (events, {program.features})")
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    outside = np.argwhere((q < low) | (q > high))
    if outside.size:
        event, feature = (int(index) for index in outside[0])
        raise UserError(
            f"{name}: feature {feature} of event {event} is {q[event, feature]}, outside its "
            f"{program.input_formats[feature].bits}-bit input ({low[feature]} to {high[feature]})"
        )


def evaluate(program: Program, x: npt.NDArray[Any]) -> Integers:
    """Return the output's integers, shape (events, outputs), at ``output_format.exponent``."""
    return results(program, x)[program.operations[-1].name]
