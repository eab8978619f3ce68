"""Random triggers of all sizes that the chain claims to take, from a seed alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aetrig.program.model import (
    SCORE,
    Affine,
    Format,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Score,
    Trigger,
    WorkingPoint,
)
from aetrig.program.ranges import ranges
from program.strategies import looked_up, with_residual


@dataclass(frozen=True)
class Size:
    """Bounds of what is drawn."""

    layers: int = 6
    width: int = 64
    bits: int = 12


SMALL = Size(layers=3, width=12, bits=8)  # for engines that compile each network on its own


def architecture(seed: int, size: Size = Size()) -> Program:
    """Return a network with a trigger: 1 to 6 layers, widths 1 to 64, 1 to 12 bits.

    Both roundings, both saturations (the whole range and the symmetric one), ReLU or none, weights
    pruned by none to nearly all, activations looked up in tables of any entries, residual
    connections, and a score of either kind against the input, a layer or zero.
    """
    rng = np.random.default_rng(seed)
    tables = np.random.default_rng([seed, 1])  # apart, so that all else of a seed stays as it was
    features = _width(rng, size)
    inputs = tuple(Format(_bits(rng, size), bool(rng.integers(2)), 0) for _ in range(features))
    offset = np.array([int(rng.integers(form.low, form.high + 1)) for form in inputs])
    operations: list[Operation] = [
        Rescale("input_scale", offset, rng.integers(-2, 6, features)),
        Quantize("input_quant", _format(rng, size, True, int(rng.integers(-4, 2))), _rounding(rng)),
    ]
    widths, columns = {"input_quant": features}, features
    for index in range(int(rng.integers(1, size.layers + 1))):
        # an autoencoder's last layer is as wide as its input, for a score against it
        after = features if rng.random() < 0.5 else _width(rng, size)
        operations += _layer(
            rng,
            tables,
            size,
            f"layer_{index}",
            columns,
            after,
            Program(inputs, tuple(operations), ""),
        )
        columns = after
        if tables.random() < 0.3:
            operations = with_residual(tables, operations, features, columns)
        widths[f"layer_{index}_quant"] = after
    program = Program(inputs, tuple(operations), digest="0" * 64)
    return _triggered(rng, program, widths)


def _layer(
    rng: np.random.Generator,
    tables: np.random.Generator,
    size: Size,
    name: str,
    rows: int,
    columns: int,
    before: Program,
) -> list[Operation]:
    form = _format(rng, size, True, int(rng.integers(-5, 2)))
    weight = rng.integers(form.low, form.high + 1, (rows, columns))
    weight = weight * (rng.random(weight.shape) > rng.choice([0.0, 0.5, 0.9, 0.99]))
    bias = rng.integers(-1, 2, columns) * rng.integers(0, 1 << int(rng.integers(1, 16)), columns)
    affine = Affine(name, weight, form, bias)
    reached = ranges(replace(before, operations=(*before.operations, affine)))[name]
    relu = rng.random() < 0.5
    # a grid around the accumulator's: some bits dropped, a few added, little or all saturated
    bits = _bits(rng, size)
    drops = int(rng.integers(-2, max(1, reached.bits - bits + 2) + 1))
    signed = bool(not relu or rng.random() < 0.2)
    quantize = Quantize(
        f"{name}_quant",
        replace(
            _format(rng, size, signed, reached.exponent + drops),
            bits=bits,
            narrow=bool(signed and bits > 1 and rng.integers(2)),
        ),
        _rounding(rng),
    )
    if not relu and tables.random() < 0.5:
        return [affine, *looked_up(tables, quantize, reached.exponent + drops)]
    return [affine, *([Relu(f"{name}_relu")] if relu else []), quantize]


def _triggered(rng: np.random.Generator, program: Program, widths: dict[str, int]) -> Program:
    *earlier, last = widths
    references = [None, *(name for name in earlier if widths[name] == widths[last])]
    kind: Any = str(rng.choice(["square", "absolute"]))
    score = Score(kind, references[int(rng.integers(len(references)))])
    bounds = ranges(replace(program, trigger=Trigger(score, (), "1" * 64)))[SCORE]
    low, high = (min(bound, 1 << 50) for bound in (bounds.low[0], bounds.high[0]))
    drawn = sorted(
        int(low + (high - low) * rng.random() ** 4) for _ in range(int(rng.integers(1, 4)))
    )
    points = tuple(WorkingPoint(f"point_{i}", value) for i, value in enumerate(drawn))
    return replace(program, trigger=Trigger(score, points, "1" * 64))


def _width(rng: np.random.Generator, size: Size) -> int:
    return int(rng.integers(1, size.width + 1))


def _bits(rng: np.random.Generator, size: Size) -> int:
    return int(rng.integers(1, size.bits + 1))


def _format(rng: np.random.Generator, size: Size, signed: bool, exponent: int) -> Format:
    bits = _bits(rng, size)
    return Format(bits, signed, exponent, bool(signed and bits > 1 and rng.integers(2)))


def _rounding(rng: np.random.Generator) -> Any:
    return str(rng.choice(["ROUND", "FLOOR"]))
