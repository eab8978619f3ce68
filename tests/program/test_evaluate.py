"""The reference against fractions, and its ranges against what is reached."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.errors import UserError
from aetrig.program import Affine, Format, Program, Quantize, Relu, Rescale, evaluate, ranges, trace
from aetrig.program.evaluate import shift_right_floor, shift_right_round
from aetrig.program.ranges import bits_for
from program.strategies import programs, vectors


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
            case Quantize():
                exponent = op.format.exponent
                step = Fraction(2) ** exponent
                near = round if op.rounding == "ROUND" else floor
                values = [
                    min(max(near(v / step), op.format.low), op.format.high) * step for v in values
                ]
    return [int(v / Fraction(2) ** exponent) for v in values]


@settings(max_examples=40, deadline=None)
@given(programs(width=5))
def test_evaluation_equals_fractions(program: Program) -> None:
    x = vectors(program, 8)
    found = evaluate(program, x)
    assert found.tolist() == [by_fractions(program, event) for event in x.tolist()]


@settings(max_examples=60, deadline=None)
@given(programs())
def test_no_value_leaves_its_range(program: Program) -> None:
    bounds = ranges(program)
    for name, values in trace(program, vectors(program, 60)).items():
        assert (values >= np.array(bounds[name].low)).all(), name
        assert (values <= np.array(bounds[name].high)).all(), name


@settings(max_examples=60, deadline=None)
@given(programs(depth=1), st.integers(0, 100))
def test_first_accumulator_reaches_its_range(program: Program, pick: int) -> None:
    """The range is exact and not only safe: some input attains both ends."""
    affine = next(op for op in program.operations if isinstance(op, Affine))
    neuron = pick % len(affine.bias)
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    rising = affine.weight[:, neuron] > 0
    x = np.stack([np.where(rising, high, low), np.where(rising, low, high)])
    reached = trace(program, x)[affine.name][:, neuron]
    bound = ranges(program)[affine.name]
    assert reached.tolist() == [bound.high[neuron], bound.low[neuron]]


@given(st.integers(-(2**40), 2**40), st.integers(0, 2**20))
def test_bits_for_is_the_least_that_holds(low: int, spread: int) -> None:
    high = low + spread
    bits = bits_for(low, high)

    def holds(width: int) -> bool:
        if low >= 0:
            return high < 1 << width
        return -(1 << (width - 1)) <= low and high < 1 << (width - 1)

    assert holds(bits)
    assert bits == 1 or not holds(bits - 1)


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


def test_too_wide_for_exact_integers_is_refused_by_name() -> None:
    wide = Format(24, True, -40)
    program = Program(
        (Format(24, True, 0),),
        (
            Rescale("input_scale", np.zeros(1, int), np.zeros(1, int)),
            Quantize("input_quant", wide, "ROUND"),
        ),
        digest="",
    )
    with pytest.raises(UserError, match=r"'input_quant' needs 64 bits, more than the 62"):
        evaluate(program, np.zeros((1, 1), int))
