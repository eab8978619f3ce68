"""Events with a fault, exactly and fast.

A flip changes one column of one layer: that column alone is computed again, and what lies behind it
only for the events that it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
    Table,
)
from aetrig.verify.faults.arithmetic import Floats, exponents, floats, quantize, score, sources
from aetrig.verify.faults.memory import Fault

Rows = npt.NDArray[np.int64]


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
        self._kind = floats(program)
        found = trace(program, x)
        self._base = {name: values.astype(self._kind) for name, values in found.items()}
        self._output = self._base[program.operations[-1].name]
        self._score: Integers = found.get(SCORE, np.zeros((len(x), 0), np.int64))
        self.accept: Integers = found.get(ACCEPT, np.zeros((len(x), 0), np.int64))
        self._place = {op.name: i for i, op in enumerate(program.operations)}
        self._exponents = exponents(program)
        self._sources = sources(program)

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
                return np.asarray(quantize(op, q, exponent))
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
        return score(trigger.score, self.program, output, reference)

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
