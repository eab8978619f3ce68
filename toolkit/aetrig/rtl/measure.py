"""Latency by observation, and streams with bubbles and resets, compared cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.errors import CheckFailedError
from aetrig.program.compare import differing_bit
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, Integers, Program
from aetrig.rtl.ports import hexadecimal
from aetrig.rtl.simulate import SETTLE, Bits, Clocked, Cycles

PROBES = 8
SEED = 20260102
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measurement:
    """What simulation showed. ``events``: compared, over ``cycles`` clocks, none differing.

    ``latency_cycles``: clock edges from the one that takes an event in to the one at which its
    results can be taken; ``interval_cycles``: 1, as events came at every clock.
    """

    latency_cycles: int
    interval_cycles: int
    events: int
    cycles: int


def measure(simulation: Clocked, program: Program, x: Integers) -> Measurement:
    """Measure the latency, then compare a stream without a gap and one with bubbles and resets.

    ``x``: integers (events, features). Raises CheckFailedError, naming cycle, event, result and
    bit, where anything differs from the Program, where valid comes at another time than data, or
    where the port network_digest is not that of the Program's file.
    """
    check_digest(simulation, program)
    latency = measure_latency(simulation, program, x)
    generator = np.random.default_rng(SEED)
    ones, none = np.ones(len(x), np.uint8), np.zeros(len(x), np.uint8)
    events = compare_stream(simulation, program, x, ones, none, latency)
    bubbles = (generator.random(len(x)) < 0.6).astype(np.uint8)
    resets = (generator.random(len(x)) < 0.02).astype(np.uint8)
    events += compare_stream(simulation, program, x, bubbles, resets, latency)
    return Measurement(latency, 1, events, 2 * (len(x) + SETTLE))


def check_digest(simulation: Clocked, program: Program) -> None:
    """Raise CheckFailedError where the port network_digest gives another digest, or is missing."""
    found = simulation.network_digest()
    if found != hexadecimal(program):
        said = "there is none" if found is None else f"it gives {found[:12]}"
        raise CheckFailedError(
            f"the port network_digest is not that of the network ({said}, expected "
            f"{hexadecimal(program)[:12]}); make it again: aetrig rtl --force"
        )


def measure_latency(simulation: Clocked, program: Program, x: Integers) -> int:
    """Return after how many clock edges an event's own data is at the outputs.

    One event is sent among many of another, whose results all differ from its own; the cycle in
    which its results stand at the outputs is the answer, and must be the one of valid. Raises
    CheckFailedError where that is not exactly one cycle, the same for every probe.
    """
    found = {_delay(simulation, program, probe, other) for probe, other in _probes(program, x)}
    if not found:
        raise CheckFailedError(
            "the latency cannot be measured: the network gives one and the same output for every "
            "event; train it, or prune less"
        )
    if len(found) > 1:
        raise CheckFailedError(f"the latency differs between events: {sorted(found)} cycles")
    return found.pop()


def _probes(program: Program, x: Integers) -> list[tuple[Integers, Integers]]:
    """Return pairs of events whose outputs differ."""
    rows = x[: 50 * PROBES]
    output = np.concatenate(list(_results(program, rows).values()), axis=1)
    pairs: list[tuple[Integers, Integers]] = []
    for first in range(len(rows)):
        different = np.flatnonzero((output != output[first]).any(axis=1))
        if different.size and len(pairs) < PROBES:
            pairs.append((rows[first], rows[different[first % different.size]]))
    return pairs


def _delay(simulation: Clocked, program: Program, probe: Integers, other: Integers) -> int:
    stream = np.tile(other, (2 * SETTLE, 1))
    stream[SETTLE] = probe
    valid = np.zeros(len(stream), np.uint8)
    valid[SETTLE] = 1
    reset = np.zeros(len(stream), np.uint8)
    reset[0] = 1
    cycles = simulation.clock(stream, valid, reset)
    wanted = _results(program, probe[None])
    # accept bits are gated with valid: they say nothing of the data's own time
    same = np.logical_and.reduce(
        [(cycles.values[name] == wanted[name]).all(axis=1) for name in wanted if name != ACCEPT]
    )
    quiet = SETTLE // 2  # the random start has left the pipeline by then
    at = np.flatnonzero(same[quiet:]) + quiet - SETTLE
    said = np.flatnonzero(cycles.valid) - SETTLE
    if at.size != 1 or at.tolist() != said.tolist():
        raise CheckFailedError(
            f"an event's own results stand at the outputs in cycles {(at + 1).tolist()[:4]} after "
            f"it was taken in, valid in cycles {(said + 1).tolist()[:4]}; one and the "
            "same is expected"
        )
    return int(at[0]) + 1


def _results(program: Program, x: Integers) -> dict[str, Integers]:
    values = trace(program, x)
    names = [program.operations[-1].name]
    if program.trigger is not None:
        names = [*names, *list(values)[-2:]]
    return {name: values[name] for name in names}


def expected_valid(valid: Bits, reset: Bits, latency: int) -> Mask:
    """Return after which cycles valid must be high: events that no reset met on their way."""
    resets = np.concatenate([[0], np.cumsum(reset)])
    taken = np.arange(len(valid))
    out = taken + latency - 1
    inside = out < len(valid)
    survived = inside & (valid == 1)
    survived[inside] &= resets[out[inside] + 1] == resets[taken[inside]]
    found = np.zeros(len(valid), dtype=np.bool_)
    found[out[survived]] = True
    return found


def compare_stream(
    simulation: Clocked, program: Program, x: Integers, valid: Bits, reset: Bits, latency: int
) -> int:
    """Clock a stream and compare every cycle with the Program; return the events compared.

    Cycles without valid carry events too, which must leave no trace.
    """
    idle, low = np.zeros((SETTLE, x.shape[1]), np.int64), np.zeros(SETTLE, np.uint8)
    first = np.ones(1, np.uint8)  # a reset at the start: registers begin at random
    x = np.concatenate([idle[:1], x, idle])
    valid = np.concatenate([low[:1], valid, low])
    reset = np.concatenate([first, reset, low])
    cycles = simulation.clock(x, valid, reset)
    wanted = expected_valid(valid, reset, latency)
    wrong = np.flatnonzero(cycles.valid != wanted)
    if wrong.size:
        raise CheckFailedError(
            f"valid_out is {int(cycles.valid[wrong[0]])} after cycle {wrong[0]}, expected "
            f"{int(wanted[wrong[0]])} (latency {latency} cycles)"
        )
    at = np.flatnonzero(wanted)
    _compare(_results(program, x[at - latency + 1]), cycles, at)
    if ACCEPT in cycles.values and cycles.values[ACCEPT][~wanted].any():
        raise CheckFailedError("an accept bit is high in a cycle without a valid event")
    return len(at)


def _compare(wanted: dict[str, Integers], cycles: Cycles, at: Integers) -> None:
    for name, values in wanted.items():
        found = cycles.values[name][at]
        where = np.argwhere(found != values)
        if where.size:
            row, element = (int(index) for index in where[0])
            pair = int(values[row, element]), int(found[row, element])
            raise CheckFailedError(
                f"Program and RTL differ in {len(where):,} values of '{name}', first after cycle "
                f"{at[row]} in element {element}, bit {differing_bit(*pair)}: {pair[0]} against "
                f"{pair[1]}"
            )
