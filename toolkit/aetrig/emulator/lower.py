"""A Program as rows of stored integers: which arithmetic holds each step, proven from its ranges.

A layer's accumulator is u = sum(stored * weight) + bias, where the bias has taken up the zeros of
its input, the half of the last bit and the zero of its result. Sums wrap modulo 2**32 (or 2**64),
so only u itself must fit, not what is met on the way to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aetrig.emulator.arithmetic import (
    Kind,
    Rounding,
    Store,
    Type,
    fits,
    holds,
    narrows,
    rounding,
    store,
    taken_by,
)
from aetrig.emulator.scaling import Input, lower_input
from aetrig.emulator.score import Score, lower_score
from aetrig.errors import UserError
from aetrig.program.model import (
    Add,
    Affine,
    Integers,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Table,
)
from aetrig.program.ranges import Range, check_int64, ranges

GROUP: dict[Kind, int] = {"dot8": 4, "dot16": 2, "wide": 1}


@dataclass(frozen=True)
class Layer:
    """Affine, perhaps Relu, Quantize.

    ``kind``: dot8 takes four unsigned bytes at once by signed bytes, dot16 two 16-bit words, both
    into 32 bits; wide one 32-bit number into 64 bits. ``pairs``: two neighbouring products of
    bytes always fit 16 bits together, as vpmaddubsw needs. ``run``: as many groups of four may be
    summed in 16 bits. ``narrow``: u may saturate to 16 bits.
    ``weight``: shape (inputs, outputs). ``bias``: one Python integer an output.
    """

    name: str
    kind: Kind
    weight: Integers
    bias: tuple[int, ...]
    pairs: bool
    run: int
    narrow: bool
    rounding: Rounding
    store: Store

    @property
    def width(self) -> int:
        """Number of outputs."""
        return len(self.bias)


@dataclass(frozen=True)
class Lookup:
    """An activation's table: stored = entries[stored before it], one an element."""

    name: str
    width: int
    entries: tuple[int, ...]
    store: Store

    @property
    def kind(self) -> str:
        """What the step is done by."""
        return "table"


@dataclass(frozen=True)
class Sum:
    """A residual connection: u = (stored << left) + (an earlier stored << other_left) + addend.

    ``other``: 0 for the input's row, i for that behind step i.
    """

    name: str
    width: int
    word: Literal["s32", "s64"]
    other: int
    left: int
    other_left: int
    addend: int
    rounding: Rounding
    store: Store

    @property
    def kind(self) -> str:
        """What the step is done by."""
        return "sum"


Step = Layer | Lookup | Sum


@dataclass(frozen=True)
class Network:
    """What the generated C++ holds. ``score``: None without a trigger."""

    input: Input
    layers: tuple[Step, ...]
    score: Score | None
    thresholds: tuple[int, ...]


@dataclass(frozen=True)
class _Step:
    """A layer of the Program, with the quantizer before it.

    ``quantize``: of the accumulator. ``table``: the activation behind that, with its own quantizer,
    which changes nothing. ``residual``: a sum behind that, with its quantizer.
    """

    before: Quantize
    before_relu: bool
    affine: Affine
    relu: bool
    quantize: Quantize
    table: tuple[Table, Quantize] | None
    residual: tuple[Add, Quantize] | None

    @property
    def branch(self) -> Quantize:
        """The last quantizer before a sum."""
        return self.quantize if self.table is None else self.table[1]

    @property
    def last(self) -> Quantize:
        """The quantizer of the whole step."""
        return self.branch if self.residual is None else self.residual[1]

    @property
    def last_relu(self) -> bool:
        """Whether the last quantizer's result is that of a ReLU."""
        return self.relu and self.last is self.quantize

    @property
    def index(self) -> Store | None:
        """How the places in the table are held; None without one."""
        if self.table is None:
            return None
        count = len(self.table[0].values)
        kind: Type = "u8" if count <= 1 << 8 else "s16"
        return Store(kind, -self.table[0].low, 0, count - 1)


def lower(program: Program) -> Network:
    """Choose the arithmetic of every step.

    Raises UserError where the program is no chain of input scaling and layers, or needs more than
    64-bit integers.
    """
    check_int64(program)
    bounds = ranges(program)
    scale, quantize, steps = _steps(program)
    kinds = [_kind(step, bounds) for step in steps]
    held = {quantize.name: store(quantize, relu=False, taker=kinds[0])}
    for step, taker in zip(steps, [*kinds[1:], None], strict=True):
        held |= _stores(step, taker)
    trigger = program.trigger
    return Network(
        lower_input(program.input_formats, scale, quantize, held[quantize.name]),
        tuple(
            layer for item in zip(steps, kinds, strict=True) for layer in _made(*item, held, bounds)
        ),
        None if trigger is None else lower_score(program, held, list(held)),
        () if trigger is None else tuple(point.threshold for point in trigger.points),
    )


def _stores(step: _Step, taker: Kind | None) -> dict[str, Store]:
    """Return how a step's results are held, by the quantizer, in order."""
    found = {}
    if step.index is not None:
        found[step.quantize.name] = step.index
    if step.residual is not None:
        relu = step.relu and step.table is None
        found[step.branch.name] = store(step.branch, relu=relu, taker=None)
    return found | {step.last.name: store(step.last, relu=step.last_relu, taker=taker)}


def _made(
    step: _Step, kind: Kind, held: dict[str, Store], bounds: dict[str, Range]
) -> Iterator[Step]:
    layer = _layer(step, kind, held, bounds)
    yield layer
    if step.table is not None:
        table, behind = step.table
        result = held[behind.name]
        entries = tuple(int(value) + result.zero for value in table.values)
        yield Lookup(table.name, len(layer.bias), entries, result)
    if step.residual is not None:
        yield _sum(*step.residual, step.branch, layer.width, held, bounds)


