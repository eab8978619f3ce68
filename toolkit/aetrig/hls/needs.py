"""What a reuse factor asks of a part: multipliers and weight memory, counted, not synthesized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aetrig.parts import Part
from aetrig.program.model import Affine, Program

BLOCK_BITS = 36 * 1024


@dataclass(frozen=True)
class Needs:
    """Multipliers that work at once, by layer, and bits of weights; a count, not a synthesis."""

    multipliers: dict[str, int]
    weight_bits: int

    @property
    def blocks(self) -> int:
        """Memory blocks of 36 kbit that the weights take at least."""
        return -(-self.weight_bits // BLOCK_BITS)

    def rows(self, part: Part) -> list[list[str]]:
        """Return quantity, count and what that is of the part."""
        total = sum(self.multipliers.values())
        rows = [[name, f"{count:,}", ""] for name, count in self.multipliers.items()]
        rows.append(["multipliers", f"{total:,}", _share(total, part.dsp, "DSP")])
        blocks = _share(self.blocks, part.bram36, "blocks of 36 kbit")
        rows.append(["weights [bit]", f"{self.weight_bits:,}", blocks])
        return rows


def needs(program: Program, reuse: Mapping[str, int]) -> Needs:
    """Return what the strategy `resource` asks for with each layer's reuse factor."""
    layers = [op for op in program.operations if isinstance(op, Affine)]
    return Needs(
        {op.name: -(-op.weight.size // reuse[op.name]) for op in layers},
        sum(op.weight.size * op.weight_format.bits for op in layers),
    )


def _share(count: int, available: int | None, what: str) -> str:
    if available is None:
        return f"{count:,} {what}"
    fits = "fits" if count <= available else "does NOT fit: a larger reuse factor"
    return f"{count:,} of {available:,} {what}, {count / available:.1%}; {fits}"
