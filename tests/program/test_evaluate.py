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
from aetrig.program.evaluate import (
    BLOCK,
    product,
    results,
    shift_right_floor,
    shift_right_round,
    trace,
)
from aetrig.program.ranges import ranges
from fuzz.architectures import SMALL, architecture
from program.strategies import programs, triggers, vectors


@given(st.integers(-(2**50), 2**50), st.integers(-8, 80))
def test_shifts_round_as_fractions_do(value: int, shift: int) -> None:
    exact = Fraction(value) / Fraction(2) ** shift
    q = np.array([value])
    if shift < 64:  # what a processor shifts by
        assert shift_right_floor(q, shift)[0] == floor(exact)
    assert shift_right_round(q, shift)[0] == round(exact)  # Python rounds ties to even


@given(st.integers(-(2**61), 2**61 - 1), st.integers(1, 80), st.sampled_from([-1, 0, 1]))
def test_ties_of_the_widest_integers_go_to_the_even_side(value: int, shift: int, off: int) -> None:
    tie = ((value >> shift) << shift) + (1 << (shift - 1)) + off
    if -(2**61) <= tie < 2**61:
        wanted = round(Fraction(tie) / Fraction(2) ** shift)
        assert shift_right_round(np.array([tie]), shift)[0] == wanted


@settings(max_examples=300, deadline=None)
@given(data=st.data(), inputs=st.integers(1, 40), q_bits=st.integers(1, 40))
def test_products_are_exact_on_both_sides_of_what_floating_point_holds(
    data: st.DataObject, inputs: int, q_bits: int
) -> None:
    """Odd sums near 2**23, 2**24, 2**52, 2**53: one bit more than the mantissa would show."""
    total = data.draw(st.sampled_from([8, 22, 23, 24, 25, 51, 52, 53, 54, 61]))
    w_bits = max(1, total - q_bits - (inputs - 1).bit_length())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low, high = data.draw(st.sampled_from([(-1, 1), (0, 1), (1, 1), (-1, -1)]))
    q = rng.integers(low * 2**q_bits, high * 2**q_bits, (5, inputs), endpoint=True)
    weight = rng.integers(2 ** (w_bits - 1), 2**w_bits, (inputs, 3), endpoint=True)
    weight *= rng.choice([-1, 1], weight.shape) if low < 0 < high else 1
    wanted = q.astype(object) @ weight.astype(object)
    assert product(q, weight).tolist() == wanted.tolist()


def test_products_of_nothing() -> None:
    assert product(np.zeros((0, 3), np.int64), np.ones((3, 2), np.int64)).shape == (0, 2)
    assert product(np.ones((2, 1), np.int64), np.zeros((1, 4), np.int64)).tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("events", [0, 1, BLOCK, BLOCK + 1])
def test_results_are_those_of_the_trace_in_blocks(events: int) -> None:
    program = architecture(3, SMALL)
    x = vectors(program, max(1, events))[:events]
    whole, found = trace(program, x), results(program, x)
    assert list(found) == [program.operations[-1].name, "score", "accept"]
    for name, values in found.items():
        np.testing.assert_array_equal(values, whole[name])
        assert values.dtype == np.int64


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