def _sum(
    add: Add, quantize: Quantize, branch: Quantize, width: int, held: dict[str, Store],
    bounds: dict[str, Range],
) -> Sum:  # fmt: skip
    total, source = bounds[add.name], bounds[add.source]
    left = bounds[branch.name].exponent - total.exponent
    other_left = source.exponent - total.exponent
    zero = (held[branch.name].zero << left) + (held[add.source].zero << other_left)
    low, high = min(0, *total.low), max(0, *total.high)
    result = held[quantize.name]
    word: Literal["s32", "s64"] = "s32"
    how = rounding(quantize, total.exponent, low, high, result, word)
    if max(left, other_left) + 17 > 31 or not holds(how, low, high, word):
        word = "s64"
        how = rounding(quantize, total.exponent, low, high, result, word)
    addend = how.half + how.folded - zero
    other = list(held).index(add.source)
    return Sum(add.name, width, word, other, left, other_left, addend, how, result)


def _steps(program: Program) -> tuple[Rescale, Quantize, list[_Step]]:
    match program.operations:
        case (Rescale() as scale, Quantize() as quantize, *rest) if rest:
            return scale, quantize, _chain(quantize, rest, program)
        case _:
            raise _refused(program)


def _chain(quantize: Quantize, rest: list[Operation], program: Program) -> list[_Step]:
    steps, before, before_relu = [], quantize, False
    while rest:
        match rest:
            case [Affine() as affine, Relu(), Quantize() as after, *rest]:
                relu = True
            case [Affine() as affine, Quantize() as after, *rest]:
                relu = False
            case _:
                raise _refused(program)
        table = None
        match rest:
            case [Table() as entries, Quantize() as behind, *rest]:
                table = (entries, behind)
        residual = None
        match rest:
            case [Add() as add, Quantize() as behind, *rest]:
                residual = (add, behind)
        steps.append(_Step(before, before_relu, affine, relu, after, table, residual))
        before, before_relu = steps[-1].last, steps[-1].last_relu
    return steps


def _refused(program: Program) -> UserError:
    found = ", ".join(type(op).__name__ for op in program.operations)
    return UserError(
        "the emulator takes Rescale and Quantize, then layers of Affine, Relu or none, Quantize, "
        f"and perhaps Table and Quantize, Add and Quantize; this network is {found}"
    )


def _accumulator(step: _Step, bounds: dict[str, Range]) -> tuple[int, int, int]:
    """Return the least and greatest accumulator, 0 (of padding) among them, and the exponent."""
    found = bounds[step.affine.name]
    return min(0, *found.low, 0), max(0, *found.high, 0), found.exponent


def _kind(step: _Step, bounds: dict[str, Range]) -> Kind:
    low, high, exponent = _accumulator(step, bounds)
    form, weight = step.before.format, step.affine.weight
    input_low = max(form.low, 0) if step.before_relu else form.low
    # the zero of the result may stay outside the accumulator, so it says nothing here
    result = step.index or store(step.quantize, relu=step.relu, taker="wide")
    how = rounding(step.quantize, exponent, low, high, result, "s32")
    weights = int(weight.min(initial=0)), int(weight.max(initial=0))
    if not fits(*weights, "s32"):
        raise UserError(
            f"'{step.affine.name}' has weights from {weights[0]} to {weights[1]}, beyond the "
            "emulator's 32-bit integers"
        )
    for kind in taken_by(input_low, form.high):
        element = {"dot8": "s8", "dot16": "s16", "wide": "s32"}[kind]
        if fits(*weights, element) and (kind == "wide" or holds(how, low, high, "s32")):
            return kind
    raise AssertionError("wide takes everything")


def _layer(step: _Step, kind: Kind, held: dict[str, Store], bounds: dict[str, Range]) -> Layer:
    low, high, exponent = _accumulator(step, bounds)
    result, before = held[step.quantize.name], held[step.before.name]
    word = "s64" if kind == "wide" else "s32"
    how = rounding(step.quantize, exponent, low, high, result, word)
    weight = step.affine.weight
    bias = step.affine.bias - before.zero * weight.sum(axis=0)
    return Layer(
        step.affine.name,
        kind,
        weight,
        tuple(int(value) + how.half + how.folded for value in bias),
        kind == "dot8" and _run(weight, before.high, 1),
        _longest_run(weight, before.high) if kind == "dot8" else 1,
        kind != "wide" and narrows(how, low, high, result),
        how,
        result,
    )


def _longest_run(weight: Integers, most: int) -> int:
    """Return how many groups of four inputs may be summed in 16 bits before they are widened."""
    groups = -(-len(weight) // GROUP["dot8"])
    return next((run for run in range(groups, 1, -1) if _run(weight, most, run)), 1)


def _run(weight: Integers, most: int, groups: int) -> bool:
    """Say whether both halves of so many groups, each half two inputs a group, fit 16 bits."""
    step = GROUP["dot8"] * groups
    rows = -(-len(weight) // step) * step
    padded = np.zeros((rows, weight.shape[1]), dtype=np.int64)
    padded[: len(weight)] = weight
    halves = padded.reshape(-1, groups, 2, 2, weight.shape[1])
    least = most * halves.clip(max=0).sum(axis=(1, 3)).min()
    greatest = most * halves.clip(min=0).sum(axis=(1, 3)).max()
    return fits(int(least), int(greatest), "s16")
