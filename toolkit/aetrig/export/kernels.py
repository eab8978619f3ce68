"""Which arithmetic of onnxruntime computes a Program exactly: proven from ranges, not tried out.

int8     quantized layers, which onnxruntime fuses to QGemm. Fastest.
float32  integers held in float32: exact below 2**24.
float64  integers held in float64: exact below 2**53.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from aetrig.errors import UserError
from aetrig.export.layers import Residual, layers
from aetrig.program.model import Affine, Format, Integers, Program, Quantize, Rescale

Kernel = Literal["int8", "float32", "float64"]
MANTISSA = {"float32": 24, "float64": 53}
FLOAT32 = 1 << MANTISSA["float32"]
# x86 processors without VNNI multiply uint8 by int8 with vpmaddubsw, which saturates the sum of
# two products at 16 bits: 2 * 255 * 64 = 32,640 still fits, 65 does not (measured on AVX2: 96 and
# 127 give wrong outputs). Signed activations are unsigned bytes with an offset: the same bound.
MAX_INT8_WEIGHT = 64
# Larger weights are unsigned bytes too: two unsigned bytes are widened to 16 bits and multiplied
# with vpmaddwd into 32 bits, where nothing saturates; slower, but exact on AVX2 as well.
UINT8_ZERO = 128


def choose_kernel(program: Program) -> Kernel:
    """Return the fastest exact kernel; raise UserError naming the layer where there is none."""
    output = _format_magnitude(program.output_format)
    if output > FLOAT32:
        raise UserError(
            f"'{program.operations[-1].name}' has {program.output_format.bits} bits, more than "
            "the 24 that the plain model's float32 output holds exactly; use fewer output bits"
        )
    if _int8_is_exact(program):
        return "int8"
    name, magnitude = _largest(program)
    for kernel in ("float32", "float64"):
        if magnitude < 1 << MANTISSA[kernel]:
            return kernel
    raise UserError(
        f"'{name}' needs {magnitude.bit_length() + 1} bits, more than the 53 that onnxruntime's "
        "float64 holds exactly; use fewer bits for its weights or inputs"
    )


def biased_floor(op: Affine, shift: int) -> Affine:
    """Return a layer for which rounding to nearest gives what FLOOR gives for ``op``.

    For integers a and shift k >= 1, floor(a / 2**k) = round((2 a - 2**k + 1) / 2**(k + 1)), and
    the right side never meets a tie: with a = n 2**k + r, 0 <= r < 2**k, its argument is
    n + (r + 1/2) / 2**k - 1/2, within half a unit of n. The result's scale is halved.
    """
    exponent = op.weight_format.exponent - 1
    form = Format(op.weight_format.bits + 1, True, exponent)
    return Affine(op.name, 2 * op.weight, form, 2 * op.bias - (1 << shift) + 1)


def weight_bytes(weight: Integers) -> Literal["int8", "uint8"] | None:
    """Return the bytes that hold a weight exactly, and whose products no processor saturates."""
    if int(abs(weight).max()) <= MAX_INT8_WEIGHT:
        return "int8"
    fits = int(weight.min()) >= -UINT8_ZERO and int(weight.max()) < UINT8_ZERO
    return "uint8" if fits else None


def _int8_is_exact(program: Program) -> bool:
    if _input_magnitude(program) >= FLOAT32:
        return False
    formats = [op.format for op in program.operations if isinstance(op, Quantize)]
    if any(form.bits > 8 for form in formats):
        return False
    for layer in layers(program):
        if layer.residual is not None:
            return False  # onnxruntime has no integer sum of two tensors with one rounding
        affine = biased_floor(layer.affine, layer.shift) if layer.rounds_down else layer.affine
        if weight_bytes(affine.weight) is None or _magnitude(affine, layer.before) >= FLOAT32:
            return False
    return True


def _largest(program: Program) -> tuple[str, int]:
    """Return the operation with the largest magnitude that any partial sum can reach."""
    first = next(op.name for op in program.operations if isinstance(op, Rescale))
    found = [(first, _input_magnitude(program))]
    quantizers = [op for op in program.operations if isinstance(op, Quantize)]
    found += [(op.name, _format_magnitude(op.format)) for op in quantizers]
    found += [
        (layer.affine.name, _magnitude(layer.affine, layer.before)) for layer in layers(program)
    ]
    found += [
        (layer.residual.add.name, _sum_magnitude(layer.residual, program))
        for layer in layers(program)
        if layer.residual is not None
    ]
    return max(found, key=lambda item: item[1])


def _input_magnitude(program: Program) -> int:
    rescale = next(op for op in program.operations if isinstance(op, Rescale))
    return max(
        max(abs(form.low - int(offset)), abs(form.high - int(offset)))
        for form, offset in zip(program.input_formats, rescale.offset, strict=True)
    )


def _magnitude(affine: Affine, before: Format) -> int:
    """Return a bound on any sum of any of the layer's terms, in whatever order they are added."""
    largest = _format_magnitude(before)
    sums = abs(affine.weight).astype(object).sum(axis=0) * largest + abs(affine.bias)
    return int(np.max(sums))


def _sum_magnitude(residual: Residual, program: Program) -> int:
    index = [op is residual.add for op in program.operations].index(True)
    branch = program.operations[index - 1]
    if not isinstance(branch, Quantize):
        raise TypeError(f"'{residual.add.name}' must follow a quantizer")
    formats = branch.format, program.quantizer(residual.add.source).format
    return sum(
        _format_magnitude(form) << left for form, left in zip(formats, residual.left, strict=True)
    )


def _format_magnitude(form: Format) -> int:
    return max(abs(form.low), abs(form.high))
