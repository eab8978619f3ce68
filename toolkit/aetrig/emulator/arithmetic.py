"""How integers are held and rounded in the emulator, and what fits where.

A tensor is a row of ``stored = q + zero`` an event. A quantizer makes it from an accumulator u:

    u = min(max(u, least), most) << left     only where the result is finer than the accumulator
    r = u >> right, less 1 where u % 2**(right + 1) == 2**right and ties go to even, plus ``after``
    stored = min(max(r, low), high)

u holds half of the last bit already where it is rounded to nearest, and zero << right where that
fits and keeps even results even; elsewhere ``after`` is the zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aetrig.errors import UserError
from aetrig.program.model import Quantize

Kind = Literal["dot8", "dot16", "wide"]
Type = Literal["u8", "s16", "s32"]
LIMITS: dict[str, tuple[int, int]] = {
    "s8": (-(1 << 7), (1 << 7) - 1), "u8": (0, (1 << 8) - 1), "s16": (-(1 << 15), (1 << 15) - 1),
    "s32": (-(1 << 31), (1 << 31) - 1), "s64": (-(1 << 63), (1 << 63) - 1),
}  # fmt: skip
# of int64: an accumulator has 62 bits at most, so that more would not change what is left of it
MOST_SHIFT = 62


def fits(low: int, high: int, kind: str) -> bool:
    """Say whether low..high can be held in "u8", "s8", "s16", "s32" or "s64"."""
    least, most = LIMITS[kind]
    return least <= low and high <= most


@dataclass(frozen=True)
class Store:
    """A row of stored integers: low <= q + zero <= high in elements of ``type``."""

    type: Type
    zero: int
    low: int
    high: int


@dataclass(frozen=True)
class Rounding:
    """From accumulator to stored integer, as above. ``half``: part of u already."""

    left: int
    right: int
    ties: bool
    half: int
    least: int
    most: int
    folded: int
    after: int

    def apply(self, u: int, low: int, high: int) -> int:
        """Return the stored integer; the C++ does the same."""
        if self.left:
            u = min(max(u, self.least), self.most) << self.left
        r = (u >> self.right) + self.after
        if self.ties and u % (2 << self.right) == 1 << self.right:
            r -= 1
        return min(max(r, low), high)


def taken_by(low: int, high: int) -> tuple[Kind, ...]:
    """Return the products that can take a tensor of integers low..high, the fastest first."""
    if fits(low, high, "u8") or fits(low, high, "s8"):
        return ("dot8", "dot16", "wide")
    if fits(low, high, "s16") or 0 <= low <= high < 1 << 16:
        return ("dot16", "wide")
    return ("wide",)


def store(op: Quantize, *, relu: bool, taker: Kind | None) -> Store:
    """Return how a quantizer's result is held for the product that takes it; None: the output."""
    low, high = max(op.format.low, 0) if relu else op.format.low, op.format.high
    if not fits(low, high, "s32"):
        raise UserError(
            f"'{op.name}' has {op.format.bits} bits, {'signed' if op.format.signed else 'unsigned'}"
            ": more than the emulator's 32-bit signed integers hold; use fewer bits"
        )
    if taker == "dot8":
        zero = 0 if fits(low, high, "u8") else 128
        return Store("u8", zero, low + zero, high + zero)
    if taker == "dot16" or (taker is None and fits(low, high, "s16")):
        zero = 0 if fits(low, high, "s16") else -(1 << 15)
        return Store("s16", zero, low + zero, high + zero)
    return Store("s32", 0, low, high)


def rounding(op: Quantize, exponent: int, low: int, high: int, held: Store, word: str) -> Rounding:
    """Return how accumulators low..high at ``exponent`` become the stored integers of ``held``.

    ``word``: what holds the accumulator, "s16", "s32" or "s64".
    """
    shift = op.format.exponent - exponent
    if shift < 0:
        least, most = held.low - held.zero, held.high - held.zero
        return Rounding(
            -shift, 0, ties=False, half=0, least=least >> -shift, most=-(-most >> -shift),
            folded=0, after=held.zero,
        )  # fmt: skip
    right = min(shift, MOST_SHIFT)
    ties = op.rounding == "ROUND" and right > 0
    half = 1 << (right - 1) if ties else 0
    folded = held.zero << right
    # an odd zero in u would make of each even result an odd one, and so turn ties around
    if (ties and held.zero % 2) or not fits(low + half + folded, high + half + folded, word):
        return Rounding(0, right, ties, half, 0, 0, folded=0, after=held.zero)
    return Rounding(0, right, ties, half, 0, 0, folded=folded, after=0)


def holds(how: Rounding, low: int, high: int, word: str) -> bool:
    """Say whether u of low..high, and what it goes through, fits ``word``."""
    least, most = low + how.half + how.folded, high + how.half + how.folded
    bits = {"s16": 16, "s32": 32, "s64": 64}[word]
    if not fits(least, most, word) or how.right > bits - 2 or how.left > bits - 2:
        return False
    shifted = (how.least << how.left, how.most << how.left) if how.left else (least, most)
    rounded = [value >> how.right for value in shifted]
    after = [value + how.after for value in rounded]
    return all(fits(min(values), max(values), word) for values in (shifted, rounded, after))


def narrows(how: Rounding, low: int, high: int, held: Store) -> bool:
    """Say whether u may saturate to 16 bits before it is rounded, with no change in the result."""
    if how.left or how.right > 14 or held.type == "s32":
        return False
    least, most = low + how.half + how.folded, high + how.half + how.folded
    bottom, top = LIMITS["s16"]
    reached = how.apply(bottom, *LIMITS["s64"]), how.apply(top, *LIMITS["s64"])
    return (
        (least >= bottom or reached[0] <= held.low)
        and (most <= top or reached[1] >= held.high)
        and fits(how.after, how.after, "s16")
        and fits(min(reached), max(reached), "s16")
    )
