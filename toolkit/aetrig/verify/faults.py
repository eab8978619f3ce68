"""One flipped bit in what a network stores, and what it does to the events: exactly and fast.

Stored are the weights (two's complement of their format), the biases (of the fewest bits that hold
all of a layer), the entries of tables and the thresholds. A flip changes one column of one layer:
that column alone is computed again, and what lies behind it only for the events that it changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError
from aetrig.program.evaluate import accept, trace
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
from aetrig.program.ranges import bits_for, ranges

Kind = Literal["weight", "bias", "table", "threshold"]
Floats = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.int64]
SINGLE, DOUBLE = 24, 53  # bits of integers that the two kinds of floats hold exactly


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


@dataclass(frozen=True)
class Changed:
    """Events that a fault changes: ``rows`` int64, in order, and which results differ there.

    ``output``, ``score``: bool, shape (rows,); ``accept``: int64, shape (rows, points), the accept
    bits with the fault; ``decision``: bool, whether one of them differs.
    """

    rows: Rows
    output: npt.NDArray[np.bool_]
    score: npt.NDArray[np.bool_]
    accept: Integers
    decision: npt.NDArray[np.bool_]

    @property
    def seen(self) -> Rows:
        """Rows where the output, the score or an accept bit differs."""
        return self.rows[self.output | self.score | self.decision]


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
    """Return the program with a fault: what `Simulation` is exact against."""
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


def silent(program: Program) -> Proof:
    """Return what proves from exact ranges that a fault changes nothing; call it with a fault."""
    return Proof(program)


class Proof:
    """Which faults change no event at all, told by exact ranges and by weights that are zero."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._ranges = ranges(program)
        self._place = {op.name: i for i, op in enumerate(program.operations)}

    def __call__(self, one: Fault) -> bool:
        """Return whether a fault is proven to change nothing; False proves nothing."""
        match one.memory.kind:
            case "weight":
                return self._weight(one)
            case "bias":
                return self._column(one, 1, 1)
            case "table":
                return self._table(one)
            case _:
                return self._threshold(one)

    def _weight(self, one: Fault) -> bool:
        place = self._place[one.memory.name]
        before = self._ranges[self._program.operations[place - 1].name]
        return self._column(one, before.low[one.index[0]], before.high[one.index[0]])

    def _column(self, one: Fault, low: int, high: int) -> bool:
        """Tell of a neuron whose sum moves by change * (low..high)."""
        if low == high == 0:
            return True
        program, column = self._program, one.index[-1]
        place = self._place[one.memory.name]
        after = self._ranges[one.memory.name]
        moved = (one.change * low, one.change * high)
        least = min(after.low[column], after.low[column] + min(moved))
        most = max(after.high[column], after.high[column] + max(moved))
        ends, exponent = np.array([[least], [most]], dtype=np.int64), after.exponent
        for op in program.operations[place + 1 :]:
            if isinstance(op, Affine):
                return not op.weight[column].any() and not self._kept(place, op)
            if isinstance(op, Relu):
                ends = np.maximum(ends, 0)
            elif isinstance(op, Quantize):
                ends = _quantize(op, ends, exponent).astype(np.int64)
                exponent = op.format.exponent
                if ends[0, 0] == ends[1, 0]:
                    return True
            elif isinstance(op, Table):
                first, last = (int(end) - op.low for end in ends[:, 0])
                reached = op.values[first : last + 1]
                if (reached == reached[0]).all():
                    return True
                ends = np.array([[reached.min()], [reached.max()]], dtype=np.int64)
                exponent = op.exponent
            else:
                return False
        return False

    def _kept(self, place: int, affine: Affine) -> bool:
        """Tell whether a value between two places is used again further on."""
        names = {op.name for op in self._program.operations[place : self._place[affine.name]]}
        return bool(names & _sources(self._program))

    def _table(self, one: Fault) -> bool:
        place = self._place[one.memory.name]
        before = self._ranges[self._program.operations[place - 1].name]
        entry = one.memory.low + one.index[0]
        pairs = zip(before.low, before.high, strict=True)
        return not any(low <= entry <= high for low, high in pairs)

    def _threshold(self, one: Fault) -> bool:
        old = int(one.memory.values[one.index])
        least, most = sorted((old, old + one.change))
        found = self._ranges[SCORE]
        # the decision differs for scores in least < score <= most
        return most < min(found.low) or least >= max(found.high)


