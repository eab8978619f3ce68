"""Register bits flipped at random clocks while an event comes in at every clock."""

from __future__ import annotations

import argparse
import ctypes
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig import config as configuration
from aetrig.errors import UserError
from aetrig.program import contract
from aetrig.program.model import Integers, Program
from aetrig.rtl.pipeline import search
from aetrig.rtl.ports import input_port, output_ports
from aetrig.rtl.project import write
from aetrig.rtl.stage import within_budget
from aetrig.rtl.verilate import compiled
from aetrig.run import Run
from aetrig.verify.vectors import drawn
from trials._large import refuse_large
from trials.faults.instrument import Register, feed_forward, instrument
from trials.faults.tables import share, table

Bits = npt.NDArray[np.uint8]
DRIVER = Path(__file__).with_name("driver.cpp")
GAPS = 0.5  # share of clocks without an event in the stream that valid bits are flipped in as well
PULSES = 100  # resets of one clock


@dataclass(frozen=True)
class Clocks:
    """What the outputs were after each clock: ``valid`` (clocks,), ``words`` (clocks, words)."""

    valid: npt.NDArray[np.bool_]
    y: npt.NDArray[np.uint32]
    score: npt.NDArray[np.uint32]
    accept: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Effects:
    """What each flip did, bool (flips,), by name; ``wrong``: events it made wrong, int (flips,).

    ``elsewhere``: flips that touched another event than the one in the register.
    """

    wrong: Integers
    marks: dict[str, npt.NDArray[np.bool_]]
    elsewhere: int


class Simulated:
    """An instrumented project, compiled."""

    def __init__(self, program: Program, project: Path, registers: tuple[Register, ...]) -> None:
        self._input, self._outputs = input_port(program), output_ports(program)
        self.registers = registers
        self.latency = max(register.stage for register in registers)
        self._run = ctypes.CDLL(str(compiled(project).resolve())).trial_clock
        self._run.restype = None

    def clock(
        self, x: Integers, valid: Bits, reset: Bits, cycle: Integers, bit: Integers
    ) -> Clocks:
        """Return the outputs after each clock, with the bits flipped at the cycles."""
        words = np.ascontiguousarray(self._input.pack(x))
        ports = [*(port.words for port in self._outputs), 3, 3][:3]
        found = [np.zeros((len(x), count), np.uint32) for count in ports]
        out = np.zeros(len(x), np.uint8)
        at, which = (np.ascontiguousarray(part, dtype=np.uint64) for part in (cycle, bit))
        arrays = (words, np.ascontiguousarray(valid), np.ascontiguousarray(reset))
        self._run(
            *map(_pointer, arrays), ctypes.c_size_t(len(x)), _pointer(at), _pointer(which),
            ctypes.c_size_t(len(at)), _pointer(out), *map(_pointer, found),
        )  # fmt: skip
        return Clocks(out.astype(np.bool_), *found)


