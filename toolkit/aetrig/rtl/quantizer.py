"""Rounding and saturation in gates: dropped bits, and an overflow seen from the upper bits alone.

A comparison with the largest value would cost an adder as wide as the value. The limits are powers
of two, so an overflow shows in the upper bits: any of them set, or, for signed numbers, not all
of them equal to the sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from alkaid.trace.fixed_variable import FVariable

from aetrig.program.model import Format, Rounding
from aetrig.rtl.variable import stored


def quantizer(form: Format, rounding: Rounding, *, relu: bool) -> Callable[[Any], Any]:
    """Return the function from one alkaid variable to its quantized value.

    ``relu``: negative values become zero first, which rounding does not change.
    """
    step = 2.0**form.exponent

    def apply(value: FVariable) -> FVariable:
        low = max(0, form.low) if relu else form.low
        ends = (_exact(value.low / step, rounding), _exact(value.high / step, rounding))
        ends = (min(max(ends[0], low), form.high), min(max(ends[1], low), form.high))
        if ends[0] == ends[1]:
            # rounding and saturation keep the order: what they map both ends to, they map all to
            return FVariable.from_const(ends[0] * step, value.hwconf)
        rounded = stored(_round(stored(value), -form.exponent, rounding))
        return _saturate(rounded, low * step, form.high * step, form)

    return apply


def _exact(value: float, rounding: Rounding) -> int:
    """Return a bound's integer; Python rounds ties to even."""
    return round(value) if rounding == "ROUND" else math.floor(value)


def _round(value: FVariable, fraction: int, rounding: Rounding) -> FVariable:
    signed, integer, have = (int(part) for part in value.kif)
    if have <= fraction:
        return value
    # at least a sign, where all bits are dropped; alkaid takes formats without bits for zero
    floor = value.quantize(signed, max(integer, -fraction), fraction)
    if rounding == "FLOOR":
        return floor
    return floor + _up(value, floor, fraction, have) * 2.0**-fraction


def _up(value: FVariable, floor: FVariable, fraction: int, have: int) -> FVariable:
    """Return 1 where rounding to nearest, ties to even, goes up: half, and more or an odd floor.

    alkaid's own RND_CONV slices wrong bits where adding a half leaves fewer of them.
    """
    half = _any(value, -fraction, fraction + 1)
    odd = _any(floor, 1 - fraction, fraction)
    if have == fraction + 1:
        return half & odd
    return half & (_any(value, -fraction - 1, have) | odd)


def _any(value: FVariable, integer: int, fraction: int) -> FVariable:
    """Return whether a bit from weight 2**-fraction to below 2**integer is set."""
    if value.low == value.high:
        # alkaid 0.8.2 keeps one bit too many of a constant
        bits = math.floor(value.low * 2.0**fraction) % (1 << (integer + fraction))
        return FVariable.from_const(float(bits != 0), value.hwconf)
    return value.quantize(0, integer, fraction).unary_bit_op("any")


def _saturate(value: FVariable, low: float, high: float, form: Format) -> FVariable:
    if value.low >= low and value.high <= high:
        return value
    if form.narrow or value.high <= low or value.low >= high:
        return value.max_of(low).min_of(high)
    integer = form.bits + form.exponent - int(form.signed)
    fraction = -form.exponent
    if low == 0:
        value = value.relu()
        inside = value.quantize(0, integer, fraction)
        return _unless(_any_above(value, integer), inside, high)
    return _saturate_signed(value, low, high, integer, fraction)


def _any_above(value: FVariable, integer: int) -> FVariable | None:
    """Return whether a value that is not negative reaches 2**integer; None where it cannot."""
    if value.high < 2.0**integer:
        return None
    _, have, _ = (int(part) for part in value.kif)
    return _any(value, have, -integer)


def _unless(condition: FVariable | None, value: FVariable, otherwise: float) -> FVariable:
    return value if condition is None else condition.msb_mux(otherwise, value)


def _saturate_signed(
    value: FVariable, low: float, high: float, integer: int, fraction: int
) -> FVariable:
    """Saturate at -2**integer and 2**integer - step."""
    signed, have, finest = (int(part) for part in value.kif)
    inside = value.quantize(1, integer, fraction)
    if value.low >= low:
        return _unless(_any_above(value.relu(), integer), inside, high)
    upper = value.quantize(signed, have, -integer)
    # 0 or -1 where nothing overflows; a step above 2**integer leaves zeros below, and so no -1
    over = upper.unary_bit_op("any")
    if finest >= -integer:
        over = over & ~upper.unary_bit_op("all")
    if value.high <= high:
        return (over & value.is_negative()).msb_mux(low, inside)
    return over.msb_mux(value.is_negative().msb_mux(low, high), inside)
