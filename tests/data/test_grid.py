"""Physical values onto the integer grid: nearest, in range, with the loss measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aetrig.config.sources import Column
from aetrig.data.grid import to_grid
from aetrig.data.scaling import central_half_width
from aetrig.errors import UserError


def column(**changes: object) -> Column:
    return Column.model_validate({"name": "x", "step": 0.5, "bits": 8} | changes)


@given(
    arrays(np.float64, st.integers(1, 50), elements=st.floats(-600, 600)),
    st.integers(8, 20),
    st.booleans(),
)
def test_grid_values_are_the_nearest_and_in_range(raw, bits, signed):
    grid = column(step=1 / 64, bits=bits, signed=signed)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    beyond = ((np.rint(raw * 64) < low) | (np.rint(raw * 64) > high)).sum()
    if beyond > 0.01 * len(raw):
        with pytest.raises(UserError, match="beyond the grid's"):
            to_grid(grid, raw, "here")
        return
    inside = raw[(np.rint(raw * 64) >= low) & (np.rint(raw * 64) <= high)]
    assume(central_half_width(inside) > 1)
    found = to_grid(grid, raw, "here")
    assert (found.integers >= low).all()
    assert (found.integers <= high).all()
    np.testing.assert_array_equal(found.integers, np.clip(np.rint(raw * 64), low, high))
    assert 0 <= found.loss <= 0.1


def test_a_little_saturation_is_a_note_and_more_an_error():
    text = (
        "column 'x': 10 values (1.00%) lie beyond the grid's -64 to 63.5 (data: 0 to 1000) "
        "and are saturated"
    )
    raw = np.arange(1000) % 50 / 2.0
    raw[:10] = 1000
    found = to_grid(column(), raw, "here")
    assert (found.integers[:10] == 127).all()
    assert found.notes == (text,)
    raw[10] = -70
    with pytest.raises(UserError, match=r"here: column 'x': 11 values \(1\.10%\).*more 'bits'"):
        to_grid(column(), raw, "here")


def test_the_loss_of_rounding_is_measured_and_limited():
    raw = np.random.default_rng(1).normal(0, 1, 20_000)
    found = to_grid(column(step=0.1), raw, "here")
    assert found.loss == pytest.approx(0.1 / 12**0.5, rel=0.02)
    with pytest.raises(UserError, match=r"rounding to the step 0\.5 loses 1.% of the spread"):
        to_grid(column(step=0.5), raw, "here")


def test_the_logarithm_needs_positive_values():
    logarithm = column(transform="log10", scale=0.001, step=0.01, bits=9)
    found = to_grid(logarithm, np.array([1e3, 1e4, 2e4]), "here")
    assert found.integers.tolist() == [0, 100, np.rint(np.log10(20) * 100)]
    with pytest.raises(
        UserError, match=r"log10\(0\.001 \* x\) of 2 values .* first in row 1 \(from 0: 0\)"
    ):
        to_grid(logarithm, np.array([1e3, 0, -3]), "here")
