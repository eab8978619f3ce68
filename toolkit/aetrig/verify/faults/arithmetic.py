"""Operations on floats that hold integers exactly, and what they need of the program."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError
from aetrig.program.model import SCORE, Add, Affine, Integers, Program, Quantize, Score
from aetrig.program.ranges import ranges

Floats = npt.NDArray[np.floating[Any]]
SINGLE, DOUBLE = 24, 53  # bits of integers that the two kinds of floats hold exactly


def sources(program: Program) -> set[str]:
    """Return the names whose values are used again later: by a sum, by the score."""
    names = {op.source for op in program.operations if isinstance(op, Add)}
    if program.trigger is not None and program.trigger.score.reference is not None:
        names.add(program.trigger.score.reference)
    return names


def quantize(op: Quantize, q: Any, exponent: int) -> Any:
    """Round and saturate; scaling by a power of two is exact, and rint takes ties to even."""
    scaled = q * q.dtype.type(2.0 ** (exponent - op.format.exponent)) if q.dtype.kind == "f" else (
        np.ldexp(q.astype(np.float64), exponent - op.format.exponent)
    )  # fmt: skip
    rounded = np.rint(scaled) if op.rounding == "ROUND" else np.floor(scaled)
    return np.clip(rounded, op.format.low, op.format.high)


def score(op: Score, program: Program, output: Floats, reference: Floats | None) -> Integers:
    """Return the score of outputs, (rows, outputs), against the reference's values: (rows, 1)."""
    exponent = program.output_format.exponent
    difference = output.astype(np.float64)
    if reference is not None and op.reference is not None:
        other = program.quantizer(op.reference).format.exponent
        finest = min(exponent, other)
        difference = difference * 2.0 ** (exponent - finest)
        difference -= reference.astype(np.float64) * 2.0 ** (other - finest)
    terms = difference * difference if op.kind == "square" else np.abs(difference)
    return np.asarray(terms.sum(axis=1, keepdims=True)).astype(np.int64)


def exponents(program: Program) -> list[int]:
    """Return the exponent before each operation, and behind the last."""
    found = ranges(program)
    return [0, *(found[op.name].exponent for op in program.operations)]


def floats(program: Program) -> Any:
    """Return the kind of float that holds every integer exactly, those with a fault too."""
    found = ranges(program)
    needed, before = 0, found[program.operations[0].name]
    for op in program.operations[1:]:
        after = found[op.name]
        bits = after.bits
        if isinstance(op, Affine):
            # a flipped bit moves a sum by at most the input times the weight's highest bit
            bits = max(bits, before.bits + op.weight_format.bits) + 1
        if isinstance(op, Quantize):
            bits += max(0, before.exponent - op.format.exponent)
        needed, before = max(needed, bits), after
    score = found[SCORE].bits if SCORE in found else 0
    if max(needed, score) > DOUBLE:
        raise UserError(
            f"intermediate values of {max(needed, score)} bits: faults are tried up to {DOUBLE}"
        )
    return np.float32 if needed <= SINGLE else np.float64
