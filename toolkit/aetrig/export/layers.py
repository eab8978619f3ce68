"""A Program's operations grouped into layers: what one fused kernel of onnxruntime computes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aetrig.errors import UserError
from aetrig.program.model import (
    Add,
    Affine,
    Format,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Table,
)


@dataclass(frozen=True)
class Residual:
    """An earlier quantizer's result added, and the quantizer behind the sum.

    ``left``: bits that the branch and the other summand are shifted by to their common grid.
    ``shift``: bits that the quantizer drops from the sum.
    """

    add: Add
    left: tuple[int, int]
    shift: int
    quantizer: Quantize


@dataclass(frozen=True)
class Layer:
    """An affine operation, the ReLU behind it if any, and its quantizer.

    ``before``: format of the layer's input. ``shift``: bits that the quantizer drops from the
    accumulator (negative: it adds some). ``low``, ``high``: the range that the result saturates
    to; a ReLU is the same as saturation at zero, as rounding is monotonic and keeps zero.
    ``table``: what looks the activation up behind that, and the quantizer behind it, which changes
    nothing but names the result; None for others. ``residual``: a sum behind all of that.
    """

    affine: Affine
    quantizer: Quantize
    before: Format
    shift: int
    low: int
    high: int
    table: tuple[Table, Quantize] | None = None
    residual: Residual | None = None

    @property
    def rounds_down(self) -> bool:
        """Whether FLOOR matters: where no bits are dropped both roundings are the same."""
        return self.quantizer.rounding == "FLOOR" and self.shift > 0


def layers(program: Program) -> list[Layer]:
    """Return the layers behind the input quantizer, in order.

    Raises UserError where operations do not form layers (Affine, Relu or none, Quantize): one left
    out would be another network.
    """
    _check_order(program)
    found: list[Layer] = []
    before = program.input_quantizer.format
    affine: Affine | None = None
    table: Table | None = None
    add: Add | None = None
    relu = False
    for op in program.operations:
        if isinstance(op, Affine):
            affine, relu = op, False
        elif isinstance(op, Relu):
            relu = True
        elif isinstance(op, Table):
            table = op
        elif isinstance(op, Add):
            add = op
        elif isinstance(op, Quantize) and add is not None:
            exponents = before.exponent, program.quantizer(add.source).format.exponent
            finest = min(exponents)
            left = (exponents[0] - finest, exponents[1] - finest)
            residual = Residual(add, left, op.format.exponent - finest, op)
            found[-1] = replace(found[-1], residual=residual)
            before, add = op.format, None
        elif isinstance(op, Quantize) and table is not None:
            found[-1] = replace(found[-1], table=(table, op))
            before, table = op.format, None
        elif isinstance(op, Quantize) and affine is not None:
            shift = op.format.exponent - before.exponent - affine.weight_format.exponent
            low = max(0, op.format.low) if relu else op.format.low
            found.append(Layer(affine, op, before, shift, low, op.format.high))
            before, affine = op.format, None
    return found


def _check_order(program: Program) -> None:
    allowed: dict[type[Operation] | None, tuple[type[Operation], ...]] = {
        None: (Rescale,),
        Rescale: (Quantize,),
        Quantize: (Affine, Table, Add),
        Add: (Quantize,),
        Table: (Quantize,),
        Affine: (Relu, Quantize),
        Relu: (Quantize,),
    }
    previous: Operation | None = None
    for op in program.operations:
        expected = allowed[type(previous) if previous else None]
        if not isinstance(op, expected):
            where = f"behind '{previous.name}'" if previous else "first"
            kinds = " or ".join(kind.__name__ for kind in expected)
            raise UserError(
                f"'{op.name}' ({type(op).__name__}) stands {where}, where the plain ONNX model "
                f"needs {kinds}; quantize the input and the result of every layer"
            )
        previous = op
