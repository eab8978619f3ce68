"""The reference against fractions: the same network, written from the definition."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.errors import UserError
from aetrig.program import Add, Affine, Format, Program, Quantize, Relu, Rescale, Table, evaluate
from aetrig.program.evaluate import shift_right_floor, shift_right_round, trace
from aetrig.program.ranges import ranges
from program.strategies import programs, triggers, vectors


@given(st.integers(-(2**50), 2**50), st.integers(-8, 40))
def test_shifts_round_as_fractions_do(value: int, shift: int) -> None:
    exact = Fraction(value) / Fraction(2) ** shift
    q = np.array([value])
    assert shift_right_floor(q, shift)[0] == floor(exact)
    assert shift_right_round(q, shift)[0] == round(exact)  # Python rounds ties to even


def by_fractions(program: Program, event: list[int]) -> list[int]:
    """The same network on fractions, written from the definition and not from the shifts."""
    values = [Fraction(item) for item in event]
    exponent = 0
    earlier: dict[str, tuple[list[Fraction], int]] = {}
    for op in program.operations:
        match op:
            case Rescale():
                values = [
                    (v - int(o)) / Fraction(2) ** int(s)
                    for v, o, s in zip(values, op.offset, op.shift, strict=True)
                ]
                exponent -= int(op.shift.max())
            case Affine():
                step = Fraction(2) ** op.weight_format.exponent
                exponent += op.weight_format.exponent
                columns = op.weight.T
                values = [
                    sum(
                        (v * int(w) * step for v, w in zip(values, column, strict=True)),
                        Fraction(0),
                    )
                    + int(b) * Fraction(2) ** exponent
                    for column, b in zip(columns, op.bias, strict=True)
                ]
            case Relu():
                values = [max(v, Fraction(0)) for v in values]
            case Add():
                others, other_exponent = earlier[op.source]
                values = [a + b for a, b in zip(values, others, strict=True)]
                exponent = min(exponent, other_exponent)
            case Table():
                step = Fraction(2) ** exponent
                exponent = op.exponent
                values = [
                    int(op.values[int(v / step) - op.low]) * Fraction(2) ** exponent for v in values
                ]
            case Quantize():
                exponent = op.format.exponent
                step = Fraction(2) ** exponent
                near = round if op.rounding == "ROUND" else floor
                values = [
                    min(max(near(v / step), op.format.low), op.format.high) * step for v in values
                ]
        earlier[op.name] = (values, exponent)
    return [int(v / Fraction(2) ** exponent) for v in values]


@settings(max_examples=40, deadline=None)
@given(programs(width=5))
def test_evaluation_equals_fractions(program: Program) -> None:
    x = vectors(program, 8)
    found = evaluate(program, x)
    assert found.tolist() == [by_fractions(program, event) for event in x.tolist()]


def test_input_outside_its_format_is_refused() -> None:
    program = Program(
        (Format(4, False, 0), Format(4, True, 0)),
        (
            Rescale("input_scale", np.zeros(2, int), np.zeros(2, int)),
            Quantize("input_quant", Format(8, True, 0), "ROUND"),
        ),
        digest="",
    )
    evaluate(program, np.array([[15, -8]]))
    with pytest.raises(
        UserError, match=r"feature 1 of event 0 is 8, outside its 4-bit input \(-8 to 7\)"
    ):
        evaluate(program, np.array([[0, 8]]))
    with pytest.raises(UserError, match=r"shape \(1, 3\), expected \(events, 2\)"):
        evaluate(program, np.zeros((1, 3), int))


@given(program=triggers())
def test_score_and_accept_equal_python_integers(program: Program) -> None:
    x = vectors(program, 20)
    values = trace(program, x)
    last = program.operations[-1].name
    score, exponent = program.trigger.score, program.output_format.exponent
    for event in range(len(x)):
        output = [Fraction(int(q)) * Fraction(2) ** exponent for q in values[last][event]]
        reference = [Fraction(0)] * len(output)
        if score.reference is not None:
            step = Fraction(2) ** program.quantizer(score.reference).format.exponent
            reference = [int(q) * step for q in values[score.reference][event]]
        differences = [a - b for a, b in zip(output, reference, strict=True)]
        wanted = sum(d * d if score.kind == "square" else abs(d) for d in differences)
        found = int(values["score"][event, 0])
        assert found * Fraction(2) ** program.score_exponent == wanted
        accepted = [int(found > point.threshold) for point in program.trigger.points]
        assert values["accept"][event].tolist() == accepted


@given(program=triggers())
def test_score_lies_within_its_range(program: Program) -> None:
    bounds = ranges(program)["score"]
    scores = trace(program, vectors(program, 50))["score"]
    assert bounds.low[0] <= scores.min()
    assert scores.max() <= bounds.high[0]
