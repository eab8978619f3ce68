"""alkaid's variables: the hardware that they are counted for, and what they have stored."""

from __future__ import annotations

from alkaid.trace import HWConfig
from alkaid.trace.fixed_variable import FVariable

# cost and delay of adders bit by bit, and no delay at which alkaid would cut by itself
HARDWARE = HWConfig(1, 1, -1)


def factor(value: FVariable) -> float:
    """Return the power of two, or its negative, that alkaid has yet to apply to what it stores."""
    return float(value._factor)  # noqa: SLF001


CONSTANT_BITS = 24  # of float32, which alkaid 0.8.2 takes constants through


def plus(value: FVariable, constant: float) -> FVariable:
    """Return the sum with a constant of any width: wide ones are added part by part."""
    mantissa, denominator = constant.as_integer_ratio()
    lowest = (mantissa & -mantissa).bit_length() - denominator.bit_length()
    rest = abs(int(constant * 2.0**-lowest))
    while rest:
        part = rest % (1 << CONSTANT_BITS) * 2.0**lowest
        value = value + (part if constant > 0 else -part)
        rest, lowest = rest >> CONSTANT_BITS, lowest + CONSTANT_BITS
        if rest:
            value = wrapped(value)  # or alkaid would put the parts together again
    return value


def wrapped(value: FVariable) -> FVariable:
    """Return the same number as a variable of its own."""
    bounds = (value.low, value.high, value.step)
    return FVariable(*bounds, _from=(value,), _factor=1.0, opr="wrap", hwconf=value.hwconf)


def stored(value: FVariable) -> FVariable:
    """Return the value as a variable of its own, without a factor.

    alkaid keeps negations and shifts as a factor to be applied later. Bits are sliced from what is
    stored, and alkaid 0.8.2 takes a wrong bit where a single one is sliced from a shifted value.
    """
    return value if factor(value) == 1 else wrapped(value)
