"""Programs that force each arithmetic of the emulator, at the limits of what it can hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aetrig.program.model import (
    Affine,
    Format,
    Program,
    Quantize,
    Relu,
    Rescale,
    Score,
    Table,
    Trigger,
    WorkingPoint,
)

SQUARE, ABSOLUTE = Score("square", None), Score("absolute", None)


def program(
    inputs: Format,
    first: Format,
    weights: Format,
    last: Format,
    *,
    width: int = 20,
    outputs: int = 19,
    rounding: str = "ROUND",
    extreme: bool = True,
    relu: bool = False,
    shifts: tuple[int, ...] = (0,),
    score: Score | None = None,
    depth: int = 1,
) -> Program:
    """Layers of equal formats; ``extreme`` weights are all at a limit of their format."""
    rng = np.random.default_rng(7)
    shift = np.resize(np.array(shifts), width)
    operations: list = [
        Rescale("scale", np.resize([0, 3, inputs.low], width), shift),
        Quantize("first", first, rounding),
    ]
    columns = width
    for index in range(depth):
        shape = (columns, outputs)
        weight = rng.integers(weights.low, weights.high + 1, shape)
        if extreme:
            weight = np.where(rng.random(shape) < 0.5, weights.low, weights.high)
            weight[:, 0], weight[:, -1] = weights.low, weights.high
        bias = rng.integers(-(1 << 10), 1 << 10, outputs)
        operations.append(Affine(f"dense{index}", weight, weights, bias))
        if relu:
            operations.append(Relu(f"relu{index}"))
        operations.append(Quantize(f"quant{index}", last, rounding))
        columns = outputs
    points = (WorkingPoint("zero", 0), WorkingPoint("some", 12345))
    trigger = None if score is None else Trigger(score, points, "1" * 64)
    return Program((inputs,) * width, tuple(operations), "2" * 64, trigger)


def looked_up(before: Format, seed: int = 3) -> Program:
    """A layer whose results, at ``before``, are places in a table of random entries."""
    made = program(u(8), u(8), s(3), before, score=ABSOLUTE, extreme=False)
    behind = s(8, -4)
    entries = np.random.default_rng(seed).integers(behind.low, behind.high + 1, 1 << before.bits)
    size = before.high - before.low + 1
    table = Table("table", before.low, entries[:size], behind.exponent)
    return replace(made, operations=(*made.operations, table, Quantize("last", behind, "ROUND")))


def s(bits: int, exponent: int = 0) -> Format:
    return Format(bits, True, exponent)


def u(bits: int, exponent: int = 0) -> Format:
    return Format(bits, False, exponent)


# name: (program, what its lowering must have chosen, as in tests/emulator/test_lower.py)
CORNERS = {
    "bytes whose products saturate 16 bits": program(u(8), u(8), s(8), s(8, 6), score=SQUARE),
    "bytes that fit in pairs": program(u(8), u(8), s(6), s(8, 6), score=ABSOLUTE),
    "signed bytes by signed bytes": program(s(8), s(8), s(8), s(8, 7), relu=True, depth=3),
    "one bit": program(u(1), u(1), s(1), s(1, 1), depth=2),
    "signed words": program(s(16), s(16), s(12), s(16, 12), score=SQUARE),
    "unsigned words": program(u(16), u(16), s(11), u(16, 10), depth=2, relu=True),
    "sums beyond 32 bits": program(s(16), s(16), s(16), s(16, 16), width=64, depth=2, score=SQUARE),
    "sums of 31 bits": program(u(15), u(15), s(12), s(16, 15), width=32, extreme=True),
    "inputs beyond 32 bits": program(s(16), s(16, 2), s(4), s(8, 8), shifts=(-20, 0, 14)),
    "inputs beyond 16 bits": program(u(12), s(8, -4), s(6), s(8, 2), shifts=(9, 4, 0, 7), width=57),
    "finer than the sums": program(u(4), u(4), s(3), s(16, -6), width=5, outputs=3, score=SQUARE),
    "far finer than the sums": program(u(2), u(2), s(2), s(8, -20), width=5, outputs=3),
    "far coarser than the sums": program(u(8), u(8), s(8), s(8, 29)),
    "floor": program(s(10), s(9, 1), s(7), s(7, 5), rounding="FLOOR", depth=2, score=ABSOLUTE),
    "floor of bytes": program(u(8), u(8, 1), s(7), u(8, 5), rounding="FLOOR", relu=True, depth=3),
    "reference of another exponent": program(
        u(8), s(8, 1), s(6), s(7, 4), outputs=20, score=Score("square", "first")
    ),
    "reference inside": program(
        s(8), s(8), s(5), s(8, 4), outputs=20, depth=3, score=Score("absolute", "quant0")
    ),
    "score beyond 32 bits": program(
        s(16), s(16), s(3), s(16, 1), outputs=20, score=Score("square", "first")
    ),
    "bytes in three sums of 16 bits": program(
        u(8), u(8), s(8), u(8, 7), width=90, outputs=5, extreme=False, relu=True, score=ABSOLUTE
    ),
    "bytes in two sums of 16 bits": program(
        u(8), u(8), s(6), u(8, 6), width=36, outputs=7, extreme=False, relu=True, depth=2
    ),
    "one input, one output": program(s(5), s(5), s(5), s(5, 3), width=1, outputs=1, score=SQUARE),
    # a tie's even neighbour is stored as an odd place where the table begins at an odd integer
    "table from an odd integer": looked_up(Format(4, True, 4, narrow=True)),
    "table of one bit": looked_up(s(1, 4)),
    "wide layers": program(u(8), u(7), s(4), u(7, 4), width=130, outputs=97, depth=2, relu=True),
}
