"""Bounds and corrections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.compress.bound import Bound, by_column
from aetrig.errors import UserError

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.lists(st.tuples(NUMBERS, st.floats(-1e9, 1e9)), min_size=1, max_size=30),
    st.floats(1e-6, 0.9), st.booleans(),
)  # fmt: skip
def test_what_holds_is_within_the_bound(
    pairs: list[tuple[float, float]], size: float, relative: bool
) -> None:
    values, decoded = (np.array(side) for side in zip(*pairs, strict=True))
    bound = Bound(size, relative)
    q = bound.corrections(values, decoded)
    found = bound.corrected(decoded, q)
    held = bound.holds(values, found)
    allowed = size * abs(values[held]) if relative else size
    assert (abs(values[held] - found[held]) <= allowed).all()
    assert not held[~np.isfinite(values)].any()
    within = bound.holds(values, decoded)
    assert (q[within] == 0).all()
    # an absolute bound always finds a correction for ordinary numbers
    ordinary = abs(values) < 1e3 * size
    assert relative or held[ordinary & (abs(decoded) < 1e3 * size)].all()


def test_bounds_are_read() -> None:
    found = by_column(["pt=0.5", "1%"], ["pt", "eta"])
    assert found == {"pt": Bound(0.5, False), "eta": Bound(0.01, True)}
    assert by_column([], ["pt"]) == {}


@pytest.mark.parametrize("text", ["0", "-1", "x", "150%", "nan", "inf", "pt=", "ptt=1"])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="--max-error"):
        by_column([text], ["pt", "eta"])
