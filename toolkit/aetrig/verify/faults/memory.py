"""What a network stores, and one flipped bit of it.

Stored are the weights (two's complement of their format), the biases (of the fewest bits that hold
all of a layer), the entries of tables and the thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from aetrig.program.model import (
    ACCEPT,
    SCORE,
    Affine,
    Integers,
    Operation,
    Program,
    Quantize,
    Table,
)
from aetrig.program.ranges import bits_for, ranges

Kind = Literal["weight", "bias", "table", "threshold"]


@dataclass(frozen=True)
class Memory:
    """Integers that are stored together. ``name``: of the operation; for thresholds "accept".

    ``values``: int64; of weights (inputs, outputs), of others (elements,). ``bits``: of each.
    ``low``: of a table, the integer that its first entry is for.
    """

    kind: Kind
    name: str
    values: Integers
    bits: int
    signed: bool
    low: int = 0


@dataclass(frozen=True)
class Fault:
    """A flipped bit: ``change`` is the new integer minus the old; ``bit`` 0 is the lowest."""

    memory: Memory
    index: tuple[int, ...]
    bit: int
    change: int


def memories(program: Program) -> tuple[Memory, ...]:
    """Return everything that a network and its trigger store."""
    return tuple(_memories(program))


def _memories(program: Program) -> Iterator[Memory]:
    for op, following in zip(program.operations, program.operations[1:], strict=False):
        if isinstance(op, Affine):
            form = op.weight_format
            yield Memory("weight", op.name, op.weight, form.bits, form.signed)
            low, high = int(op.bias.min()), int(op.bias.max())
            yield Memory("bias", op.name, op.bias, bits_for(low, high), low < 0)
        if isinstance(op, Table) and isinstance(following, Quantize):
            # any flip stays within the format behind, which therefore changes nothing
            form = following.format
            yield Memory("table", op.name, op.values, form.bits, form.signed, op.low)
    if program.trigger is not None and program.trigger.points:
        values = np.array([p.threshold for p in program.trigger.points], dtype=np.int64)
        bits = max(ranges(program)[SCORE].bits, bits_for(int(values.min()), int(values.max())))
        yield Memory("threshold", ACCEPT, values, bits, bool(values.min() < 0))


def apart(stored: tuple[Memory, ...]) -> tuple[tuple[Memory, ...], tuple[Memory, ...]]:
    """Return the tables, and the others."""
    tables = tuple(memory for memory in stored if memory.kind == "table")
    return tables, tuple(memory for memory in stored if memory.kind != "table")


def count(memory: Memory) -> int:
    """Return how many bits a memory holds."""
    return memory.values.size * memory.bits


def fault(memory: Memory, number: int) -> Fault:
    """Return the fault of bit ``number`` of a memory, counted from the first integer's lowest."""
    element, bit = divmod(number, memory.bits)
    index = tuple(int(i) for i in np.unravel_index(element, memory.values.shape))
    value = int(memory.values[index])
    is_set = value >> bit & 1
    size = 1 << bit
    if memory.signed and bit == memory.bits - 1:
        size = -size
    return Fault(memory, index, bit, -size if is_set else size)


def draw(found: tuple[Memory, ...], number: int | None, seed: int) -> list[Fault]:
    """Return ``number`` faults drawn without replacement, in random order; None: all."""
    sizes = np.array([count(memory) for memory in found])
    total = int(sizes.sum())
    order = np.random.default_rng(seed).permutation(total)[:number]
    owner = np.searchsorted(np.cumsum(sizes), order, side="right")
    starts = np.cumsum(sizes) - sizes
    pairs = zip(owner.tolist(), (order - starts[owner]).tolist(), strict=True)
    return [fault(found[i], local) for i, local in pairs]


def faulty(program: Program, one: Fault) -> Program:
    """Return the program with a fault: what a simulation of it is exact against."""
    memory = one.memory
    values = memory.values.copy()
    values[one.index] += one.change
    if program.trigger is not None and memory.kind == "threshold":
        old = program.trigger.points
        points = tuple(
            replace(p, threshold=int(v)) for p, v in zip(old, values.tolist(), strict=True)
        )
        return replace(program, trigger=replace(program.trigger, points=points))

    def changed(op: Operation) -> Operation:
        match op:
            case Affine() if memory.kind == "weight":
                return replace(op, weight=values)
            case Affine():
                return replace(op, bias=values)
            case Table():
                return replace(op, values=values)
        return op

    operations = (changed(op) if op.name == memory.name else op for op in program.operations)
    return replace(program, operations=tuple(operations))
