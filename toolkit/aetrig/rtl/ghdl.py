"""Clock a VHDL project through streams of events with GHDL."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.errors import CheckFailedError
from aetrig.files import workspace
from aetrig.program.model import Integers, Program
from aetrig.rtl.ports import DIGITS, Port, input_port, output_ports
from aetrig.rtl.simulate import Bits, Cycles, stream
from aetrig.tools import refuse_no_room, require_tool

ORDER = ("trigger_config", "network", "trigger", "bench")  # the others stand before `network`


@dataclass(frozen=True)
class Ghdl:
    """A VHDL project on disk, analysed anew for each stream."""

    project: Path
    ghdl: str
    input: Port
    outputs: tuple[Port, ...]

    def clock(self, x: Integers, valid: Bits, reset: Bits, seed: int = 1) -> Cycles:  # noqa: ARG002
        """Return the outputs after each cycle; registers start undefined, which reads as zero."""
        response, _ = self._simulated(x, valid, reset)
        return _cycles(response.split("\n")[: len(x)], self.outputs)

    def network_digest(self) -> str | None:
        """Return what stands at the port network_digest, in hexadecimal; None without the port."""
        none = np.zeros(1, np.uint8)
        _, bits = self._simulated(np.zeros((1, len(self.input.bits)), np.int64), none, none)
        return f"{int(bits, 2):0{DIGITS}x}" if bits else None

    def _simulated(self, x: Integers, valid: Bits, reset: Bits) -> tuple[str, str]:
        """Return response.txt, and the bits of network_digest.txt where the bench writes it."""
        with workspace() as work:
            rows = _digits(self.input, x)
            lines = [f"{r}{v}{row}" for r, v, row in zip(reset, valid, rows, strict=True)]
            (work / "stimulus.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
            self._run(work, "-a", *map(str, _sources(self.project)))
            self._run(work, "-e", "bench")
            self._run(work, "-r", "bench")
            identity = work / "network_digest.txt"
            bits = identity.read_text(encoding="ascii").strip() if identity.exists() else ""
            return (work / "response.txt").read_text(encoding="ascii"), bits

    def trace(self, x: Integers) -> dict[str, Integers]:
        """Return output, score and accept bits of events (events, features), one every clock."""
        return stream(self, x)

    def _run(self, work: Path, mode: str, *arguments: str) -> None:
        # alkaid's logic uses std_logic_misc, and hides its own generics
        command = [self.ghdl, mode, "--std=08", "-fsynopsys", "-Wno-hide", *arguments]
        if mode == "-r":
            command.append("--ieee-asserts=disable")  # undefined registers at the start
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            refuse_no_room(done, work)
            said = (done.stderr + done.stdout).strip().splitlines()
            where = (line for line in said if ":" in line and ":warning:" not in line)
            first = next(where, "no message")
            raise CheckFailedError(f"{self.project}: GHDL {mode}: {first}")


def load(project: Path, program: Program) -> Ghdl:
    """Return the simulation of a VHDL project; raise MissingToolError without GHDL."""
    return Ghdl(project.resolve(), require_ghdl(), input_port(program), output_ports(program))


def require_ghdl() -> str:
    """Return the path of GHDL; raise MissingToolError with the remedy."""
    return require_tool("ghdl", "VHDL is simulated with it", "apt-get install ghdl")


def _sources(project: Path) -> list[Path]:
    """Return the files in an order in which each finds what it uses."""
    own = [path for name in ORDER for path in project.rglob(f"{name}.vhd")]
    others = [path for path in sorted((project / "src").glob("*.vhd")) if path not in own]
    logic = [path for path in others if path.stem.startswith("logic")]
    top = [path for path in others if path.stem == "pipeline"]
    library = [path for path in others if path not in (*logic, *top)]
    return [own[0], *library, *logic, *top, *own[1:]]


def _digits(port: Port, values: Integers) -> list[str]:
    """Return each event's bits as digits, the highest first."""
    bits = np.unpackbits(port.pack(values).view(np.uint8), axis=1, bitorder="little")
    digits = (bits[:, port.width - 1 :: -1] if port.width else bits) + ord("0")
    return [row.tobytes().decode("ascii") for row in np.ascontiguousarray(digits[:, -port.width :])]


def _cycles(lines: list[str], ports: tuple[Port, ...]) -> Cycles:
    fields = [line.split(" ") for line in lines]
    valid = np.array([row[0] == "1" for row in fields], dtype=np.bool_)
    values = {
        port.name: port.unpack(_words([row[1 + i] for row in fields], port))
        for i, port in enumerate(ports)
    }
    return Cycles(valid, values)


def _words(texts: list[str], port: Port) -> npt.NDArray[np.uint32]:
    digits = np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8)
    bits = (digits.reshape(len(texts), port.width)[:, ::-1] == ord("1")).astype(np.uint8)
    padded = np.zeros((len(texts), port.words * 32), dtype=np.uint8)
    padded[:, : port.width] = bits
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint32)
