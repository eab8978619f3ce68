"""alkaid's variables: the hardware that they are counted for, and what they have stored."""

from __future__ import annotations

from alkaid.trace import HWConfig
from alkaid.trace.fixed_variable import FVariable

# cost and delay of adders bit by bit, and no delay at which alkaid would cut by itself
HARDWARE = HWConfig(1, 1, -1)


def factor(value: FVariable) -> float:
    """Return the power of two, or its negative, that alkaid has yet to apply to what it stores."""
    return float(value._factor)  # noqa: SLF001


def stored(value: FVariable) -> FVariable:
    """Return the value as a variable of its own, without a factor.

    alkaid keeps negations and shifts as a factor to be applied later. Bits are sliced from what is
    stored, and alkaid 0.8.2 takes a wrong bit where a single one is sliced from a shifted value.
    """
    if factor(value) == 1:
        return value
    bounds = (value.low, value.high, value.step)
    return FVariable(*bounds, _from=(value,), _factor=1.0, opr="wrap", hwconf=value.hwconf)