def _sources(program: Program) -> set[str]:
    """Return the names whose values are used again later: by a sum, by the score."""
    names = {op.source for op in program.operations if isinstance(op, Add)}
    if program.trigger is not None and program.trigger.score.reference is not None:
        names.add(program.trigger.score.reference)
    return names


class Simulation:
    """Events through the program without a fault, kept, so that a fault costs what it changes.

    ``x``: hardware integers, shape (events, features). All values are kept as floats whose
    integers are exact: the ranges prove it, or UserError is raised. ``output``: whether the output
    is looked at; without, a fault shows in score and accept bits alone.
    """

    def __init__(self, program: Program, x: Integers, *, output: bool = True) -> None:
        self.program = program
        self._visible = output
        self.events = len(x)
        self._kind = _floats(program)
        found = trace(program, x)
        self._base = {name: values.astype(self._kind) for name, values in found.items()}
        self._output = self._base[program.operations[-1].name]
        self._score: Integers = found.get(SCORE, np.zeros((len(x), 0), np.int64))
        self.accept: Integers = found.get(ACCEPT, np.zeros((len(x), 0), np.int64))
        self._place = {op.name: i for i, op in enumerate(program.operations)}
        self._exponents = _exponents(program)
        self._sources = _sources(program)

    @cached_property
    def _weights(self) -> dict[str, tuple[Floats, Floats]]:
        return {
            op.name: (op.weight.astype(self._kind), op.bias.astype(self._kind))
            for op in self.program.operations
            if isinstance(op, Affine)
        }

    def run(self, one: Fault) -> Changed:
        """Return the events that a fault changes."""
        if one.memory.kind == "threshold":
            return self._threshold(one)
        if one.memory.kind == "table":
            rows, place, values = self._table(one)
        else:
            rows, place, values = self._column(one)
        if not rows.size:
            return self._changed(rows, self._output[rows], self._score[rows])
        return self._behind(rows, place, values)

    def wanted(self, one: Fault) -> Floats:
        """Return by how much events are wanted to excite a fault, a row an aim, (aims, events).

        A neuron's sum large and small, its input large, its change large; a table's index near the
        entry; a score near the threshold. The inputs to go on from have the largest values.
        """
        if one.memory.kind == "threshold":
            old = int(one.memory.values[one.index])
            ends = np.array([[old], [old + one.change + 1], [old + 1]])
            return np.asarray(-abs(self._score[:, 0] - ends).astype(np.float64))
        place = self._place[one.memory.name]
        before = self._before(place)
        if one.memory.kind == "table":
            return np.asarray(-abs(before - (one.memory.low + one.index[0])).min(axis=1))[None]
        total = self._base[one.memory.name][:, one.index[-1]]
        rows, end, values = self._column(one)
        moved = np.zeros_like(total)
        last = self.program.operations[end - 1].name
        moved[rows] = abs(values[last] - self._base[last][rows])[:, one.index[-1]]
        taken = abs(before[:, one.index[0]]) if len(one.index) == 2 else moved
        return np.stack((total, -total, taken, moved))

    def _before(self, place: int) -> Floats:
        return self._base[self.program.operations[place - 1].name]

    def _column(self, one: Fault) -> tuple[Rows, int, dict[str, Floats]]:
        """Compute a neuron again up to the next layer: rows that differ, where, values there."""
        place = self._place[one.memory.name]
        row, column = (one.index[0] if len(one.index) == 2 else None), one.index[-1]
        operations = self.program.operations
        moved: Any = one.change if row is None else one.change * self._before(place)[:, row]
        q = self._base[one.memory.name][:, column] + np.asarray(moved, dtype=self._kind)
        columns = {one.memory.name: q}
        end = place + 1
        while end < len(operations) and not isinstance(operations[end], Affine):
            op = operations[end]
            others = {
                name: columns.get(name, values[:, column])
                for name, values in self._base.items()
                if isinstance(op, Add) and name == op.source
            }
            q = columns[op.name] = self._apply(op, end, q, others)
            end += 1
        last = operations[end - 1].name
        kept = {name: new for name, new in columns.items() if name == last or name in self._sources}
        differs = np.zeros(self.events, dtype=np.bool_)
        for name, new in kept.items():
            differs |= new != self._base[name][:, column]
        rows = np.flatnonzero(differs)
        values = {}
        for name, new in kept.items():
            values[name] = self._base[name][rows]
            values[name][:, column] = new[rows]
        return rows, end, values

    def _table(self, one: Fault) -> tuple[Rows, int, dict[str, Floats]]:
        place = self._place[one.memory.name]
        name = one.memory.name
        hit = self._before(place) == one.memory.low + one.index[0]
        rows = np.flatnonzero(hit.any(axis=1))
        new = self._base[name][rows] + hit[rows] * self._kind(one.change)
        return rows, place + 1, {name: new}

    def _behind(self, rows: Rows, place: int, values: dict[str, Floats]) -> Changed:
        operations = self.program.operations
        q = values[operations[place - 1].name]
        for index in range(place, len(operations)):
            op = operations[index]
            others = {}
            if isinstance(op, Add):
                known = values.get(op.source)
                others = {op.source: self._base[op.source][rows] if known is None else known}
            q = self._apply(op, index, q, others)
            if op.name in self._sources:
                values[op.name] = q
        return self._changed(rows, q, self._scores(rows, q, values))

    def _apply(self, op: Operation, place: int, q: Floats, others: Mapping[str, Floats]) -> Floats:
        """Apply an operation to floats that hold integers."""
        exponent = self._exponents[place]
        match op:
            case Affine():
                weight, bias = self._weights[op.name]
                return np.asarray(q @ weight + bias)
            case Relu():
                return np.asarray(np.maximum(q, 0))
            case Quantize():
                return np.asarray(_quantize(op, q, exponent))
            case Table():
                entries = op.values.astype(self._kind)
                return np.asarray(entries[q.astype(np.int64) - op.low])
            case Add():
                own, other = exponent, self._exponents[self._place[op.source] + 1]
                finest = min(own, other)
                left, right = self._kind(2.0 ** (own - finest)), self._kind(2.0 ** (other - finest))
                return np.asarray(q * left + others[op.source] * right)
            case Rescale():
                raise UserError(f"'{op.name}' stands behind a layer; scaling belongs at the input")

    def _scores(self, rows: Rows, output: Floats, values: Mapping[str, Floats]) -> Integers:
        trigger = self.program.trigger
        if trigger is None:
            return self._score[rows]
        against = trigger.score.reference
        reference = None
        if against is not None:
            reference = values[against] if against in values else self._base[against][rows]
        return _score(trigger.score, self.program, output, reference)

    def _threshold(self, one: Fault) -> Changed:
        point = one.index[0]
        threshold = int(one.memory.values[point]) + one.change
        bits = (self._score[:, 0] > threshold).astype(np.int64)
        rows = np.flatnonzero(bits != self.accept[:, point])
        decided = self.accept[rows]
        decided[:, point] = bits[rows]
        never, always = np.zeros(rows.size, np.bool_), np.ones(rows.size, np.bool_)
        return Changed(rows, never, never, decided, always)

    def _changed(self, rows: Rows, output: Floats, scores: Integers) -> Changed:
        decided = accept(self.program, scores) if scores.shape[1] else self.accept[rows]
        moved = (output != self._output[rows]).any(axis=1) & self._visible
        return Changed(
            rows,
            np.asarray(moved),
            np.asarray((scores != self._score[rows]).any(axis=1)),
            decided,
            np.asarray((decided != self.accept[rows]).any(axis=1)),
        )


