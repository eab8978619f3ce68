"""Every stored bit of a network flipped, one at a time: what changes, what shows, which rates."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.program.model import Integers
from aetrig.verify.chosen import breed
from aetrig.verify.faults.memory import Fault, Memory, apart, count, draw, memories
from aetrig.verify.faults.proof import Proof
from aetrig.verify.faults.simulation import Simulation
from aetrig.verify.shown import cover, seen
from trials.faults import LEAST
from trials.faults.found import ANY, DECIDED, SCORED, Flags, Found, keep, kept
from trials.faults.networks import Network, load, rated, searched
from trials.faults.plot import plot
from trials.faults.tables import details, rate_table, summary

PART = 4096
BRED = 3_000  # faults at most that inputs are bred for
ALL_KINDS = 8_192  # inputs on which each kind of change is looked for


def run(folders: list[Path], options: argparse.Namespace) -> int:
    """Print the tables; return 1 where the golden vectors show too little."""
    from trials._machine import where

    found = []
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for one in pool.map(recorded, folders, repeat(options)):
            found.append(one)
            print(f"{one.network}: {one.seconds:.0f} s", flush=True)
    print(f"\n{where()}\n")
    print(summary(found))
    print(rate_table(found))
    if options.details:
        for one in found:
            print(details(one))
    if options.svg:
        options.svg.write_text(plot(found), encoding="utf-8")
    return 1 if any(one.worst() < LEAST for one in found) else 0


def recorded(folder: Path, options: argparse.Namespace) -> Found:
    """Flip the bits of a network, unless that was done and kept."""
    if options.record is None:
        return tried(folder, options)
    path = options.record / f"{folder.resolve().name}.npz"
    if not path.exists():
        options.record.mkdir(parents=True, exist_ok=True)
        keep(path, tried(folder, options))
    return kept(path)


def tried(folder: Path, options: argparse.Namespace) -> Found:
    """Flip the bits of one network."""
    begin = time.monotonic()
    network = load(folder)
    stored = memories(network.program)
    faults = drawn(stored, options)
    proof = Proof(network.program)
    proven = np.array([proof.silent(one) for one in faults])
    golden = np.zeros((len(faults), 3), dtype=np.bool_)
    golden[~proven] = shown(
        network, network.golden, [f for f, quiet in zip(faults, proven, strict=True) if not quiet]
    )
    changed, looked = anywhere(network, faults, golden, proven, options)
    factor, accepted, of = rates(network, faults, proven, options)
    trigger = network.program.trigger
    return Found(
        network=network.name,
        what=network.what,
        points=tuple(point.name for point in trigger.points) if trigger is not None else (),
        accepted=accepted,
        rated=of,
        vectors=len(network.golden),
        least=fewest(network, faults, changed, golden),
        bits=sum(map(count, stored)),
        table_bits=sum(count(memory) for memory in stored if memory.kind == "table"),
        searched=looked,
        seconds=time.monotonic() - begin,
        memory=np.array([f"{one.memory.name} {one.memory.kind}" for one in faults]),
        kind=np.array([one.memory.kind for one in faults]),
        bit=np.array([one.bit for one in faults]),
        proven=proven,
        golden=golden,
        changed=changed,
        factor=factor,
    )


def drawn(stored: tuple[Memory, ...], options: argparse.Namespace) -> list[Fault]:
    """Return all faults of weights, biases and thresholds if they are few, else some; of tables."""
    tables, others = apart(stored)
    few = sum(map(count, others)) <= options.tried
    return [
        *draw(others, None if few else options.tried // 10, options.seed),
        *draw(tables, options.tables, options.seed),
    ]


def shown(network: Network, x: Integers, faults: list[Fault]) -> Flags:
    """Return for each fault whether ``x`` shows it: (faults, 3)."""
    simulation = Simulation(network.program, x, output=network.output)
    flags = np.zeros((len(faults), 3), dtype=np.bool_)
    for row, one in zip(flags, faults, strict=True):
        found = simulation.run(one)
        row[DECIDED] = found.decision.any()
        row[SCORED] = row[DECIDED] or found.score.any()
        row[ANY] = row[SCORED] or found.output.any()
    return flags


def anywhere(
    network: Network,
    faults: list[Fault],
    golden: Flags,
    proven: Flags,
    options: argparse.Namespace,
) -> tuple[Flags, int]:
    """Look for a change on many inputs, then on inputs bred to excite what is still hidden."""
    changed = golden.copy()
    pool = searched(network, options.vectors, options.seed)
    wanted = 3 if network.program.trigger is not None else 1
    for start in range(0, len(pool), PART):
        kinds = wanted if start < ALL_KINDS else 1
        left = np.flatnonzero(~proven & ~changed[:, :kinds].all(axis=1))
        part = shown(network, pool[start : start + PART], [faults[i] for i in left])
        changed[left] |= part
    left = np.flatnonzero(~proven & ~changed[:, ANY])[:BRED]
    generator = np.random.default_rng([options.seed, 79])
    bred = breed(
        network.program, pool[:50_000], [faults[i] for i in left], generator, output=network.output
    )
    hit = left[bred.marks.any(axis=1)]
    if hit.size:
        changed[hit] |= shown(network, bred.x, [faults[i] for i in hit])
    return changed, len(pool) + bred.searched


def fewest(network: Network, faults: list[Fault], changed: Flags, golden: Flags) -> int:
    """Return how many golden vectors, chosen greedily, show a sample as well as all of them do."""
    rows = np.flatnonzero(golden[:, ANY])[:10_000]
    sampled = [faults[i] for i in rows]
    marks = seen(network.program, network.golden, sampled, output=network.output)
    need = np.ceil(LEAST * changed[:, ANY].sum() / max(1, golden[:, ANY].sum()) * len(rows))
    order = cover(marks, len(network.golden))
    covered = np.zeros(len(rows), dtype=np.bool_)
    for number, row in enumerate(order, start=1):
        covered |= marks[:, row]
        if covered.sum() >= need:
            return number
    return len(order)


def rates(
    network: Network, faults: list[Fault], proven: Flags, options: argparse.Namespace
) -> tuple[npt.NDArray[np.float64], tuple[int, ...], tuple[int, int]]:
    """Return the rate with each fault over that without, and the events accepted without."""
    if network.program.trigger is None:
        return np.zeros((len(faults), 0)), (), (0, 0)
    sample = rated(network, options.background, options.seed)
    simulation = Simulation(network.program, sample.x)
    base = sample.weight @ simulation.accept
    factor = np.full((len(faults), len(base)), np.nan)
    for row, one, quiet in zip(factor, faults, proven, strict=True):
        if not quiet:
            found = simulation.run(one)
            moved = found.accept - simulation.accept[found.rows]
            row[:] = 1.0 + sample.weight[found.rows] @ moved / np.maximum(base, 1)
    accepted = tuple(int(number) for number in simulation.accept.sum(axis=0))
    return factor, accepted, (len(sample.x), sample.stands_for)
