"""Small Programs for firmware tests: every format that the chain can meet, compiled in seconds."""

from __future__ import annotations

import numpy as np

from aetrig.program.model import (
    Affine,
    Format,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
)
from aetrig.program.ranges import ranges


def small_program(
    rounding: str = "ROUND",
    widths: tuple[int, ...] = (6, 8, 2, 8, 6),
    weight_bits: tuple[int, ...] = (6, 1, 12, 4),
    value_bits: tuple[int, ...] = (8, 1, 12, 7),
    seed: int = 3,
    shifts: tuple[int, ...] = (-2, 0, 3, 5, 1, -1),
    narrow: bool = True,
) -> Program:
    """Autoencoder with mixed shifts, bit widths 1 to 12 and exponents on both sides of zero."""
    rng = np.random.default_rng(seed)
    offset = rng.integers(-50, 200, len(shifts))
    operations: list[Operation] = [Rescale("input_scale", offset, np.array(shifts))]
    operations.append(Quantize("input_quant", Format(8, True, -1), rounding))
    inputs = tuple(Format(12, i % 2 == 0, 0) for i in range(len(shifts)))
    layers = list(zip(widths, widths[1:], weight_bits, value_bits, strict=False))
    names = ["encoder_0", "encoder_1", "decoder_0", "decoder_1"][: len(layers)]
    for name, (rows, columns, bits, wide) in zip(names, layers, strict=True):
        form = Format(bits, True, -bits, narrow and bits > 1)
        weight = rng.integers(form.low, form.high + 1, (rows, columns))
        bias = rng.integers(-40, 40, columns)
        operations.append(Affine(name, weight, form, bias))
        hidden = name in ("encoder_0", "decoder_0")
        if hidden:
            operations.append(Relu(f"{name}_relu"))
        # the quantizer's grid covers about half of the accumulator's range: rounding and saturation
        range_ = ranges(Program(inputs, tuple(operations), ""))[operations[-1].name]
        exponent = range_.exponent + max(0, range_.bits - 1 - wide)
        signed = Format(wide, not hidden, exponent, narrow and not hidden and wide > 1)
        operations.append(Quantize(f"{name}_quant", signed, rounding))
    return Program(inputs, tuple(operations), "")


def random_inputs(program: Program, events: int = 500, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    columns = [rng.integers(form.low, form.high + 1, events) for form in program.input_formats]
    return np.stack(columns, axis=1)
