"""Refuse what cannot be unrolled, before alkaid spends hours on it."""

from __future__ import annotations

import numpy as np

from aetrig.errors import UserError
from aetrig.parts import Part
from aetrig.program.model import Affine, Program

# LUTs of one product with a weight in canonical signed digits, added up: half an adder of about
# ten bits for each of its digits beyond what is shared. A first guess, only to refuse by.
LUT_PER_DIGIT = 3.0
LARGEST = 2_000_000  # digits that alkaid's search takes minutes for, on any part


def digits(program: Program) -> int:
    """Return the non-zero digits (-1 or 1) of all weights: the terms that are to be added."""
    return sum(_digits(op.weight) for op in program.operations if isinstance(op, Affine))


def _digits(weight: np.ndarray) -> int:
    # Reitwiesner's recoding: w and 3w differ in just the places of its digits
    magnitude = np.abs(weight.astype(np.int64))
    return int(sum(int(value).bit_count() for value in (magnitude ^ (3 * magnitude)).ravel()))


def refuse_too_large(program: Program, part: Part) -> None:
    """Raise UserError where the network, unrolled, is far beyond the part."""
    terms = digits(program)
    guess = LUT_PER_DIGIT * terms
    limit = min(part.lut or LARGEST, LARGEST)
    if guess <= limit:
        return
    products = sum(
        int(np.count_nonzero(op.weight)) for op in program.operations if isinstance(op, Affine)
    )
    raise UserError(
        f"the network is too large to unroll: {products:,} products with {terms:,} signed digits "
        f"take about {guess:,.0f} LUTs (a guess), {part.name} has {part.lut or 'unknown'}; share "
        "multipliers instead: aetrig hls --strategy resource --reuse-factor N, or prune"
    )
