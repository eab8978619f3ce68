"""The trigger as the top function of a project: score, thresholds and bits around the network."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from aetrig.errors import CheckFailedError
from aetrig.hls.precision import layers
from aetrig.program.model import SCORE, Add, Program
from aetrig.program.ranges import ranges

BACKENDS = ("Vitis", "Vivado", "VivadoAccelerator")  # the others hold the network alone
AXI_SOURCES = ("myproject_axi.h", "myproject_axi.cpp")
SOURCES, CONFIG = ("trigger.h", "trigger.cpp", "trigger_host.h"), "trigger_config.h"
BENCH, DRIVER, DRIVER_SOURCE = "trigger_test.cpp", "trigger_driver.py", "trigger_driver.py.in"
BOARD_SCRIPT = "design.tcl"  # hls4ml's, for boards alone: their top has AXI streams
TERMS = {"square": "Square", "absolute": "Absolute"}
# how hls4ml schedules a network: unrolled, or with multipliers that are used again
PIPELINE, DATAFLOW = "#pragma HLS PIPELINE", "    #pragma HLS DATAFLOW\n"
_ARGUMENT = re.compile(r"(\w+) \w+\[(\d+)\]")


def hexadecimal(program: Program) -> str:
    """Return the 64 digits of the contract's SHA-256; zero for a program read from no file."""
    return program.digest.zfill(64)


def has_trigger(program: Program, backend: str) -> bool:
    """Say whether the project's top is the trigger."""
    return program.trigger is not None and backend in BACKENDS


def outputs(program: Program, backend: str) -> list[str] | None:
    """Return the layers that the network gives: the score's reference, then the last one.

    None for hls4ml's own choice, the last one alone.
    """
    if not has_trigger(program, backend) or program.trigger is None:
        return None
    reference = program.trigger.score.reference
    if reference is None:
        return None
    lowered = layers(program)
    first = next(layer.name for layer in lowered if layer.output == reference)
    return [first, lowered[-1].name]


def add_trigger(project: Path, program: Program) -> None:
    """Write the trigger around a generated network, with its test bench.

    Where the project is for a board, the top gets AXI streams, and the host's driver is added.
    A network that gives the score's reference is no dataflow: that layer has a reader inside and
    one outside, where the vendor's tool allows a single one; so has what a residual connection
    adds.
    """
    has_reference = program.trigger is not None and program.trigger.score.reference is not None
    if has_reference or any(isinstance(op, Add) for op in program.operations):
        network = _network(project)
        network.write_text(network.read_text(encoding="utf-8").replace(DATAFLOW, ""), "utf-8")
    for name, text in _files(project, program).items():
        (project / name).write_text(text, encoding="utf-8")


def check_trigger(project: Path, program: Program) -> list[tuple[str, str, str]]:
    """Return (file, expected, found) for the first differing line of each file of the trigger."""
    findings = []
    for name, text in _files(project, program).items():
        path = project / name
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if found != text:
            findings.append((path.name, *_first_difference(text, found)))
    return findings


def _first_difference(expected: str, found: str) -> tuple[str, str]:
    wanted, there = expected.splitlines(), found.splitlines()
    for a, b in zip(wanted, there, strict=False):
        if a != b:
            return a.strip(), b.strip()
    return f"{len(wanted)} lines", f"{len(there)} lines"


def _files(project: Path, program: Program) -> dict[str, str]:
    """Return every file of the trigger by its path in the project."""
    own = resources.files("aetrig").joinpath("firmware", "hls")
    names = {BENCH: BENCH} | {f"firmware/{name}": name for name in SOURCES}
    if (project / BOARD_SCRIPT).exists():
        names |= {DRIVER: DRIVER_SOURCE} | {f"firmware/{name}": name for name in AXI_SOURCES}
    files = {path: own.joinpath(name).read_text(encoding="utf-8") for path, name in names.items()}
    if DRIVER in files:
        files[DRIVER] = files[DRIVER].replace("@DIGEST@", hexadecimal(program))
    return files | {f"firmware/{CONFIG}": _config(project, program)}


def _config(project: Path, program: Program) -> str:
    """Return the types and constants, with the type names that hls4ml gave its arguments."""
    trigger = program.trigger
    if trigger is None:
        raise ValueError("the program has no trigger")
    arguments = _arguments(project)
    has_reference = trigger.score.reference is not None
    if len(arguments) != 2 + has_reference:
        raise CheckFailedError(f"{project}: the network has {len(arguments)} arguments")
    bits = ranges(program)[SCORE].bits
    names = ", ".join(point.name for point in trigger.points)
    thresholds = ", ".join(f"{point.threshold}ULL" for point in trigger.points)
    widest = max(bits, *(point.threshold.bit_length() for point in trigger.points))
    reference = f"typedef {arguments[1][0]} trigger_reference_t;\n" if has_reference else ""
    digest = hexadecimal(program)
    words = ", ".join(f"0x{digest[start : start + 8]}u" for start in range(0, len(digest), 8))
    return f"""#ifndef TRIGGER_CONFIG_H_
#define TRIGGER_CONFIG_H_

#include "myproject.h"
#include "trigger.h"

#define TRIGGER_INPUTS {arguments[0][1]}
#define TRIGGER_OUTPUTS {arguments[-1][1]}
#define TRIGGER_POINTS {len(trigger.points)}
#define TRIGGER_HAS_REFERENCE {int(has_reference)}
#define TRIGGER_PIPELINE {int(PIPELINE in _network(project).read_text(encoding="utf-8"))}
#define TRIGGER_AXI {int((project / BOARD_SCRIPT).exists())}

typedef {arguments[-1][0]} trigger_output_t;
{reference}typedef aetrig::{TERMS[trigger.score.kind]} trigger_term_t;
typedef ap_ufixed<{bits}, {bits + program.score_exponent}> trigger_sum_t;
typedef ap_uint<{bits}> trigger_score_t;

// {names}
static const ap_uint<{widest}> trigger_thresholds[TRIGGER_POINTS] = {{{thresholds}}};

// the contract's SHA-256, which the top function gives: the first digits first
#define NETWORK_DIGEST "{digest}"
static const unsigned trigger_network_digest[DIGEST_WORDS] = {{{words}}};

void trigger(input_t x[TRIGGER_INPUTS], trigger_score_t &score, ap_uint<TRIGGER_POINTS> &accept,
             ap_uint<32 * DIGEST_WORDS> &network_digest);

#endif
"""


def _network(project: Path) -> Path:
    return project / "firmware" / "myproject.cpp"


def _arguments(project: Path) -> list[tuple[str, int]]:
    """Return (type, width) of the network's arguments, the input first."""
    header = (project / "firmware" / "myproject.h").read_text(encoding="utf-8")
    start = header.index("void myproject(")
    prototype = header[start : header.index(")", start)]
    return [(kind, int(width)) for kind, width in _ARGUMENT.findall(prototype)]
