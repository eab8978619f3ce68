"""Vectors chosen so that a flipped bit of the network shows: as few as find what others miss.

Faults that the vectors at hand do not show are tried on a pool of events and random inputs; for
those that stay hidden inputs are bred that excite them. A greedy cover then picks the vectors. All
work is counted in faults and inputs, not in seconds, so that equal inputs give equal vectors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.program.model import Affine, Integers, Program
from aetrig.verify.entries import Climb, mutated
from aetrig.verify.faults.arithmetic import Floats
from aetrig.verify.faults.memory import Fault, Memory, apart, count, draw, fault, memories
from aetrig.verify.faults.proof import Proof
from aetrig.verify.faults.simulation import Simulation
from aetrig.verify.repeated import HELD, Repeated, repeated
from aetrig.verify.shown import Marks, cover, parts, seen
from aetrig.verify.vectors import SEED, drawn

WORK = 150_000_000  # faults tried times the network's multiplications: some seconds
FAULTS = 30_000  # of weights, biases and thresholds tried at most
ENTRIES = 8  # times as many of tables, which few events reach
HIDDEN = 16_000  # faults that no vector at hand shows, at most as many are searched for
POOL = 12_000  # inputs that they are tried on: half events where there are some, half random
WIDE = 36_000  # such inputs where not all faults are tried
ROUNDS, CHILDREN, AIMED = 24, 1_000, 200  # of breeding: inputs a round, faults aimed at in one
IDLE = 5  # rounds without a find are the last
CHOSEN = 2_000  # vectors at most
KEPT = 400  # inputs of a part of the pool, or of a round, at most
FIRST = 256  # most faults show in these: the others are tried on the rest


@dataclass(frozen=True)
class FaultCoverage:
    """Single-bit faults of weights, biases, tables and thresholds, and which of them vectors show.

    ``bits``: stored in all; ``tried``: of these, drawn at random where not all; ``silent``: proven
    by exact ranges to change nothing; ``changed``: seen to change output, score or accept bits for
    some input; ``detected``: for one of the vectors, ``before`` the chosen ones joined them. What
    is neither silent nor changed was not seen to change anything on ``searched`` inputs.
    ``held``: where not all were tried, others that change something and that no vector was chosen
    for; ``held_shown``: for one of the vectors.
    """

    bits: int
    tried: int
    silent: int
    changed: int
    before: int
    detected: int
    searched: int
    held: int = 0
    held_shown: int = 0

    @property
    def share(self) -> float:
        """Share of the faults that change something that the vectors show; 1 where none does."""
        return self.detected / self.changed if self.changed else 1.0

    def record(self) -> dict[str, Any]:
        """Return the figures for a JSON file."""
        return asdict(self)


@dataclass(frozen=True)
class Chosen:
    """The vectors that join those at hand: ``x`` int64, shape (events, features)."""

    x: Integers
    coverage: FaultCoverage


def choose(
    program: Program, x: Integers, events: Integers | None = None, *, output: bool = True
) -> Chosen:
    """Return vectors that show faults which ``x`` does not, and what all of them show together.

    ``x``: the vectors at hand; ``events``: more inputs of the detector to choose from; ``output``:
    whether the output is compared, or score and accept bits alone.
    """
    generator = np.random.default_rng(SEED)
    stored = memories(program)
    tried = faults(program, stored)
    hidden, quiet = undetected(program, x, tried, output=output)
    before = len(tried) - len(hidden) - quiet
    sought = hidden[:HIDDEN]
    pool = _pool(program, events, POOL, generator)
    good, dark = _showing(program, pool, sought, output=output)
    # those at hand show none of these, but lie where chance does not go
    bred = breed(program, np.concatenate((x, pool)), dark, generator, output=output)
    everything = np.concatenate((good, bred.x))
    marks = seen(program, everything, sought, output=output)
    rows = cover(marks, CHOSEN)
    added = everything[rows]
    more = _more(program, np.concatenate((x, added)), events, stored, generator, output=output)
    changed = marks.any(axis=1)
    found = marks[:, rows].any(axis=1)
    if len(more.x):
        late = seen(program, more.x, sought, output=output).any(axis=1)
        changed, found = changed | late, found | late
    coverage = FaultCoverage(
        bits=sum(map(count, stored)),
        tried=len(tried) - (len(hidden) - len(sought)),
        silent=quiet,
        changed=before + int(changed.sum()),
        before=before,
        detected=before + int(found.sum()),
        searched=len(x) + len(pool) + bred.searched,
        held=more.held,
        held_shown=more.shown,
    )
    return Chosen(np.concatenate((added, more.x)), coverage)


def _more(
    program: Program,
    x: Integers,
    events: Integers | None,
    stored: tuple[Memory, ...],
    generator: np.random.Generator,
    *,
    output: bool,
) -> Repeated:
    """Return vectors for the bits that were not tried, where there are any."""
    (_, others), most = apart(stored), _most(program)
    if sum(map(count, others)) <= most:
        return Repeated(x[:0], 0, 0)
    found = draw(others, most + HELD, SEED)
    pool = _pool(program, events, WIDE, generator)
    return repeated(program, x, pool, found[:most], found[most:], output=output)


def faults(program: Program, stored: tuple[Memory, ...]) -> list[Fault]:
    """Return the faults that are tried: fewer, the larger the network.

    An entry of a table shows where a sum is exactly its own. So where fewer bits of tables are
    drawn than there are entries, one bit of each entry is tried as well.
    """
    (tables, others), most = apart(stored), _most(program)
    some = draw(tables, ENTRIES * most, SEED)
    found, bits = {(one.memory.name, one.index) for one in some}, np.random.default_rng(SEED)
    every = [
        fault(memory, entry * memory.bits + int(bits.integers(memory.bits)))
        for memory in tables
        for entry in range(memory.values.size)
    ]
    unmet = [one for one in every if (one.memory.name, one.index) not in found]
    return [*draw(others, most, SEED), *some, *unmet]


def _most(program: Program) -> int:
    """Return how many faults are tried that are not of tables."""
    products = sum(op.weight.size for op in program.operations if isinstance(op, Affine))
    return min(FAULTS, max(1000, WORK // max(1, products)))


def undetected(
    program: Program, x: Integers, tried: list[Fault], *, output: bool = True
) -> tuple[list[Fault], int]:
    """Return the faults that no vector shows, and how many more are proven to change nothing."""
    proof = Proof(program)
    loud = [one for one in tried if not proof.silent(one)]
    left = loud
    for part in (x[:FIRST], x[FIRST:]):
        if len(part):
            simulation = Simulation(program, part, output=output)
            left = [one for one in left if not simulation.run(one).seen.size]
    return left, len(tried) - len(loud)


def evenly(x: npt.NDArray[Any], most: int) -> npt.NDArray[Any]:
    """Return at most ``most`` rows, evenly spaced, the first and the last among them."""
    return x[np.linspace(0, len(x) - 1, min(most, len(x))).astype(np.int64)]


def _pool(
    program: Program, events: Integers | None, count: int, generator: np.random.Generator
) -> Integers:
    if events is None or not len(events):
        return drawn(program, count, generator)
    taken = evenly(events, count // 2)
    return np.concatenate((taken, drawn(program, count - len(taken), generator)))


def _showing(
    program: Program, pool: Integers, tried: list[Fault], *, output: bool
) -> tuple[Integers, list[Fault]]:
    """Return the inputs of a pool that faults show in, and the faults that show in none."""
    kept, dark = [pool[:0]], tried
    for _, part in parts(pool):
        marks = seen(program, part, dark, output=output)
        kept.append(part[cover(marks, KEPT)])
        dark = [one for one, row in zip(dark, marks, strict=True) if not row.any()]
    return np.concatenate(kept), dark


@dataclass(frozen=True)
class Bred:
    """Inputs that show faults: ``x`` int64 (inputs, features); ``marks``: (faults, inputs).

    ``searched``: inputs that were tried in all.
    """

    x: Integers
    marks: Marks
    searched: int


def breed(
    program: Program,
    pool: Integers,
    tried: list[Fault],
    generator: np.random.Generator,
    *,
    rounds: int = ROUNDS,
    output: bool = True,
) -> Bred:
    """Return inputs that show faults which the pool does not.

    Each round takes the inputs that came nearest to exciting faults that are still hidden, crosses
    and changes them, and keeps children that show one. For entries of tables inputs climb.
    """
    climbs = {
        name: Climb(program, name, entries, pool, generator)
        for name, entries in _entries(tried).items()
    }
    nearest: dict[int, Nearest] = {}
    kept, hidden, idle, searched = [pool[:0]], np.arange(len(tried)), 0, 0
    fresh = generator.permutation(pool)[: 2 * CHILDREN]
    for _ in range(rounds):
        if not hidden.size or idle == IDLE:
            break
        aimed = generator.permutation(hidden)[:AIMED].tolist()
        simulation = Simulation(program, fresh, output=output)
        for i in aimed:
            nearest[i] = _nearest(simulation, tried[i], fresh, nearest.get(i), generator)
        children = _children(np.concatenate([nearest[i].x for i in aimed]), pool, generator)
        wanted = _entries([tried[i] for i in hidden])
        there = [climbs[name].step(entries) for name, entries in wanted.items()]
        born = np.concatenate((children, *there))
        searched += len(born)
        shown = seen(program, born, [tried[i] for i in hidden], output=output)
        kept.append(born[cover(shown, KEPT)])
        idle = 0 if shown.any() else idle + 1
        hidden = hidden[~shown.any(axis=1)]
        fresh = np.concatenate((children, generator.permutation(pool)[:CHILDREN]))
    x = np.concatenate(kept)
    return Bred(x, seen(program, x, tried, output=output), searched)


def _entries(tried: list[Fault]) -> dict[str, set[int]]:
    """Return the entries of tables that faults are of: the integers in front, by table."""
    found: dict[str, set[int]] = {}
    for one in tried:
        if one.memory.kind == "table":
            found.setdefault(one.memory.name, set()).add(one.memory.low + one.index[0])
    return found


@dataclass(frozen=True)
class Nearest:
    """The inputs that came nearest to exciting a fault, and how near: one for each aim."""

    x: Integers
    reached: Floats


def _nearest(
    simulation: Simulation,
    one: Fault,
    x: Integers,
    before: Nearest | None,
    generator: np.random.Generator,
) -> Nearest:
    """Return for each aim the input that reaches furthest, of these and those before."""
    aims = simulation.wanted(one)
    # of equal ones any
    rows = (aims + generator.random(aims.shape[1]) * 0.5).argmax(axis=1)
    reached = aims[np.arange(len(aims)), rows]
    if before is None:
        return Nearest(x[rows], reached)
    new = reached >= before.reached
    return Nearest(
        np.where(new[:, None], x[rows], before.x), np.where(new, reached, before.reached)
    )


def _children(parents: Integers, pool: Integers, generator: np.random.Generator) -> Integers:
    """Return crossed and changed inputs."""
    shape = (CHILDREN, parents.shape[1])
    first, second = parents[generator.integers(0, len(parents), (2, CHILDREN))]
    crossed = (generator.random(shape) < 0.5) & (generator.random((CHILDREN, 1)) < 0.5)
    return mutated(np.where(crossed, second, first), pool, generator)
