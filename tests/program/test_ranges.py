"""Ranges hold every value, are reached, and refuse what 64-bit integers cannot hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.errors import UserError
from aetrig.program import Affine, Format, Program, Quantize, Rescale, evaluate, ranges, trace
from aetrig.program.ranges import bits_for
from program.strategies import programs, vectors


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
