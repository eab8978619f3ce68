"""QONNX to an hls4ml project on disk, through a child process, and checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import aetrig
from aetrig.config.model import Hls
from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.files import NO_ROOM
from aetrig.hls.bench import write_vectors
from aetrig.hls.boards import board_with, boards, part_of
from aetrig.hls.precision import Layer, layers
from aetrig.hls.project import check_project
from aetrig.hls.reuse import reuse_factors
from aetrig.hls.script import BACKENDS, adapt
from aetrig.hls.trigger import add_trigger, has_trigger, outputs
from aetrig.parts import Part, resolve
from aetrig.program.model import Integers, Program


@dataclass(frozen=True)
class Plan:
    """What will be generated: resolved part, checked options, layers with types and reuse.

    ``board``: of backend VivadoAccelerator.
    """

    part: Part
    board: str | None
    options: Hls
    layers: tuple[Layer, ...]
    reuse: dict[str, int]

    def adjusted_reuse(self) -> dict[str, int]:
        """Return the layers whose reuse factor had to be another than the one asked for."""
        wanted = self.options.reuse_factor
        return {name: factor for name, factor in self.reuse.items() if factor != wanted}


def plan(program: Program, options: Hls) -> Plan:
    """Check options against the network; raise UserError where hls4ml would change them silently.

    Raises MissingToolError where the strategy needs a Python package that is not installed.
    """
    part, lowered = resolve(options.part), layers(program)
    _check_backend(part, options)
    board = _board(part, options)
    if options.strategy == "distributed_arithmetic":
        _check_distributed(options)
    for layer in lowered:
        _check_widths(layer, options.backend)
    if options.backend == "VivadoAccelerator":
        _check_words(program, lowered)
    return Plan(part, board, options, lowered, reuse_factors(lowered, options))


def generate(
    qonnx: Path, program: Program, options: Hls, folder: Path, log: Path, x: Integers
) -> None:
    """Write the project into ``folder``, with hls4ml's own output in ``log``.

    ``x``: events (events, features) for the vendor's test bench. What was written is read back
    and compared with the Program. Raises CheckFailedError where hls4ml fails, or where it did not
    use a type or a constant as given: layer and type are named.
    """
    planned = plan(program, options)
    settings = options.model_dump() | {
        "part": planned.part.name,
        "board": planned.board,
        "reuse": planned.reuse,
        "outputs": outputs(program, options.backend),
        "trigger": has_trigger(program, options.backend),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "aetrig.hls.worker"]
    arguments = [str(qonnx.resolve()), folder.name, json.dumps(settings)]
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            command + arguments, cwd=folder.parent, env=_environment(), check=False,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if done.returncode in NO_ROOM:
        raise OSError(done.returncode, os.strerror(done.returncode), str(folder))
    if done.returncode != 0 or not (folder / "firmware" / "myproject.cpp").exists():
        raise CheckFailedError(f"hls4ml failed: {last_line(log)} (all of it: {log})")
    triggered = has_trigger(program, options.backend)
    if triggered:
        add_trigger(folder, program)
    if options.backend in BACKENDS:
        adapt(folder, trigger=triggered)
        write_vectors(folder, program, x, trigger=triggered)
    findings = check_project(folder, program)
    if findings:
        raise CheckFailedError(
            f"hls4ml did not write what the Program says: {findings[0]} "
            f"({len(findings)} findings; hls4ml's output: {log})"
        )


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it printed nothing")


def _environment() -> dict[str, str]:
    """Return this environment, with the folder that aetrig was imported from."""
    root = str(Path(aetrig.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([root, inherited] if inherited else [root])
    return os.environ | {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}


def _check_backend(part: Part, options: Hls) -> None:
    intel = part.family == "Intel"
    if (options.backend == "Quartus") != intel:
        wanted = "an Intel part (arria10)" if not intel else "backend Quartus"
        raise UserError(f"part {part.name} and backend {options.backend} do not fit: use {wanted}")
    if options.backend == "Quartus" and options.strategy != "resource":
        raise UserError(
            f"backend Quartus has no strategy {options.strategy}: use --strategy resource"
        )


def _board(part: Part, options: Hls) -> str | None:
    """Return the board of the options, or one with the part; hls4ml would replace the part."""
    if options.backend != "VivadoAccelerator":
        if options.board is not None:
            raise UserError(
                f"board '{options.board}' is for backend VivadoAccelerator, not {options.backend}"
            )
        return None
    if options.board is None:
        found = board_with(part.name)
        if found is None:
            listed = ", ".join(f"{name} ({part})" for name, part in boards().items())
            raise UserError(
                f"backend VivadoAccelerator has no board with {part.name}; give --board: {listed}"
            )
        return found
    if part_of(options.board) != part.name:
        raise UserError(
            f"board '{options.board}' carries {part_of(options.board)}, but the part is "
            f"{part.name}; leave --part out"
        )
    return options.board


def _check_distributed(options: Hls) -> None:
    if options.backend not in ("Vitis", "Vivado"):
        raise UserError(
            f"strategy distributed_arithmetic exists for Vitis and Vivado, not {options.backend}"
        )
    if options.reuse_factor != 1:
        raise UserError(
            "strategy distributed_arithmetic has no multipliers to reuse: reuse_factor is "
            f"{options.reuse_factor}, use 1"
        )
    if util.find_spec("da4ml") is None:
        raise MissingToolError(
            "strategy distributed_arithmetic needs the Python package da4ml: "
            "pip install 'hls4ml[da]'"
        )


def _check_widths(layer: Layer, backend: str) -> None:
    """Refuse what a double, which carries values in and out of csim, cannot hold.

    And signed numbers of one bit where the backend has ac_fixed: hls4ml writes two bits instead,
    with the same binary point, which halves the grid.
    """
    for role, kind in layer.types().items():
        if backend in ("Quartus", "Catapult") and kind.signed and kind.bits == 1:
            raise UserError(
                f"'{layer.named(role)}' has a {role} of one signed bit, which backend {backend} "
                "cannot hold: use 2 bits or more, or backend Vitis or Vivado"
            )
        if kind.bits > 53:
            raise UserError(
                f"'{layer.named(role)}' needs a {role} of {kind.bits} bits; csim holds 53: "
                "use fewer bits or a smaller spread of input shifts"
            )


def _check_words(program: Program, lowered: tuple[Layer, ...]) -> None:
    """Refuse what the 32-bit words of a board's AXI streams cannot hold.

    hls4ml carries the network's numbers as float32, exact to 24 bits; the trigger's top carries
    integers, and its accept bits in one word.
    """
    holds = 24 if program.trigger is None else 32
    ends = [lowered[0]] if program.trigger is not None else [lowered[0], lowered[-1]]
    for layer in ends:
        if layer.result.bits > holds:
            raise UserError(
                f"'{layer.output}' has {layer.result.bits} bits; a board's AXI word holds {holds}"
            )
    if program.trigger is not None and len(program.trigger.points) > holds:
        raise UserError(
            f"the trigger has {len(program.trigger.points)} working points; a board's AXI word "
            f"holds {holds} accept bits"
        )
