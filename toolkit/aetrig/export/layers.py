"""A Program's operations grouped into layers: what one fused kernel of onnxruntime computes."""

from __future__ import annotations

from dataclasses import dataclass

from aetrig.program.model import Affine, Format, Program, Quantize, Relu


@dataclass(frozen=True)
class Layer:
    """An affine operation, the ReLU behind it if any, and its quantizer.

    ``before``: format of the layer's input. ``shift``: bits that the quantizer drops from the
    accumulator (negative: it adds some). ``low``, ``high``: the range that the result saturates
    to; a ReLU is the same as saturation at zero, as rounding is monotonic and keeps zero.
    """

    affine: Affine
    quantizer: Quantize
    before: Format
    shift: int
    low: int
    high: int

    @property
    def rounds_down(self) -> bool:
        """Whether FLOOR matters: where no bits are dropped both roundings are the same."""
        return self.quantizer.rounding == "FLOOR" and self.shift > 0


def layers(program: Program) -> list[Layer]:
    """Return the layers behind the input quantizer, in order."""
    found: list[Layer] = []
    before = program.input_quantizer.format
    affine: Affine | None = None
    relu = False
    for op in program.operations:
        if isinstance(op, Affine):
            affine, relu = op, False
        elif isinstance(op, Relu):
            relu = True
        elif isinstance(op, Quantize) and affine is not None:
            shift = op.format.exponent - before.exponent - affine.weight_format.exponent
            low = max(0, op.format.low) if relu else op.format.low
            found.append(Layer(affine, op, before, shift, low, op.format.high))
            before, affine = op.format, None
    return found
