"""Fixed-point types as firmware writes them: ap_fixed of AMD, ac_fixed of Intel and Siemens."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(
    r"^\s*(?:(?P<vendor>ap|ac)_)?(?P<kind>u?fixed|u?int)\s*<(?P<arguments>[^<>]*)>\s*$"
)


@dataclass(frozen=True)
class FixedType:
    """``bits`` bits, of which ``integer`` stand before the binary point.

    ``integer`` may exceed ``bits`` or be negative. ``rounding``: TRN (floor) or RND_CONV (to
    nearest, ties to even) and others as read. ``overflow``: WRAP, SAT or SAT_SYM (symmetric).
    """

    bits: int
    integer: int
    signed: bool = True
    rounding: str = "TRN"
    overflow: str = "WRAP"

    @property
    def exponent(self) -> int:
        """Binary exponent of the last bit."""
        return self.integer - self.bits

    def __str__(self) -> str:
        """Return hls4ml's notation, every field written out."""
        sign = "" if self.signed else "u"
        return f"{sign}fixed<{self.bits},{self.integer},{self.rounding},{self.overflow},0>"


def parse_type(text: str) -> FixedType | None:
    """Read an ap_ or ac_ type, or hls4ml's notation; None where it is none of these."""
    match = _TYPE.match(text)
    if match is None:
        return None
    arguments = [item.strip() for item in match["arguments"].split(",")]
    kind, signed = match["kind"], not match["kind"].startswith("u")
    try:
        bits = int(arguments.pop(0))
        integer = int(arguments.pop(0)) if kind.endswith("fixed") else bits
    except (ValueError, IndexError):
        return None
    if match["vendor"] == "ac" and arguments:
        signed = arguments.pop(0).lower() in ("true", "1")
    modes = [re.sub("^A[PC]_", "", item) for item in arguments] + ["TRN", "WRAP"][len(arguments) :]
    return FixedType(bits, integer, signed, modes[0], modes[1])
