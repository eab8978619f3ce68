"""The score: differences of two stored rows, summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aetrig.emulator.arithmetic import Store, fits
from aetrig.program.model import SCORE, Program
from aetrig.program.ranges import difference_range, ranges


@dataclass(frozen=True)
class Score:
    """d = (output << output_left) - (stored reference << reference_left) + addend, an element.

    ``reference``: 0 for the input's row, i for that behind layer i; None: d = output.
    ``words``: every d fits 16 bits, with its sign changed too, and every score 32.
    """

    kind: Literal["square", "absolute"]
    reference: int | None
    output_left: int
    reference_left: int
    addend: int
    words: bool


def lower_score(program: Program, held: Mapping[str, Store], names: Sequence[str]) -> Score:
    """Lower the trigger's score. ``names``: the quantizers in order."""
    trigger = program.trigger
    if trigger is None:
        raise ValueError("a network alone has no score")
    score, bounds, output = trigger.score, ranges(program), names[-1]
    name = score.reference
    difference = difference_range(bounds[output], None if name is None else bounds[name])
    words = (
        fits(min(difference.low), max(difference.high), "s16")
        and fits(-max(difference.high), -min(difference.low), "s16")
        and fits(0, bounds[SCORE].high[0], "s32")
        and held[output].type == "s16"
    )
    if name is None:
        return Score(score.kind, None, 0, 0, 0, words)
    exponents = bounds[output].exponent, bounds[name].exponent
    output_left, left = (exponent - min(exponents) for exponent in exponents)
    words &= held[name].type != "s32" and max(output_left, left) < 16
    addend = held[name].zero << left
    return Score(score.kind, names.index(name), output_left, left, addend, words)
