"""Program to firmware layers: which layers, in which exact types, with which constants.

Nothing is left to a default. A type holds exactly the range of its values, no bit more, but
accumulators and biases, which are signed always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aetrig.errors import UserError
from aetrig.hls.types import FixedType
from aetrig.program.model import (
    Add,
    Affine,
    Format,
    Integers,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Table,
)
from aetrig.program.ranges import Range, affine_range, bits_for, input_range, ranges

Kind = Literal["input", "scale", "dense", "relu", "linear", "table", "add"]
INPUT = "x"


@dataclass(frozen=True)
class Constant:
    """Integers of a layer's parameter in a type: value = integer * 2**type.exponent."""

    values: Integers
    type: FixedType


@dataclass(frozen=True)
class Layer:
    """One layer of the firmware project.

    ``name``: its name there. ``output``: the Program's operation whose value it returns.
    ``width``: number of outputs. ``result`` and ``accumulator``: types.
    ``second``: the operation whose value a sum takes beside the layer before it.
    ``constants``: by hls4ml's names: scale and bias, weight (inputs, outputs) and bias, or table.
    """

    name: str
    kind: Kind
    output: str
    width: int
    result: FixedType
    accumulator: FixedType | None
    constants: dict[str, Constant]
    second: str | None = None

    def types(self) -> dict[str, FixedType]:
        """Return every type by its role: result, accum, weight, bias, scale."""
        found = {"result": self.result}
        if self.accumulator is not None:
            found["accum"] = self.accumulator
        return found | {role: constant.type for role, constant in self.constants.items()}

    def named(self, role: str) -> str:
        """Return the operation that a role's type belongs to: a quantizer gives the result's."""
        return self.output if role == "result" else self.name


def layers(program: Program) -> tuple[Layer, ...]:
    """Lower a Program to firmware layers, the input first.

    A quantizer is the result type of the layer before it, as hls4ml itself merges them: then it
    costs no layer of its own. Raises UserError where a format has no firmware type.
    """
    found = ranges(program)
    first = input_range(program)
    result = [Layer(INPUT, "input", INPUT, program.features, _range_type(first), None, {})]
    operations = list(program.operations)
    while operations:
        used, layer = _layer(operations, found, result[-1])
        result.append(layer)
        del operations[:used]
    return tuple(result)


def _layer(
    operations: Sequence[Operation], found: dict[str, Range], before: Layer
) -> tuple[int, Layer]:
    """Return how many operations the next layer takes, and the layer."""
    op, following = operations[0], operations[1] if len(operations) > 1 else None
    width = before.width
    if isinstance(op, Quantize):
        return 1, Layer(op.name, "linear", op.name, width, _quantizer_type(op), None, {})
    if isinstance(following, Quantize) and not _rounded_whole(
        op, following, before, found[op.name]
    ):
        used, output, result = 2, following.name, _quantizer_type(following)
    else:
        used, output, result = 1, op.name, _range_type(found[op.name])
    match op:
        case Relu():
            return used, Layer(output, "relu", output, width, result, None, {})
        case Rescale():
            dropped = _dropped(operations[1:], found[op.name])
            constants = _scaling(op, dropped)
            if not constants and dropped > found[op.name].bits:
                raise UserError(
                    f"the quantizer behind '{op.name}' rounds off {dropped} bits of an input of "
                    f"{found[op.name].bits}: all of it becomes zero"
                )
            kind: Kind = "scale" if constants else "linear"
            return used, Layer(op.name, kind, output, width, result, None, constants)
        case Add():
            dropped = _dropped(operations[1:], found[op.name])
            if dropped > found[op.name].bits:
                raise UserError(
                    f"the quantizer behind '{op.name}' rounds off {dropped} bits of a sum of "
                    f"{found[op.name].bits}: all of it becomes zero"
                )
            return used, Layer(op.name, "add", output, width, result, None, {}, op.source)
        case Table():
            return used, Layer(op.name, "table", output, width, result, None, _entries(op, result))
        case Affine():
            accumulator = accumulator_type(
                found[op.name], at_least=_dropped(operations[1:], found[op.name])
            )
            if used == 1:
                result = accumulator
            constants = _parameters(op, accumulator.exponent)
            width = op.weight.shape[1]
            return used, Layer(op.name, "dense", output, width, result, accumulator, constants)


