"""Scores of events by the fastest exact engine that the run has: its emulator, else the Program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aetrig.emulator.load import Emulator
from aetrig.emulator.load import load as load_emulator
from aetrig.errors import AetrigError
from aetrig.program import contract
from aetrig.program.evaluate import results, score, trace
from aetrig.program.model import SCORE, Program
from aetrig.run import Run
from aetrig.stability.layout import Integers

Scores = npt.NDArray[np.int64]
CHUNK = 65_536


@dataclass(frozen=True)
class Engine:
    """``scores``: of the network's inputs, shape (events, features), as integers, shape (events,).

    ``name``: what computes them.
    """

    name: str
    one: Callable[[Integers], Scores]

    def scores(self, x: Integers) -> Scores:
        """Evaluate block by block."""
        starts = range(0, len(x), CHUNK)
        parts = [self.one(x[start : start + CHUNK]) for start in starts]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def engine(run: Run, program: Program) -> Engine:
    """Return the engine of a Program with a score.

    An emulator of the network alone gives its output; the score of it is then the Program's.
    """
    deployed = contract.load(run)
    try:
        emulator = load_emulator(run / "emulator", deployed)
    except (AetrigError, OSError):
        return Engine("Program", lambda x: results(program, x)[SCORE][:, 0])
    if deployed.trigger is not None:
        return Engine("emulator", lambda x: _score(emulator, x))
    trigger = program.trigger
    inner = program.input_quantizer.name
    if trigger is None or trigger.score.reference != inner or _cut(program, deployed):
        return Engine("Program", lambda x: results(program, x)[SCORE][:, 0])
    position = [op.name for op in program.operations].index(inner)
    first = replace(program, operations=program.operations[: position + 1], trigger=None)
    rule = trigger.score

    def scored(x: Integers) -> Scores:
        output = emulator.trace(x)[program.operations[-1].name]
        exponent = program.output_format.exponent
        return score(rule, output, exponent, program, {inner: trace(first, x)[inner]})[:, 0]

    return Engine("emulator", scored)


def _score(emulator: Emulator, x: Integers) -> Scores:
    """Return the library's scores, without the copies of the output that a comparison needs."""
    call = emulator.prepared(x)
    if call.run() or call.score is None:
        return emulator.trace(x)[SCORE][:, 0]  # which says what is wrong
    return call.score[:, 0]


def _cut(program: Program, deployed: Program) -> bool:
    return program.operations[-1].name != deployed.operations[-1].name