def _pointer(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def run(folders: list[Path], options: argparse.Namespace) -> int:
    """Print the tables; return 1 where a flip made more than one event wrong, or none was made."""
    from trials._machine import where

    data, valids, resets, bad = [], [], [], False
    for folder in folders:
        begin, program = time.monotonic(), contract.load(Run(folder))
        try:
            refuse_large(program, options.digits)
        except UserError as error:
            print(f"{folder.name}: left out: {error}")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            simulated = build(folder, program, Path(scratch) / "rtl")
            registers = simulated.registers
            plain = [r for r in registers if r.name != "in_flight"]
            flags = [r for r in registers if r.name == "in_flight"]
            effects = flip(program, simulated, plain, options.flips, options.seed, gaps=0.0)
            data.append(_data_row(folder.name, simulated, plain, effects))
            bad |= _bad(effects)
            for gaps in (0.0, GAPS):
                effects = flip(program, simulated, flags, 50 * len(flags), options.seed, gaps=gaps)
                valids.append(_valid_row(folder.name, flags, effects, gaps))
                bad |= _bad(effects)
            lost, wrong = pulses(program, simulated, options.seed)
            resets.append([folder.name, PULSES, simulated.latency, f"{lost:g}", wrong])
            bad |= wrong > 0 or lost > simulated.latency
        print(f"{folder.name}: {time.monotonic() - begin:.0f} s", flush=True)
    if not data:
        return 1
    print(f"\n{where()}\n")
    print("One bit of a pipeline register flipped, an event in at every clock:\n")
    print(table(
        ("network", "stages", "register bits", "flips", "masked", "change an event", "y", "score",
         "accept", "most events wrong", "next one wrong"), data))  # fmt: skip
    print("One valid bit flipped:\n")
    print(table(
        ("network", "clocks without event", "bits", "flips", "an event lost",
         "a false one", "results of others wrong", "most events wrong"), valids))  # fmt: skip
    print("The reset input high for one clock (the design has no register of its own for it):\n")
    print(table(
        ("network", "pulses", "stages", "most events lost", "results wrong"), resets))  # fmt: skip
    print("Each register takes the stage before alone, read off the Verilog: no state survives.")
    return 1 if bad else 0


def _bad(effects: Effects) -> bool:
    return bool(effects.wrong.max(initial=0) > 1 or effects.elsewhere)


def build(folder: Path, program: Program, project: Path) -> Simulated:
    """Make a network's RTL, prove that it only feeds forward, and compile it with the flips."""
    options = configuration.load(folder / "config.yaml").rtl
    options = options.model_copy(update={"language": "verilog"})
    found = search(program, options.clock_ns, options.stage_delay)
    write(project, program, within_budget(found, options), options)
    feed_forward(project / "src")
    registers = instrument(project, DRIVER.read_text(encoding="utf-8"))
    return Simulated(program, project, registers)


def flip(
    program: Program,
    simulated: Simulated,
    registers: list[Register],
    flips: int,
    seed: int,
    *,
    gaps: float,
) -> Effects:
    """Flip random bits of registers, each with a window of clocks of its own, and compare."""
    generator = np.random.default_rng([seed, 80])
    latency = simulated.latency
    spacing = 2 * latency + 3  # all that a flip can do is over before the next
    start = latency + 2
    cycles = start + flips * spacing
    x = drawn(program, cycles, generator)
    valid = (generator.random(cycles) >= gaps).astype(np.uint8)
    reset = np.zeros(cycles, np.uint8)
    reset[0] = 1
    bits = np.array([(r.first + i, r.stage) for r in registers for i in range(r.width)])
    # every bit once before any twice
    order = np.concatenate(
        [generator.permutation(len(bits)) for _ in range(-(-flips // len(bits)))]
    )[:flips]
    cycle = start + np.arange(flips) * spacing + generator.integers(0, 3, flips)
    none = np.zeros(0, np.int64)
    good = simulated.clock(x, valid, reset, none, none)
    bad = simulated.clock(x, valid, reset, cycle, bits[order, 0])
    return _effects(good, bad, cycle, cycle + latency - bits[order, 1], spacing)


def _effects(
    good: Clocks, bad: Clocks, cycle: Integers, expected: Integers, spacing: int
) -> Effects:
    both = good.valid & bad.valid
    y, score, accept = (
        both & (getattr(good, name) != getattr(bad, name)).any(axis=1)
        for name in ("y", "score", "accept")
    )
    lost, false = good.valid & ~bad.valid, ~good.valid & bad.valid
    wrong = y | score | accept | lost | false
    window = cycle[:, None] + np.arange(spacing - 3)
    marks = {
        name: part[window].any(axis=1)
        for name, part in (
            ("y", y), ("score", score), ("accept", accept), ("lost", lost), ("false", false)
        )
    }  # fmt: skip
    # an event that differs outside of the place where the flip's own event comes out
    allowed = np.zeros(len(wrong), dtype=np.bool_)
    allowed[expected] = True
    return Effects(wrong[window].sum(axis=1), marks, int((wrong & ~allowed).sum()))


def pulses(program: Program, simulated: Simulated, seed: int) -> tuple[int, int]:
    """Give resets of one clock; return the most events lost in one, and how many came out wrong."""
    generator = np.random.default_rng([seed, 81])
    spacing = 3 * simulated.latency + 3
    cycles = PULSES * spacing
    x, valid = drawn(program, cycles, generator), np.ones(cycles, np.uint8)
    reset = np.zeros(cycles, np.uint8)
    reset[0] = 1
    none = np.zeros(0, np.int64)
    good = simulated.clock(x, valid, reset, none, none)
    at = np.arange(1, PULSES) * spacing
    reset[at] = 1
    bad = simulated.clock(x, valid, reset, none, none)
    lost = (good.valid & ~bad.valid)[at[:, None] + np.arange(spacing)].sum(axis=1)
    both = good.valid & bad.valid
    wrong = sum(
        int((both & (getattr(good, name) != getattr(bad, name)).any(axis=1)).sum())
        for name in ("y", "score", "accept")
    )
    return int(lost.max()), wrong + int((~good.valid & bad.valid).sum())


def _data_row(
    name: str, simulated: Simulated, registers: list[Register], effects: Effects
) -> list[Any]:
    flips, changed = len(effects.wrong), int((effects.wrong > 0).sum())
    cells = [f"{m.sum():,} ({share(int(m.sum()), flips)})" for m in _of(effects)]
    return [
        name, simulated.latency, f"{sum(r.width for r in registers):,}", f"{flips:,}",
        f"{flips - changed:,} ({share(flips - changed, flips)})",
        f"{changed:,} ({share(changed, flips)})", *cells, effects.wrong.max(), effects.elsewhere,
    ]  # fmt: skip


def _of(effects: Effects) -> list[npt.NDArray[np.bool_]]:
    return [effects.marks[name] for name in ("y", "score", "accept")]


def _valid_row(name: str, registers: list[Register], effects: Effects, gaps: float) -> list[Any]:
    others = effects.marks["y"] | effects.marks["score"] | effects.marks["accept"]
    return [
        name, f"{gaps:.0%}", len(registers), f"{len(effects.wrong):,}",
        f"{effects.marks['lost'].sum():,}", f"{effects.marks['false'].sum():,}",
        int(others.sum()), effects.wrong.max(),
    ]  # fmt: skip
