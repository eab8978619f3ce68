"""The input: hardware integers, scaled and quantized, feature by feature.

Scaling and quantizing never decrease, so an input beyond which the result is saturated may itself
be saturated there: ``least`` and ``most`` of a feature. What is left is small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aetrig.emulator.arithmetic import Rounding, Store, fits, holds, rounding
from aetrig.errors import UserError
from aetrig.program.model import Format, Quantize, Rescale

Word = Literal["s16", "s32", "s64"]


@dataclass(frozen=True)
class Input:
    """u = min(max(x, least), most) * factor + addend, all in ``word``; then rounded and stored.

    One Python integer a feature; ``low`` and ``high`` are the limits of the wires.
    """

    word: Word
    low: tuple[int, ...]
    high: tuple[int, ...]
    least: tuple[int, ...]
    most: tuple[int, ...]
    factor: tuple[int, ...]
    addend: tuple[int, ...]
    rounding: Rounding
    store: Store


def lower_input(formats: tuple[Format, ...], scale: Rescale, op: Quantize, held: Store) -> Input:
    """Choose the narrowest word that holds every step; raise UserError beyond 32-bit inputs."""
    for feature, form in enumerate(formats):
        if not fits(form.low, form.high, "s32"):
            raise UserError(
                f"feature {feature} has {form.bits} unsigned bits: more than the emulator's 32-bit "
                "signed inputs hold"
            )
    finest = int(scale.shift.max())
    up = [finest - int(shift) for shift in scale.shift]
    # a common factor that the quantizer takes away again
    common = max(0, min(*up, op.format.exponent + finest, 1 << 30))
    exponent, up = common - finest, [shift - common for shift in up]
    offset = [int(value) for value in scale.offset]
    whole = rounding(op, exponent, 0, 0, held, "s64")
    limits = [_limits(*item, whole, held) for item in zip(formats, offset, up, strict=True)]
    least, most = [low for low, _ in limits], [high for _, high in limits]
    low = min((value - o) << s for value, o, s in zip(least, offset, up, strict=True))
    high = max((value - o) << s for value, o, s in zip(most, offset, up, strict=True))
    for word in ("s16", "s32", "s64"):
        how = rounding(op, exponent, low, high, held, word)
        inputs = all(fits(a, b, word) for a, b in limits)
        if inputs and holds(how, low, high, word) and (word != "s16" or held.type != "s32"):
            break
    else:
        raise UserError(f"'{scale.name}' needs more than 64-bit integers; use smaller shifts")
    start = how.half + how.folded
    return Input(
        word, tuple(form.low for form in formats), tuple(form.high for form in formats),
        tuple(least), tuple(most), tuple(1 << s for s in up),
        tuple(start - (o << s) for o, s in zip(offset, up, strict=True)), how, held,
    )  # fmt: skip


def _limits(form: Format, offset: int, up: int, how: Rounding, held: Store) -> tuple[int, int]:
    """Return the inputs at which the result reaches its first and its last value."""

    def result(x: int) -> int:
        return how.apply(((x - offset) << up) + how.half + how.folded, held.low, held.high)

    first, last = result(form.low), result(form.high)
    # the greatest input that still gives the first value, the smallest that gives the last
    least = _search(form.low, form.high, lambda x: result(x) > first) - 1
    most = _search(form.low, form.high, lambda x: result(x) >= last)
    return min(least, most), max(least, most)


def _search(low: int, high: int, holds_from: Callable[[int], bool]) -> int:
    """Return the smallest x of low..high where a condition that stays true is; else high + 1."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        if holds_from(middle):
            high = middle
        else:
            low = middle + 1
    return low
