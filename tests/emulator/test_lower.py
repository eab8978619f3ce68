"""Arithmetic is chosen from the ranges: the cheapest that is exact, and no cheaper."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.emulator.arithmetic import LIMITS, Store, holds, narrows, rounding
from aetrig.emulator.lower import lower
from aetrig.errors import UserError
from aetrig.program.evaluate import shift_right_floor, shift_right_round
from aetrig.program.model import Format, Program, Quantize
from emulator.corners import CORNERS, program, s, u


def kinds(name: str) -> list[str]:
    return [layer.kind for layer in lower(CORNERS[name]).layers]


def test_corners_choose_what_they_are_for() -> None:
    assert kinds("bytes that fit in pairs") == ["dot8"]
    assert kinds("signed bytes by signed bytes") == ["dot8"] * 3
    assert kinds("signed words") == kinds("sums of 31 bits") == ["dot16"]
    assert kinds("unsigned words") == ["dot16"] * 2
    assert kinds("sums beyond 32 bits") == ["wide"] * 2
    assert kinds("far finer than the sums") == ["dot8"]
    layers = {name: lower(corner).layers for name, corner in CORNERS.items()}
    assert not layers["bytes whose products saturate 16 bits"][0].pairs
    assert layers["bytes that fit in pairs"][0].pairs
    assert layers["bytes that fit in pairs"][0].narrow
    assert layers["unsigned words"][0].store.zero == -(1 << 15)
    assert layers["unsigned words"][-1].store.type == "s32"
    assert layers["finer than the sums"][0].rounding.left > 0
    assert {lower(corner).input.word for corner in CORNERS.values()} == {"s16", "s32", "s64"}
    scores = [lowered.score for lowered in map(lower, CORNERS.values()) if lowered.score]
    assert {score.words for score in scores} == {True, False}


@given(
    st.integers(-(2**20), 2**20), st.booleans(), st.integers(-2, 22),
    st.sampled_from(["ROUND", "FLOOR"]),
    st.sampled_from([Store("u8", 0, 0, 255), Store("u8", 128, 0, 255), Store("s16", 0, -300, 299),
                     Store("s16", -32768, -32768, 32767), Store("s32", 0, -7, 9),
                     Store("u8", 1, 0, 1), Store("s16", 511, 0, 1022)]),
)  # fmt: skip
def test_rounding_is_the_programs(q: int, tie: bool, shift: int, how: str, held: Store) -> None:
    if tie and shift > 0:
        q = (q % (1 << 20 >> min(shift, 20)) << shift) + (1 << shift - 1)
    op = Quantize("q", Format(8, True, shift), how)
    chosen = rounding(op, 0, -(2**20), 2**20, held, "s32")
    round_off = shift_right_round if how == "ROUND" else shift_right_floor
    expected = min(max(int(round_off(q, shift)) + held.zero, held.low), held.high)
    assert chosen.apply(q + chosen.half + chosen.folded, held.low, held.high) == expected


@given(
    st.integers(0, 14), st.integers(0, 2**18), st.sampled_from(["ROUND", "FLOOR"]),
    st.sampled_from([Store("u8", 0, 0, 255), Store("u8", 128, 0, 255), Store("s16", 0, -300, 299)]),
    st.data(),
)  # fmt: skip
def test_narrow_sums_may_saturate(shift: int, most: int, how: str, held: Store, data: st.DataObject) -> None:  # fmt: skip
    op = Quantize("q", Format(8, True, shift), how)
    chosen = rounding(op, 0, -most, most, held, "s32")
    if not narrows(chosen, -most, most, held):
        return
    assert holds(chosen, -most, most, "s32")
    u = data.draw(st.integers(-most, most)) + chosen.half + chosen.folded
    low, high = LIMITS["s16"]
    whole = chosen.apply(u, held.low, held.high)
    assert chosen.apply(min(max(u, low), high), held.low, held.high) == whole


def test_what_it_cannot_hold_is_refused() -> None:
    two = program(u(8), u(8), s(6), s(8, 6))
    doubled = Program(two.input_formats, (*two.operations, two.operations[-1]), two.digest)
    with pytest.raises(UserError, match="layers of Affine, Relu or none, Quantize"):
        lower(doubled)
    with pytest.raises(UserError, match="32 unsigned bits"):
        lower(program(u(32), u(8, 20), s(6), s(8, 6)))


def test_pairs_are_bounded_by_the_worst_two_products() -> None:
    for bits in range(2, 9):
        layer = lower(program(u(8), u(8), s(bits), s(8, 6))).layers[0]
        worst = max(
            abs(255 * (a + b)) for a, b in itertools.product([s(bits).low, s(bits).high], repeat=2)
        )
        assert layer.pairs == (worst <= 2**15)
