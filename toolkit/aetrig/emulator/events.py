"""A layer as sums over weights that are not zero, for the kernels with events in the lanes.

Outputs go two by two. A term is a pair of inputs times a pair of weights of one output, or of each
of the two, which then share the loads; pairs of zeros are left out. Bytes are summed in 16 bits: a
chunk is a run of terms whose sum, from its ``start`` on, always fits them. What an output's chunks
sum up to is its accumulator u: one alone, two added with saturation where u may saturate to 16
bits, or any number in 32 bits with ``rest``. Words are summed in 32 bits, in one chunk, which
wraps: only u itself has to fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain

from aetrig.emulator.arithmetic import LIMITS, Store
from aetrig.emulator.lower import Layer, Network

LEAST, MOST = LIMITS["s16"]
Weights = tuple[int, int]
NONE: Weights = (0, 0)
FEW = 4  # found by measurement


@dataclass(frozen=True)
class Term:
    """weights[h][0] * stored[2 * pair] + weights[h][1] * stored[2 * pair + 1], for output h."""

    pair: int
    weights: tuple[Weights, Weights]


@dataclass(frozen=True)
class Chunk:
    """start[h] + the sum of terms, for output h of two."""

    terms: tuple[Term, ...]
    start: tuple[int, int]

    @property
    def both(self) -> list[Term]:
        """The terms of both outputs; a few others among them, where a loop would cost more."""
        return [term for term in self.terms if self._few or NONE not in term.weights]

    @cached_property
    def _few(self) -> bool:
        return sum(NONE in term.weights for term in self.terms) <= FEW

    def of(self, half: int) -> list[Term]:
        """Return the terms of one output alone."""
        return [term for term in self.terms if not self._few and term.weights[1 - half] == NONE]


@dataclass(frozen=True)
class Two:
    """Two outputs; the second of the last may be missing: it has no terms.

    ``wide``: summed up in 32 bits, from ``rest`` on.
    """

    chunks: tuple[Chunk, ...]
    rest: tuple[int, int]
    wide: bool


def applies(network: Network) -> bool:
    """Say whether events can lie in the lanes: no product in 64 bits, no row in 32."""
    stores = [network.input.store, *(step.store for step in network.layers)]
    return all(held.type != "s32" for held in stores) and not any(
        isinstance(step, Layer) and step.kind == "wide" for step in network.layers
    )


def stores_before(network: Network) -> list[Store]:
    """Return how the row before each step is held."""
    return [network.input.store, *(step.store for step in network.layers)][:-1]


def twos(layer: Layer, before: Store) -> list[Two]:
    """Return a layer's outputs, two by two. ``before``: how its input is held."""
    return [_two(layer, column, before) for column in range(0, layer.width, 2)]


def products(network: Network) -> int:
    """Return the multiplications of an event that are left, each pair counted as two."""
    return sum(
        2 * (2 * len(chunk.both) + len(chunk.of(0)) + len(chunk.of(1)))
        for layer, before in zip(network.layers, stores_before(network), strict=True)
        if isinstance(layer, Layer)
        for two in twos(layer, before)
        for chunk in two.chunks
    )


def _two(layer: Layer, column: int, before: Store) -> Two:
    terms, bias = list(_terms(layer, column)), _bias(layer, column)
    if layer.kind != "dot8":
        return Two((Chunk(tuple(terms), (0, 0)),), bias, wide=True)
    terms = list(chain.from_iterable(_fitting(term, before) for term in terms))
    narrow = _narrow(terms, bias, before) if layer.narrow else None
    if narrow is not None:
        return Two(narrow, (0, 0), wide=False)
    chunks = tuple(_chunks(terms, before))
    starts = [sum(chunk.start[half] for chunk in chunks) for half in (0, 1)]
    return Two(chunks, (bias[0] - starts[0], bias[1] - starts[1]), wide=True)


def _bias(layer: Layer, column: int) -> tuple[int, int]:
    return layer.bias[column], layer.bias[column + 1] if column + 1 < layer.width else 0


def _terms(layer: Layer, column: int) -> Iterator[Term]:
    rows: list[list[int]] = layer.weight[:, column : column + 2].tolist()
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    for pair in range(len(rows) // 2):
        a, b = rows[2 * pair], rows[2 * pair + 1]
        first, second = (a[0], b[0]), (a[1], b[1]) if len(a) > 1 else NONE
        if first != NONE or second != NONE:
            yield Term(pair, (first, second))


def _fitting(term: Term, before: Store) -> Iterator[Term]:
    """Split a pair whose products may not fit 16 bits together: the instruction saturates."""
    if all(low >= LEAST and high <= MOST for low, high in _ranges([term], before)):
        yield term
    else:
        (a, b), (c, d) = term.weights
        parts = (((a, 0), (c, 0)), ((0, b), (0, d)))
        yield from (Term(term.pair, part) for part in parts if part != (NONE, NONE))


def _ranges(terms: Sequence[Term], before: Store) -> list[tuple[int, int]]:
    """Return the least and the greatest sum of each output."""
    found = []
    for half in (0, 1):
        weights = [weight for term in terms for weight in term.weights[half]]
        up, down = sum(w for w in weights if w > 0), sum(w for w in weights if w < 0)
        low, high = before.low, before.high
        found.append((up * low + down * high, up * high + down * low))
    return found


def _narrow(terms: list[Term], bias: tuple[int, int], before: Store) -> tuple[Chunk, ...] | None:
    """Return one chunk, or two, that fit 16 bits with the bias among them; None: there are none."""
    each = [_ranges([term], before) for term in terms]
    sums = [[(0, 0), *accumulate((one[half] for one in each), _plus)] for half in (0, 1)]
    if all(
        low + b >= LEAST and high + b <= MOST
        for (*_, (low, high)), b in zip(sums, bias, strict=True)
    ):
        return (Chunk(tuple(terms), bias),)
    for cut in sorted(range(len(terms)), key=lambda cut: abs(2 * cut - len(terms))):
        first, second = (
            _start(sums[half][cut], _minus(sums[half][-1], sums[half][cut]), bias[half])
            for half in (0, 1)
        )
        if first is not None and second is not None:
            rest = (bias[0] - first, bias[1] - second)
            return Chunk(tuple(terms[:cut]), (first, second)), Chunk(tuple(terms[cut:]), rest)
    return None


def _plus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0] + b[0], a[1] + b[1]


def _minus(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0] - b[0], a[1] - b[1]


def _start(first: tuple[int, int], second: tuple[int, int], bias: int) -> int | None:
    """Return what leaves both sums in 16 bits if one begins with it, the other with the rest."""
    least = max(LEAST - first[0], bias - MOST + second[1])
    most = min(MOST - first[1], bias - LEAST + second[0])
    return min(max(bias, least), most) if least <= most else None


def _chunks(terms: list[Term], before: Store) -> Iterator[Chunk]:
    """Yield as few chunks as fit, each centred in 16 bits."""
    run: list[Term] = []
    widths = [0, 0]
    for term in terms:
        more = [high - low for low, high in _ranges([term], before)]
        if max(width + one for width, one in zip(widths, more, strict=True)) > MOST - LEAST:
            yield _centred(run, before)
            run, widths = [], [0, 0]
        run.append(term)
        widths = [width + one for width, one in zip(widths, more, strict=True)]
    yield _centred(run, before)


def _centred(run: list[Term], before: Store) -> Chunk:
    (a, b), (c, d) = _ranges(run, before)
    return Chunk(tuple(run), ((MOST + LEAST - a - b) // 2, (MOST + LEAST - c - d) // 2))
