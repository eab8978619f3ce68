"""Bytes read as decisions: a fuzzer that changes bytes then changes a valid thing's structure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")

INTEGERS = (
    0, 1, -1, 2, 3, 7, 8, 24, 31, 32, 33, 62, 63, 64, 127, 128, 255, 256, 1000, 65535, 65536,
    2**31 - 1, 2**31, -(2**31), 2**32, 2**53, 2**62, 2**63 - 1, -(2**63),
)  # fmt: skip
FLOATS = (
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 0.1, 2.0**-8, 2.0**-24, 2.0**24, 2.0**31, 2.0**62, 1e9,
    1e30, 1e300, 2.0**-126, 2.0**-149, 2.0**-1022, 2.0**-1074, 2.0**1023, -2.0**62,
    float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
TEXTS = ("", "a", "b", "x", "y", "../a", "/etc/hostname", "a\nb", "\x1b[2J", "ü", "0", "-1",
         "1e400", "nan", "null", "[]", "{}", "[" * 3000, "A" * 300)  # fmt: skip


class Choices:
    """Decisions from bytes; behind their end every decision is the first choice."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def left(self) -> int:
        """How many bytes were not read."""
        return max(0, len(self._content) - self._at)

    def raw(self, count: int) -> bytes:
        """Return the next bytes, filled up with zeros."""
        part = self._content[self._at : self._at + count]
        self._at += count
        return part.ljust(count, b"\0")

    def below(self, end: int) -> int:
        """Return an integer from 0 to end - 1."""
        size = 1 if end <= 256 else 4
        return int.from_bytes(self.raw(size), "little") % end

    def pick(self, things: Sequence[Thing]) -> Thing:
        """Return one of several things."""
        return things[self.below(len(things))]

    def yes(self) -> bool:
        """Return a yes or no."""
        return bool(self.below(2))

    def integer(self) -> int:
        """Return an integer that is at the edge of something, or a small one."""
        return self.pick(INTEGERS) if self.yes() else self.below(64) - 16

    def number(self) -> float:
        """Return a float at the edge of something, or any at all."""
        return self.pick(FLOATS) if self.yes() else float(struct.unpack("<d", self.raw(8))[0])

    def text(self) -> str:
        """Return a name that is hard to bear, or any text."""
        if self.yes():
            return self.pick(TEXTS)
        return self.raw(self.below(12)).decode("utf-8", "replace")
