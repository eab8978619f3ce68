"""Integers at their true width."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aetrig.compress.bits import pack, packed_size, unpack
from aetrig.program.model import Format


@given(
    st.integers(1, 24),
    st.booleans(),
    st.integers(0, 50),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_packed_integers_come_back(
    bits: int, signed: bool, rows: int, columns: int, seed: int
) -> None:
    form = Format(bits, signed, -3)
    values = np.random.default_rng(seed).integers(form.low, form.high + 1, (rows, columns))
    packed = pack(values, form)
    assert len(packed) == packed_size(form, rows, columns) == -(-rows * columns * bits // 8)
    np.testing.assert_array_equal(unpack(packed, form, rows, columns), values)
