"""Inputs on which a sum in front of a table is exactly an entry's: found by climbing towards it.

Chance rarely meets an entry far out. From the inputs whose sums come nearest, changed copies are
made, and the nearest of them is gone on from; once there, copies drift among those that stay, so
that what lies behind the table differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from aetrig.program.evaluate import results
from aetrig.program.model import Affine, Integers, Program

PRODUCTS = 40_000_000  # of a round: some tenths of a second
MOST = 48_000  # copies of a round at most
COPIES = 8  # of an input
AIMS = 4  # inputs that climb for an entry


class Climb:
    """The inputs that climb for some entries of one table.

    ``entries``: integers in front of the table; ``pool``: hardware integers to begin with, shape
    (events, features).
    """

    def __init__(
        self,
        program: Program,
        table: str,
        entries: Iterable[int],
        pool: Integers,
        generator: np.random.Generator,
    ) -> None:
        place = next(i for i, op in enumerate(program.operations) if op.name == table)
        self._ahead = replace(program, operations=program.operations[:place], trigger=None)
        self._pool, self._generator = pool, generator
        products = sum(op.weight.size for op in self._ahead.operations if isinstance(op, Affine))
        self._size = max(1, min(MOST, PRODUCTS // max(1, products)) // COPIES)
        each = np.array(sorted(set(entries)), dtype=np.int64)
        sums = self._sums(pool)
        nearest = [self._nearest(sums, entry) for entry in each]
        self._inputs = pool[np.concatenate(nearest)]
        self._entries = np.repeat(each, [len(rows) for rows in nearest])
        self._distance = _far(self._sums(self._inputs), self._entries)

    def step(self, entries: Iterable[int]) -> Integers:
        """Climb for the entries that are still wanted; return the inputs that are at theirs."""
        at = np.flatnonzero(np.isin(self._entries, list(entries)))
        at = self._generator.permutation(at)[: self._size]
        aimed = self._entries[at]
        copies = mutated(np.repeat(self._inputs[at], COPIES, axis=0), self._pool, self._generator)
        sums = self._sums(copies)
        distance = _far(sums, np.repeat(aimed, COPIES))
        own = distance.reshape(-1, COPIES).argmin(axis=1) + COPIES * np.arange(len(at))
        # another's copy where it is nearer: beyond what is reached all go on from the furthest
        other = _nearest_rows(sums, aimed)
        best = np.where(_far(sums[other], aimed) < distance[own], other, own)
        reached = _far(sums[best], aimed)
        # an equal one is taken as well: it is another input
        better = reached <= self._distance[at]
        self._inputs[at[better]] = copies[best[better]]
        self._distance[at[better]] = reached[better]
        return np.asarray(copies[distance == 0])

    def _sums(self, x: Integers) -> Integers:
        return results(self._ahead, x)[self._ahead.operations[-1].name]

    def _nearest(self, sums: Integers, entry: int) -> Integers:
        """Return the rows of the nearest inputs; of equally near ones any."""
        apart = abs(sums - entry).min(axis=1) + self._generator.random(len(sums)) * 0.5
        most = min(AIMS, len(sums))
        return np.asarray(np.argpartition(apart, most - 1)[:most])


def _far(sums: Integers, entries: Integers) -> Integers:
    """Return how far each row's nearest sum is from its entry."""
    return np.asarray(abs(sums - entries[:, None]).min(axis=1))


def _nearest_rows(sums: Integers, entries: Integers) -> Integers:
    """Return for each entry a row that holds the sum nearest to it."""
    if not len(entries):
        return entries
    order = np.argsort(sums, axis=None, kind="stable")
    ordered = sums.ravel()[order]
    above = np.searchsorted(ordered, entries).clip(max=len(order) - 1)
    below = (above - 1).clip(min=0)
    upper = abs(ordered[above] - entries) <= abs(ordered[below] - entries)
    return np.asarray(order[np.where(upper, above, below)] // sums.shape[1])


def mutated(x: Integers, pool: Integers, generator: np.random.Generator) -> Integers:
    """Return changed copies of inputs; every feature's value comes from the pool or lies near."""
    fresh = np.take_along_axis(pool, generator.integers(0, len(pool), x.shape), axis=0)
    # from one changed feature to many; half the changes are small steps
    share = 2.0 ** -generator.integers(1, 7, (len(x), 1))
    step = x + generator.integers(-8, 9, x.shape) * (1 << generator.integers(0, 8, x.shape))
    low, high = pool.min(axis=0), pool.max(axis=0)
    other = np.where(generator.random(x.shape) < 0.5, fresh, np.clip(step, low, high))
    return np.where(generator.random(x.shape) < share, other, x)
