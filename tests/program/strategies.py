"""Random Programs for property tests, and vectors that visit their corners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from aetrig.program.model import (
    SCORE,
    Add,
    Affine,
    Format,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Score,
    Table,
    Trigger,
    WorkingPoint,
)
from aetrig.program.ranges import MAX_BITS, ranges


@st.composite
def programs(
    draw: st.DrawFn, *, bits: tuple[int, int] = (1, 12), width: int = 12, depth: int = 3
) -> Program:
    """A network of 1 to ``depth`` layers with mixed formats, roundings, shifts and weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    some_bits = st.integers(*bits)
    roundings = st.sampled_from(["ROUND", "FLOOR"])
    features = draw(st.integers(1, width))
    inputs = tuple(Format(draw(some_bits), draw(st.booleans()), 0) for _ in range(features))
    offset = np.array([int(rng.integers(form.low, form.high + 1)) for form in inputs])
    shift = np.array([draw(st.integers(-2, 6)) for _ in range(features)])
    exponent = draw(st.integers(-6, 1))
    form = Format(draw(some_bits), True, exponent, draw(st.booleans()))
    operations: list[Operation] = [
        Rescale("input_scale", offset, shift),
        Quantize("input_quant", form, draw(roundings)),
    ]
    before, columns = form, features
    for index in range(draw(st.integers(1, depth))):
        affine, accumulator = _affine(
            draw, rng, f"layer_{index}", columns, before, draw(some_bits), width
        )
        relu = draw(st.booleans())
        drops = draw(st.integers(-2, 10))
        after = Format(
            draw(some_bits),
            not relu or draw(st.booleans()),
            accumulator + drops,
            draw(st.booleans()),
        )
        operations.append(affine)
        if relu:
            operations.append(Relu(f"layer_{index}_relu"))
        behind = Quantize(f"layer_{index}_quant", after, draw(roundings))
        if not relu and draw(st.booleans()):
            operations += looked_up(rng, behind, accumulator + drops)
        else:
            operations.append(behind)
        columns = affine.weight.shape[1]
        if draw(st.booleans()):
            operations = with_residual(rng, operations, features, columns)
        last = operations[-1]
        assert isinstance(last, Quantize)
        before = last.format
    return Program(inputs, tuple(operations), digest="0" * 64)


def looked_up(
    rng: np.random.Generator, behind: Quantize, exponent: int, bits: int | None = None
) -> list[Operation]:
    """Return a quantizer at ``exponent``, a table of any entries, and the quantizer behind it."""
    layer, after = behind.name.removesuffix("_quant"), behind.format
    signed = bool(rng.integers(2))
    before = Format(bits or int(rng.integers(1, 9)), signed, exponent)
    entries = rng.integers(after.low, after.high + 1, before.high - before.low + 1)
    table = Table(f"{layer}_table", before.low, entries, after.exponent)
    return [Quantize(f"{layer}_pre_quant", before, behind.rounding), table, behind]


def with_residual(
    rng: np.random.Generator, operations: list[Operation], features: int, columns: int
) -> list[Operation]:
    """Return the operations with an earlier result added to the last, where one is as wide."""
    *earlier, last = operations
    assert isinstance(last, Quantize)
    sources, width = [], features
    for op in earlier:
        width = len(op.bias) if isinstance(op, Affine) else width
        # a residual connection starts where a layer does
        starts = isinstance(op, Quantize) and "_pre_" not in op.name and "_branch_" not in op.name
        if starts and width == columns:
            sources.append(op)
    if not sources:
        return operations
    source = sources[int(rng.integers(len(sources)))]
    assert isinstance(source, Quantize)
    layer, form = last.name.removesuffix("_quant"), last.format
    finest = min(form.exponent, source.format.exponent)
    exponent = finest + int(rng.integers(-2, 4))
    # a sum that is rounded off whole has no firmware type
    exponent = min(exponent, finest + min(form.bits, source.format.bits))
    return [
        *earlier,
        replace(last, name=f"{layer}_branch_quant"),
        Add(f"{layer}_residual", source.name),
        replace(last, format=replace(form, exponent=exponent)),
    ]


@st.composite
def triggers(
    draw: st.DrawFn, *, bits: tuple[int, int] = (1, 12), width: int = 12, depth: int = 3
) -> Program:
    """A network of `programs` with any score that its widths allow, and one to three thresholds."""
    program = draw(programs(bits=bits, width=width, depth=depth))
    widths, columns = {}, program.features
    for op in program.operations[:-1]:
        columns = len(op.bias) if isinstance(op, Affine) else columns
        if isinstance(op, Quantize):
            widths[op.name] = columns
    references = [name for name, columns in widths.items() if columns == program.outputs]
    score = Score(
        draw(st.sampled_from(["square", "absolute"])),
        draw(st.sampled_from([None, *references])),
    )
    network = "1" * 64
    scored = replace(program, trigger=Trigger(score, (), network))
    bounds = ranges(scored)[SCORE]
    assume(bounds.bits <= MAX_BITS)  # others are refused in words
    drawn = draw(st.lists(st.integers(bounds.low[0], bounds.high[0]), min_size=1, max_size=3))
    points = tuple(WorkingPoint(f"point_{i}", value) for i, value in enumerate(sorted(drawn)))
    return replace(program, trigger=Trigger(score, points, network))


def _affine(
    draw: st.DrawFn,
    rng: np.random.Generator,
    name: str,
    rows: int,
    before: Format,
    bits: int,
    width: int,
) -> tuple[Affine, int]:
    form = Format(bits, True, draw(st.integers(-5, 1)), bits > 1 and draw(st.booleans()))
    columns = draw(st.integers(1, width))
    weight = rng.integers(form.low, form.high + 1, (rows, columns))
    weight *= rng.random(weight.shape) > draw(st.sampled_from([0.0, 0.5]))
    limit = 1 << draw(st.integers(1, 20))
    bias = rng.integers(-limit, limit, columns)
    return Affine(name, weight, form, bias), before.exponent + form.exponent


def vectors(program: Program, count: int, seed: int = 0) -> np.ndarray:
    """Integers within the input's formats: all low, all high, corners, then uniform."""
    rng = np.random.default_rng(seed)
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    corners = np.where(rng.random((count // 2, len(low))) < 0.5, low, high)
    uniform = rng.integers(low, high + 1, (count - count // 2, len(low)))
    return np.concatenate([low[None], high[None], corners, uniform]).astype(np.int32)
