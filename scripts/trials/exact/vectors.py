"""Streams of vectors, random and made to break arithmetic, of which none comes twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError
from aetrig.program.model import Integers, Program
from aetrig.verify.vectors import _bounds, _Input, _input_ties, _pool, adversarial

BASES = 2000  # adversarial vectors that others are mutated from
MOST_SLOTS, LEAST_SLOTS = 1 << 27, 1 << 16
FRUITLESS = 200  # draws in a row without a new vector, after which the input has no more
NEAR = 3  # hardware units around the edges of saturation, and of a small mutation
Generator = np.random.Generator


@dataclass(frozen=True)
class Chunk:
    """Vectors, int64 (events, features), in random order; how many are of each family."""

    x: Integers
    families: Counter[str]


@dataclass(frozen=True)
class Source:
    """What vectors of a network are drawn from. ``golden``: its own vectors, with real events."""

    program: Program
    bounds: _Input
    golden: Integers
    adversarial: Integers


def source(program: Program, golden: Integers, seed: int) -> Source:
    """Return a network's source; climbing to saturation takes seconds for a large network."""
    return Source(program, _bounds(program), golden, adversarial(program, BASES, seed).x)


def corners(given: Source, generator: Generator, count: int) -> Integers:
    """Each feature at an end of its wire or of what saturates, at zero or where it is centred.

    Or, in a share drawn for each vector, anywhere.
    """
    b = given.bounds
    ends = np.stack([b.low, b.high, b.start, b.stop, np.zeros_like(b.low), b.offset])
    shape = (count, b.low.size)
    drawn = np.take_along_axis(ends, generator.integers(0, len(ends), shape), axis=0)
    anywhere = generator.integers(b.low, b.high + 1, shape)
    return np.where(generator.random(shape) < generator.random((count, 1)), drawn, anywhere)


def edges(given: Source, generator: Generator, count: int) -> Integers:
    """Each feature within a few units of where the input quantizer begins to saturate."""
    b = given.bounds
    shape = (count, b.low.size)
    ends = np.where(generator.random(shape) < 0.5, b.start, b.stop)
    return ends + generator.integers(-NEAR, NEAR + 1, shape)


def sparse(given: Source, generator: Generator, count: int) -> Integers:
    """Few objects in the event: the others' features are zero."""
    b = given.bounds
    shape = (count, b.low.size)
    drawn = generator.integers(b.low, b.high + 1, shape)
    return np.where(generator.random(shape) < generator.random((count, 1)) / 3, drawn, 0)


def pool(given: Source, generator: Generator, count: int) -> Integers:
    """The whole range, the unsaturated one, near the centre, sparse: of all sizes."""
    return _pool(given.bounds, count, generator)


def ties(given: Source, generator: Generator, count: int) -> Integers:
    """Inputs half-way between two steps of the input quantizer."""
    return _input_ties(given.program, given.bounds, generator, count)


def _mutated(bases: Integers, given: Source, generator: Generator, count: int) -> Integers:
    """Two vectors crossed, a few features of the result moved a little or set anew."""
    b = given.bounds
    shape = (count, b.low.size)
    one, other = bases[generator.integers(0, len(bases), (2, count))]
    x = np.where(generator.random(shape) < 0.5 * generator.integers(0, 2, (count, 1)), other, one)
    moved = x + generator.integers(-NEAR, NEAR + 1, shape)
    fresh = generator.integers(b.low, b.high + 1, shape)
    few = generator.random((count, 1)) * np.maximum(0.2, 1 / b.low.size)
    changed = np.where(generator.random(shape) < 0.5, moved, fresh)
    return np.where(generator.random(shape) < few, changed, x)


def near_golden(given: Source, generator: Generator, count: int) -> Integers:
    """Mutations of the golden vectors, real events among them."""
    return _mutated(given.golden, given, generator, count)


def near_adversarial(given: Source, generator: Generator, count: int) -> Integers:
    """Mutations of vectors that were selected for ties and saturation in every layer."""
    return _mutated(given.adversarial, given, generator, count)


# the share of each family among what is drawn
FAMILIES: dict[str, tuple[float, Callable[[Source, Generator, int], Integers]]] = {
    "uniform": (0.2, lambda s, g, n: g.integers(s.bounds.low, s.bounds.high + 1, (n, _width(s)))),
    "all sizes": (0.15, pool),
    "corners": (0.1, corners),
    "edges of saturation": (0.1, edges),
    "ties of the input": (0.1, ties),
    "sparse": (0.1, sparse),
    "near golden": (0.1, near_golden),
    "near adversarial": (0.15, near_adversarial),
}


def _width(given: Source) -> int:
    return int(given.bounds.low.size)


class Seen:
    """Which vectors have been taken: a slot for each hash, in flat memory.

    A vector whose slot is taken counts as seen. So no vector is ever taken twice; a few new ones
    are left out, which does no harm.
    """

    def __init__(self, features: int, count: int) -> None:
        """Make room for ``count`` vectors."""
        slots = min(MOST_SLOTS, max(LEAST_SLOTS, 1 << (16 * count).bit_length()))
        self._taken = np.zeros(slots, dtype=np.bool_)
        self._shift = np.uint64(65 - slots.bit_length())
        generator = np.random.default_rng(slots)
        self._factors = generator.integers(0, 1 << 63, features, dtype=np.uint64) * 2 + 1

    def new(self, x: Integers) -> npt.NDArray[np.bool_]:
        """Mark the vectors (events, features) that were not seen before, and remember them."""
        hashed = x.astype(np.uint64) @ self._factors
        hashed ^= hashed >> np.uint64(29)
        slot = (hashed * np.uint64(0xBF58476D1CE4E5B9)) >> self._shift
        first = np.zeros(len(x), dtype=np.bool_)
        first[np.unique(slot, return_index=True)[1]] = True
        first &= ~self._taken[slot]
        self._taken[slot] = True
        return first


def stream(given: Source, count: int, size: int, seed: int) -> Iterator[Chunk]:
    """Yield ``count`` vectors, all distinct, in chunks of up to ``size``; a seed gives one stream.

    Raises UserError where the input has not so many.
    """
    seen, left, fruitless, number = Seen(_width(given), count), count, 0, 0
    names = list(FAMILIES)
    while left:
        generator = np.random.default_rng([seed, number])
        family = generator.choice(len(names), size, p=[share for share, _ in FAMILIES.values()])
        drawn = np.empty((size, _width(given)), dtype=np.int64)
        for index, (_, draw) in enumerate(FAMILIES.values()):
            rows = family == index
            drawn[rows] = given.bounds.clip(draw(given, generator, int(rows.sum())))
        taken = np.flatnonzero(seen.new(drawn))[:left]
        number, fruitless = number + 1, 0 if taken.size else fruitless + 1
        if fruitless == FRUITLESS:
            raise UserError(f"the input has no {count:,} vectors: {count - left:,} were found")
        if taken.size:
            left -= taken.size
            counts = Counter(names[index] for index in family[taken])
            yield Chunk(drawn[taken], counts)
