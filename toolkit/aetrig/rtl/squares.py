"""Sums of squares and of absolute values: tables of the magnitude where small, and adder trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from alkaid.trace.fixed_variable import FVariable, LookupTable

from aetrig.errors import UserError
from aetrig.rtl.variable import CONSTANT_BITS, factor, plus

# up to here a table of the square costs fewer LUTs than one made of two halves and their product
TABLE_BITS = 8
# up to here a table of the signed value is worth its LUTs: it saves the level of the magnitude
SIGNED_TABLE_BITS = 8


def sum_of_squares(differences: list[Any]) -> Any:
    """Return the sum of squares of alkaid variables, exact."""
    return tree([_square(item) for item in differences])


def sum_of_absolutes(differences: list[Any]) -> Any:
    """Return the sum of magnitudes of alkaid variables, exact."""
    return tree([_magnitude(item) for item in differences])


def tree(terms: list[Any]) -> Any:
    """Return the sum, shortest paths added first; constants are one, whatever their width."""
    constant = sum(item.low for item in terms if item.low == item.high)
    waiting = [item for item in terms if item.low != item.high]
    if not waiting:
        return _constant(float(constant), terms[0].hwconf)
    while len(waiting) > 1:
        waiting.sort(key=lambda item: item.latency)
        waiting = [*waiting[2:], waiting[0] + waiting[1]]
    return plus(waiting[0], float(constant))


def _constant(value: float, hardware: Any) -> Any:
    mantissa, _ = value.as_integer_ratio()
    if (mantissa // (mantissa & -mantissa or 1)).bit_length() > CONSTANT_BITS:
        raise UserError(
            f"the score is {value:g} for every event, and wider than the {CONSTANT_BITS} bits that "
            "alkaid keeps of a constant; train the network, or prune less"
        )
    return FVariable.from_const(value, hardware)


def _magnitude(value: Any) -> Any:
    """Return the absolute value; alkaid's own is wrong for constants."""
    if value.low == value.high:
        return FVariable.from_const(abs(value.low), value.hwconf)
    # alkaid 0.8.2 is wrong for some negated values; a negated value has the same magnitude
    return abs(value if factor(value) > 0 else -value)


def _square(value: Any) -> Any:
    if value.low == value.high:
        return FVariable.from_const(value.low**2, value.hwconf)
    if sum(int(part) for part in value.kif) <= SIGNED_TABLE_BITS:
        return _table(value)
    magnitude = _magnitude(value)
    signed, integer, fraction = (int(part) for part in magnitude.kif)
    if signed + integer + fraction <= TABLE_BITS:
        return _table(magnitude)
    # (upper + lower)**2 with few bits in each: no multiplier, and so no DSP
    cut = fraction - (integer + fraction) // 2
    lower = magnitude.quantize(0, -cut, fraction)
    upper = magnitude.quantize(0, integer, cut)
    return _square(upper) + _square(lower) + _product(upper, lower) * 2.0


def _product(a: Any, b: Any) -> Any:
    """Return a times b, both not negative: the sum of a where a bit of b is set."""
    _, integer, fraction = (int(part) for part in b.kif)
    rows = []
    for place in range(-fraction, integer):
        bit = b.quantize(0, place + 1, -place)
        rows.append(bit.msb_mux(a, 0.0) * 2.0**place)
    return tree(rows)


def _table(value: Any) -> Any:
    # alkaid wants the table in the order of what is stored: a negated square is the same square
    stored = value if factor(value) > 0 else -value
    count = round((stored.high - stored.low) / stored.step) + 1
    return stored.lookup(LookupTable(np.linspace(stored.low, stored.high, count) ** 2))