def _rounded_whole(op: Operation, quantizer: Quantize, before: Layer, value: Range) -> bool:
    """Return whether all bits of some element are rounded off.

    hls4ml's distributed arithmetic gives each element a type of its own bits alone, which
    ap_fixed cannot round so (see _dropped): the quantizer is then a layer behind.
    """
    if not isinstance(op, Affine):
        return False
    dropped = _dropped((quantizer,), value)
    # hls4ml reckons with all values of the input's type, reached or not
    typed = affine_range(op, _type_range(before))
    bits = [
        bits_for(low, high)
        for found in (value, typed)
        for low, high in zip(found.low, found.high, strict=True)
    ]
    return min(bits) < dropped


def _type_range(layer: Layer) -> Range:
    form = Format(layer.result.bits, layer.result.signed, layer.result.exponent)
    return Range((form.low,) * layer.width, (form.high,) * layer.width, form.exponent)


def accumulator_type(value: Range, *, at_least: int = 0) -> FixedType:
    """Return the signed type of exactly the accumulator's range, or of ``at_least`` bits.

    Partial sums may leave that range: they wrap, and wrap back, since sums modulo 2**bits are
    exact and nothing is rounded.
    """
    bits = max(bits_for(min(-1, *value.low), max(value.high)), at_least)
    return FixedType(bits, bits + value.exponent)


def _dropped(following: Sequence[Operation], value: Range) -> int:
    """Return how many bits the next quantizer rounds off, 0 where it rounds none.

    Its operand must have that many: ap_fixed looks at the highest of them, and aborts where the
    type ends below, even though all such values round to zero.
    """
    for op in following:
        if isinstance(op, Quantize):
            return max(0, op.format.exponent - value.exponent) if op.rounding == "ROUND" else 0
        if not isinstance(op, Relu):
            break
    return 0


def _range_type(value: Range) -> FixedType:
    return FixedType(value.bits, value.bits + value.exponent, value.signed)


def _quantizer_type(op: Quantize) -> FixedType:
    form = op.format
    if form.narrow and (not form.signed or form.bits == 1):
        sign = "signed" if form.signed else "unsigned"
        raise UserError(
            f"'{op.name}' is {sign} narrow with {form.bits} bits; no firmware type saturates so: "
            "use the full range"
        )
    rounding = "RND_CONV" if op.rounding == "ROUND" else "TRN"
    overflow = "SAT_SYM" if form.narrow else "SAT"
    return FixedType(form.bits, form.bits + form.exponent, form.signed, rounding, overflow)


def _scaling(op: Rescale, at_least: int) -> dict[str, Constant]:
    """Return scale and bias of the input scaling; none where it does nothing.

    hls4ml removes a scaling by ones and zeros, and its quantization with it. The sum of product
    and bias is as wide as the bias at least: ``at_least`` bits.
    """
    finest = int(op.shift.max())
    scale = np.left_shift(np.int64(1), finest - op.shift)
    bias = -(op.offset << (finest - op.shift))
    if finest == 0 and (scale == 1).all() and not bias.any():
        return {}
    return {
        "scale": Constant(scale, _values_type(scale, -finest, signed=False)),
        "bias": Constant(bias, _values_type(bias, -finest, signed=True, at_least=at_least)),
    }


def _entries(op: Table, result: FixedType) -> dict[str, Constant]:
    """Return the table in the order of its index's bits: from zero up, then from the lowest on."""
    if len(op.values).bit_count() != 1:
        raise UserError(
            f"table '{op.name}' has {len(op.values)} entries, no power of two: the quantizer "
            "before it must not be narrow"
        )
    kind = FixedType(result.bits, result.integer, result.signed)
    return {"table": Constant(np.roll(op.values, op.low), kind)}


def _parameters(op: Affine, exponent: int) -> dict[str, Constant]:
    form: Format = op.weight_format
    weight = FixedType(form.bits, form.bits + form.exponent, form.signed)
    return {
        "weight": Constant(op.weight, weight),
        "bias": Constant(op.bias, _values_type(op.bias, exponent, signed=True)),
    }


def _values_type(values: Integers, exponent: int, *, signed: bool, at_least: int = 0) -> FixedType:
    low = min(-1, int(values.min())) if signed else 0
    bits = max(bits_for(low, int(values.max())), at_least)
    return FixedType(bits, bits + exponent, signed)
