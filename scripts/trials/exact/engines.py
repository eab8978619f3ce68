"""The engines of a network, made afresh from its files: what each gives for a chunk of vectors."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from aetrig.config.model import RunConfig
from aetrig.emulator.load import AUTOMATIC, Emulator
from aetrig.errors import CheckFailedError, UserError
from aetrig.hls import csim
from aetrig.hls.generate import generate
from aetrig.parts import resolve
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.rtl.cost import refuse_too_large
from aetrig.rtl.measure import expected_valid, measure_latency
from aetrig.rtl.simulate import SETTLE, Clocked
from aetrig.verify.golden import QONNX, TRIGGER
from aetrig.verify.golden_check import _emulator, _open, _rtl
from trials._large import refuse_large

GAPPED = 4  # every so many chunks come with gaps between events
GAP = 0.3  # share of cycles without an event in those
SMOKE = 64  # vectors for an engine's first steps

Found = dict[str, Integers]


@dataclass(frozen=True)
class Network:
    """A folder's network as it is deployed. ``x``: its golden vectors."""

    name: str
    contract: Path
    config: RunConfig
    program: Program
    x: Integers


class Engine(Protocol):
    """``name``; ``cycles`` and ``bubbles``: what it was clocked, where it has a clock."""

    name: str
    cycles: int
    bubbles: int

    def run(self, x: Integers, number: int) -> Found:
        """Return output, score and accept bits of chunk ``number``, (events, features)."""


@dataclass
class Emulated:
    """The emulator: each chunk goes the next of the processor's paths."""

    emulators: tuple[Emulator, ...]
    name: str = "emulator"
    cycles: int = 0
    bubbles: int = 0

    def run(self, x: Integers, number: int) -> Found:
        """Return the results."""
        return self.emulators[number % len(self.emulators)].trace(x)


@dataclass
class Simulated:
    """The RTL in Verilator, an event every clock; every fourth chunk comes with random gaps.

    What stands at the input in a gap is an event too, not valid, which must leave no trace.
    """

    simulation: Clocked
    latency: int
    name: str = "RTL"
    cycles: int = field(default=0)
    bubbles: int = field(default=0)

    def run(self, x: Integers, number: int) -> Found:
        """Return the results; raise CheckFailedError where valid comes at another time."""
        generator = np.random.default_rng([len(x), number])
        valid = _valid(len(x), number, generator)
        stream = x[generator.integers(0, len(x), len(valid))]
        stream[valid == 1] = x
        reset = np.zeros(len(valid), np.uint8)
        reset[0] = 1
        found = self.simulation.clock(stream, valid, reset, seed=number + 1)
        if (found.valid != expected_valid(valid, reset, self.latency)).any():
            raise CheckFailedError(f"RTL: valid comes at another time in chunk {number}")
        if ACCEPT in found.values and found.values[ACCEPT][~found.valid].any():
            raise CheckFailedError(f"RTL: an accept bit is high without an event, chunk {number}")
        self.cycles += len(valid)
        self.bubbles += int(len(valid) - valid.sum())
        return {name: values[found.valid] for name, values in found.values.items()}


def _valid(events: int, number: int, generator: np.random.Generator) -> np.ndarray:
    """Return when events come: after a reset, and with time for the last to come out."""
    gaps = generator.geometric(1 - GAP, events) - 1
    if number % GAPPED != GAPPED - 1:
        gaps[:] = 0
    at = 1 + np.arange(events) + np.cumsum(gaps)
    valid = np.zeros(int(at[-1]) + 1 + SETTLE, np.uint8)
    valid[at] = 1
    return valid


@dataclass
class Emulation:
    """csim of the hls4ml project."""

    compiled: csim.Csim
    last: str
    name: str = "csim"
    cycles: int = 0
    bubbles: int = 0

    def run(self, x: Integers, number: int) -> Found:
        """Return the results."""
        del number
        found = self.compiled.trace(x)
        return {name: found[name] for name in (self.last, SCORE, ACCEPT) if name in found}


def network(folder: Path) -> Network:
    """Open what `aetrig golden write` wrote; raises UserError where files are missing."""
    if not (folder / QONNX).is_file():
        raise UserError(
            f"{folder} holds no ONNX files; aetrig golden write makes them from a run of its config"
        )
    opened = _open(folder)
    contract = folder / (TRIGGER if opened.deployed is not opened.program else QONNX)
    return Network(folder.name, contract, opened.config, opened.deployed, opened.x)


def emulated(given: Network, scratch: Path) -> Emulated:
    """Compile the emulator."""
    made = _emulator(given.program, given.x, scratch / "emulator")
    paths = (AUTOMATIC, *made.paths())
    return Emulated(tuple(replace(made, path=path) for path in paths))


def simulated(given: Network, scratch: Path, most_digits: int) -> Simulated:
    """Make the pipeline and verilate it; raises UserError where the network is too large."""
    refuse_too_large(given.program, resolve(given.config.hls.part))
    refuse_large(given.program, most_digits)
    made = _rtl(given.program, given.config.rtl, scratch / "rtl")
    return Simulated(made, measure_latency(made, given.program, given.x[:SMOKE]))


def emulation(given: Network, scratch: Path) -> Emulation:
    """Make the hls4ml project and compile it."""
    project, log = scratch / "hls", scratch / "hls.log"
    generate(given.contract, given.program, given.config.hls, project, log, given.x[:SMOKE])
    return Emulation(csim.load(project, given.program), given.program.operations[-1].name)
