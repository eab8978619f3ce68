"""Which faults change no event at all, proven from exact ranges and from weights that are zero."""

from __future__ import annotations

import numpy as np

from aetrig.program.model import SCORE, Affine, Program, Quantize, Relu, Table
from aetrig.program.ranges import ranges
from aetrig.verify.faults.arithmetic import quantize, sources
from aetrig.verify.faults.memory import Fault


class Proof:
    """Exact ranges of a program, and what follows of faults."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._ranges = ranges(program)
        self._place = {op.name: i for i, op in enumerate(program.operations)}

    def silent(self, one: Fault) -> bool:
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
                ends = quantize(op, ends, exponent).astype(np.int64)
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
        return bool(names & sources(self._program))

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
