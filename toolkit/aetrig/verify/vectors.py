"""Inputs made to break arithmetic, from the Program alone: corners, ties, saturation, noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aetrig.program.model import Affine, Integers, Program, Rescale
from aetrig.verify.climb import climb
from aetrig.verify.coverage import Coverage, Hits, coverage, hits

SEED = 20260101
FAMILY_SHARE = 10  # a structured family takes at most a tenth of the vectors
POOL = 4  # vectors drawn for each one that is selected
REPEATS = 3  # vectors kept for each value's tie and saturation


@dataclass(frozen=True)
class Adversarial:
    """The vectors: ``x`` int64, shape (events, features), and each one's family by name."""

    x: Integers
    family: tuple[str, ...]
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True)
class _Input:
    """Bounds and input scaling, each int64 of shape (features,).

    ``step`` is log2 of the input quantizer's step in hardware units; ``start`` and ``stop`` bound
    the hardware integers that the input quantizer does not saturate.
    """

    low: Integers
    high: Integers
    offset: Integers
    step: Integers
    start: Integers
    stop: Integers

    def clip(self, x: Integers) -> Integers:
        return x.clip(self.low, self.high)


def adversarial(program: Program, count: int, seed: int = SEED) -> Adversarial:
    """Return ``count`` vectors, the same for the same program, count and seed.

    Structured families come first; the others are selected from random vectors, so that every
    value of every quantizer meets ties and saturation where it can.
    """
    generator = np.random.default_rng(seed)
    bounds = _bounds(program)
    limit = max(4, count // FAMILY_SHARE)
    structured = {name: _thin(x, limit) for name, x in _families(program, bounds, generator, limit)}
    parts = [bounds.clip(x) for x in structured.values()]
    names = [name for name, x in structured.items() for _ in x]
    pool = _driven(program, _pool(bounds, POOL * count, generator), generator)
    chosen = pool[_select(hits(program, pool), count - len(names))]
    x = np.concatenate((*parts, chosen))[:count]
    family = (*names, *("selected" for _ in chosen))[:count]
    return Adversarial(x, family, coverage(program, x))


def drawn(program: Program, count: int, generator: np.random.Generator) -> Integers:
    """Return random inputs of all sizes: whole range, unsaturated, near the offset, sparse."""
    return _pool(_bounds(program), count, generator)


def _bounds(program: Program) -> _Input:
    low = np.array([form.low for form in program.input_formats], dtype=np.int64)
    high = np.array([form.high for form in program.input_formats], dtype=np.int64)
    first = program.operations[0]
    offset = first.offset if isinstance(first, Rescale) else np.zeros_like(low)
    shift = first.shift if isinstance(first, Rescale) else np.zeros_like(low)
    quantizer = program.input_quantizer.format
    step = shift + quantizer.exponent

    def hardware(q: int) -> Integers:
        # as floats: a step may be far below or above one hardware unit
        return np.clip(np.rint(np.ldexp(float(q), step)) + offset, low, high).astype(np.int64)

    return _Input(low, high, offset, step, hardware(quantizer.low), hardware(quantizer.high))


def _families(
    program: Program, bounds: _Input, generator: np.random.Generator, limit: int
) -> Iterator[tuple[str, Integers]]:
    zero = np.zeros_like(bounds.low)
    yield "constant", np.stack((zero, bounds.low, bounds.high, bounds.offset))
    ends = (bounds.low, bounds.high, bounds.start, bounds.stop)
    yield "one feature", np.concatenate([np.where(_identity(zero), end, zero) for end in ends])
    yield "ties of the input", _input_ties(program, bounds, generator, limit)
    yield "first layer's extremes", _first_layer(program, bounds)
    corner = generator.integers(0, 2, (limit, zero.size)).astype(np.bool_)
    yield "corners", np.where(corner, bounds.high, bounds.low)
    corner = generator.integers(0, 2, (limit, zero.size)).astype(np.bool_)
    yield (
        "edges of saturation",
        np.where(corner, bounds.stop, bounds.start) + generator.integers(-1, 2, (limit, zero.size)),
    )
    yield "random bits", generator.integers(bounds.low, bounds.high + 1, (limit, zero.size))


def _identity(row: Integers) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    return np.eye(row.size, dtype=np.bool_)


def _thin(x: Integers, limit: int) -> Integers:
    """Keep at most ``limit`` rows, evenly spaced."""
    if x.shape[0] <= limit:
        return x
    return x[np.linspace(0, x.shape[0] - 1, limit).round().astype(np.int64)]


def _input_ties(
    program: Program, bounds: _Input, generator: np.random.Generator, limit: int
) -> Integers:
    """Return inputs exactly half-way between two steps of the input quantizer.

    Features whose step is one hardware unit or finer have no ties and take random values.
    """
    form = program.input_quantizer.format
    shape = (limit, bounds.low.size)
    q = generator.integers(form.low, form.high, shape)
    q[: limit // 2] = generator.integers(-3, 3, (limit // 2, shape[1]))
    step = np.clip(bounds.step, 1, 40)
    ties = bounds.offset + (q << step) + (1 << (step - 1))
    reachable = (bounds.step > 0) & (ties >= bounds.low) & (ties <= bounds.high)
    return np.where(reachable, ties, generator.integers(bounds.start, bounds.stop + 1, shape))


def _first_layer(program: Program, bounds: _Input) -> Integers:
    """Return, for each neuron of the first layer, inputs of largest and smallest sum."""
    layer = next(op for op in program.operations if isinstance(op, Affine))
    sign = np.sign(layer.weight.T)
    zero = np.zeros_like(bounds.low)
    parts = [
        np.where(sign == direction, high, np.where(sign == 0, zero, low))
        for low, high in ((bounds.low, bounds.high), (bounds.start, bounds.stop))
        for direction in (1, -1)
    ]
    # neurons outermost, so that thinning keeps all four kinds
    return np.stack(parts, axis=1).reshape(-1, zero.size)


def _pool(bounds: _Input, count: int, generator: np.random.Generator) -> Integers:
    """Return random vectors of all sizes: whole range, unsaturated, near the offset, sparse."""
    shape = (count, bounds.low.size)
    wide = generator.integers(bounds.low, bounds.high + 1, shape)
    inside = generator.integers(bounds.start, bounds.stop + 1, shape)
    kind = generator.integers(0, 4, (count, 1))
    shrink = generator.integers(0, 8, (count, 1))
    near = bounds.offset + ((inside - bounds.offset) >> shrink)
    x = np.where(kind == 0, wide, np.where(kind == 1, inside, near))
    sparse = (kind == 3) & (generator.random(shape) < generator.random((count, 1)))
    return bounds.clip(np.where(sparse, 0, x))


def _driven(program: Program, pool: Integers, generator: np.random.Generator) -> Integers:
    """Add inputs that saturate what the pool leaves unsaturated though its range allows it."""
    parts = [pool]
    for row in coverage(program, pool):
        for count, direction in ((row.low, -1), (row.high, 1)):
            if count == 0:
                parts.append(climb(program, row.name, direction, pool, generator))
    return np.concatenate(parts[::-1])


def _select(found: Hits, count: int) -> Integers:
    """Return rows of the pool: for each value and kind the first that hit it, then the richest."""
    marks = np.concatenate(list(found.values()), axis=1)
    size = marks.shape[0]
    keep = np.zeros(size, dtype=np.bool_)
    for repeat in range(REPEATS):
        for column in marks.T:
            rows = np.flatnonzero(column)
            if rows.size > repeat and not keep[rows].sum() > repeat and keep.sum() < count:
                keep[rows[repeat]] = True
    others = np.flatnonzero(~keep)
    richest = others[np.argsort(-marks[others].sum(axis=1), kind="stable")]
    missing = max(0, count - int(keep.sum()))
    # half by richness, half as drawn, so that quiet vectors are there too
    rich = richest[: missing // 2]
    filled = np.concatenate((rich, np.setdiff1d(others, rich)))[:missing]
    return np.concatenate((np.flatnonzero(keep), filled)).astype(np.int64)