def _quantize(op: Quantize, q: Any, exponent: int) -> Any:
    """Round and saturate; scaling by a power of two is exact, and rint takes ties to even."""
    scaled = q * q.dtype.type(2.0 ** (exponent - op.format.exponent)) if q.dtype.kind == "f" else (
        np.ldexp(q.astype(np.float64), exponent - op.format.exponent)
    )  # fmt: skip
    rounded = np.rint(scaled) if op.rounding == "ROUND" else np.floor(scaled)
    return np.clip(rounded, op.format.low, op.format.high)


def _score(op: Score, program: Program, output: Floats, reference: Floats | None) -> Integers:
    exponent = program.output_format.exponent
    difference = output.astype(np.float64)
    if reference is not None and op.reference is not None:
        other = program.quantizer(op.reference).format.exponent
        finest = min(exponent, other)
        difference = difference * 2.0 ** (exponent - finest)
        difference -= reference.astype(np.float64) * 2.0 ** (other - finest)
    terms = difference * difference if op.kind == "square" else np.abs(difference)
    return np.asarray(terms.sum(axis=1, keepdims=True)).astype(np.int64)


def _exponents(program: Program) -> list[int]:
    """Return the exponent before each operation, and behind the last."""
    found = ranges(program)
    return [0, *(found[op.name].exponent for op in program.operations)]


def _floats(program: Program) -> Any:
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
