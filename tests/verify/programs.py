"""Random Programs for tests: what a trained network looks like to verification."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from aetrig.program.model import (
    Affine,
    Format,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Rounding,
)


def random_program(
    seed: int,
    widths: tuple[int, ...] = (8, 6, 3, 6, 8),
    bits: int = 6,
    rounding: Rounding = "ROUND",
) -> Program:
    """Return a small network whose quantizers are neither idle nor always saturated."""
    generator = np.random.default_rng(seed)
    shift = generator.integers(1, 4, widths[0])
    operations: list[Operation] = [
        Rescale("input_scale", generator.integers(-5, 6, widths[0]), shift),
        Quantize("input_quant", Format(bits, True, -2), "ROUND"),
    ]
    pairs = list(itertools.pairwise(widths))
    for index, (inputs, outputs) in enumerate(pairs):
        name = f"encoder_{index}" if index < len(pairs) // 2 else f"decoder_{index}"
        linear = index in {len(pairs) // 2 - 1, len(pairs) - 1}
        weight = generator.integers(-7, 8, (inputs, outputs))
        operations.append(
            Affine(
                name, weight, Format(4, True, -3, narrow=True), generator.integers(-9, 9, outputs)
            )
        )
        if not linear:
            operations.append(Relu(f"{name}_relu"))
        operations.append(Quantize(f"{name}_quant", Format(bits, linear, -2), rounding))
    formats = tuple(Format(10, bool(index % 3), 0) for index in range(widths[0]))
    return Program(formats, tuple(operations), f"seed {seed}")


def replaced(program: Program, name: str, operation: Operation) -> Program:
    """Return the program with one operation exchanged."""
    operations = tuple(operation if op.name == name else op for op in program.operations)
    return dataclasses.replace(program, operations=operations)


def changed_weight(program: Program, name: str) -> Program:
    """Return the program with one weight of a layer changed by one step."""
    layer = next(op for op in program.operations if op.name == name)
    assert isinstance(layer, Affine)
    weight = layer.weight.copy()
    weight[0, 0] += 1 if weight[0, 0] <= 0 else -1
    return replaced(program, name, dataclasses.replace(layer, weight=weight))
