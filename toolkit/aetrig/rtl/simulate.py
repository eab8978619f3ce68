"""Clock a compiled project through streams of events: results, valid bits, cycle by cycle."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aetrig.program.model import Integers, Program
from aetrig.rtl.ports import DIGITS, LEAST_WORDS, Port, input_port, output_ports
from aetrig.rtl.verilate import compiled

Bits = npt.NDArray[np.uint8]
CHUNK = 16384
SETTLE = 256  # cycles after the last event, more than any latency that is of use


@dataclass(frozen=True)
class Cycles:
    """What the outputs were after each cycle. ``values``: by result, (cycles, elements)."""

    valid: npt.NDArray[np.bool_]
    values: dict[str, Integers]


class Clocked(Protocol):
    """A simulated trigger, by Verilator or by GHDL."""

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Ports of the results."""

    def clock(self, x: Integers, valid: Bits, reset: Bits, seed: int = 1) -> Cycles:
        """Return the outputs after each cycle.

        ``x``: integers (cycles, features); ``valid``, ``reset``: 0 or 1, shape (cycles,).
        """

    def trace(self, x: Integers) -> dict[str, Integers]:
        """Return output, score and accept bits of events (events, features), one every clock."""

    def network_digest(self) -> str | None:
        """Return what stands at the port network_digest, in hexadecimal; None without the port."""


@dataclass(frozen=True)
class Verilated:
    """A verilated project, loaded."""

    library: Path
    input: Port
    outputs: tuple[Port, ...]

    def clock(self, x: Integers, valid: Bits, reset: Bits, seed: int = 1) -> Cycles:
        """Return the outputs after each cycle, from a start with random registers."""
        cycles = len(x)
        words = np.ascontiguousarray(self.input.pack(x))
        ports = {port.name: port for port in self.outputs}
        # the driver writes three ports; a network alone has two of no meaning
        found = [np.zeros((cycles, port.words), dtype=np.uint32) for port in ports.values()]
        spare = [np.zeros((cycles, LEAST_WORDS), np.uint32) for _ in range(3 - len(found))]
        valid_out = np.zeros(cycles, dtype=np.uint8)
        run = ctypes.CDLL(str(self.library)).aetrig_clock
        run.restype = None
        run(
            _pointer(words), _pointer(np.ascontiguousarray(valid, dtype=np.uint8)),
            _pointer(np.ascontiguousarray(reset, dtype=np.uint8)), ctypes.c_size_t(cycles),
            ctypes.c_uint64(seed), _pointer(valid_out), *map(_pointer, (*found, *spare)),
        )  # fmt: skip
        values = {
            name: port.unpack(part) for (name, port), part in zip(ports.items(), found, strict=True)
        }
        return Cycles(valid_out.astype(np.bool_), values)

    def trace(self, x: Integers) -> dict[str, Integers]:
        """Return output, score and accept bits of events (events, features), one every clock."""
        return stream(self, x)

    def network_digest(self) -> str | None:
        """Return what stands at the port network_digest, in hexadecimal; None without the port."""
        library, words = ctypes.CDLL(str(self.library)), np.zeros(DIGITS // 8, np.uint32)
        if not hasattr(library, "aetrig_network_digest"):  # made before there was the port
            return None
        library.aetrig_network_digest.restype = None
        library.aetrig_network_digest(_pointer(words))
        return "".join(f"{word:08x}" for word in words[::-1].tolist())


def stream(simulation: Clocked, x: Integers) -> dict[str, Integers]:
    """Return the results of events (events, features) that come one every clock, in order."""
    parts = [_part(simulation, x[start : start + CHUNK]) for start in range(0, len(x), CHUNK)]
    if not parts:
        return {p.name: np.empty((0, len(p.bits)), np.int64) for p in simulation.outputs}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _part(simulation: Clocked, x: Integers) -> dict[str, Integers]:
    idle = np.zeros((SETTLE, x.shape[1]), dtype=np.int64)
    valid = np.repeat(np.array([0, 1, 0], np.uint8), [1, len(x), SETTLE])
    reset = np.zeros(len(valid), np.uint8)
    reset[0] = 1
    found = simulation.clock(np.concatenate([idle[:1], x, idle]), valid, reset)
    return {name: values[found.valid] for name, values in found.values.items()}


def load(project: Path, program: Program) -> Verilated:
    """Compile (where needed) and load the project that was made for a Program.

    Raises MissingToolError without Verilator or g++, CheckFailedError where it does not compile.
    """
    return Verilated(compiled(project).resolve(), input_port(program), output_ports(program))


def _pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
