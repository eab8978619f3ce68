"""Differences are found where they are, and silence never looks like agreement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.errors import AetrigError
from aetrig.program.compare import first_difference


@given(st.integers(0, 6), st.integers(0, 2), st.integers(0, 40), st.booleans())
def test_one_flipped_bit_is_named(sample: int, element: int, bit: int, negative: bool) -> None:
    good = np.full((7, 3), -5 if negative else 5, dtype=np.int64)
    bad = good.copy()
    bad[sample, element] ^= 1 << bit
    found = first_difference({"a": good, "b": good}, {"a": good, "b": bad})
    assert found is not None
    assert (found.op, found.sample, found.element, found.bit) == ("b", sample, element, bit)
    assert (found.count, found.values) == (1, 21)
    assert f"'b', sample {sample}, element {element}, bit {bit}" in str(found)


def test_equal_values_have_no_difference() -> None:
    values = np.arange(6).reshape(2, 3)
    assert first_difference({"a": values}, {"a": values.copy(), "more": values}) is None


def test_nothing_in_common_is_an_error() -> None:
    values = np.zeros((1, 1), int)
    with pytest.raises(AetrigError, match="no operation in common"):
        first_difference({"a": values}, {"b": values})
    with pytest.raises(AetrigError, match="shapes"):
        first_difference({"a": values}, {"a": np.zeros((2, 1), int)})
