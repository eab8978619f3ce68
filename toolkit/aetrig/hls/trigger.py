"""The trigger as the top function of a project: score, thresholds and bits around the network."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import numpy as np

from aetrig.errors import CheckFailedError
from aetrig.hls.precision import layers
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.program.ranges import ranges

BACKENDS = ("Vitis", "Vivado")  # the others' projects hold the network alone
TOP = "trigger"
SOURCES, CONFIG, BENCH = ("trigger.h", "trigger.cpp"), "trigger_config.h", "trigger_test.cpp"
TERMS = {"square": "Square", "absolute": "Absolute"}
BENCH_EVENTS = 200
_ARGUMENT = re.compile(r"(\w+) \w+\[(\d+)\]")


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


def add_trigger(project: Path, program: Program, x: Integers) -> None:
    """Write the trigger around a generated network, its test bench, and make it the top.

    ``x``: events (events, features) for the test bench, with the Program's results.
    """
    for name, text in _files(project, program).items():
        (project / name).write_text(text, encoding="utf-8")
    script = project / "build_prj.tcl"
    script.write_text(_script(script.read_text(encoding="utf-8")), encoding="utf-8")
    _vectors(project / "tb_data", program, x[:BENCH_EVENTS])


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
    files = {f"firmware/{name}": own.joinpath(name).read_text(encoding="utf-8") for name in SOURCES}
    files[BENCH] = own.joinpath(BENCH).read_text(encoding="utf-8")
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
    return f"""#ifndef TRIGGER_CONFIG_H_
#define TRIGGER_CONFIG_H_

#include "myproject.h"
#include "trigger.h"

#define TRIGGER_INPUTS {arguments[0][1]}
#define TRIGGER_OUTPUTS {arguments[-1][1]}
#define TRIGGER_POINTS {len(trigger.points)}
#define TRIGGER_HAS_REFERENCE {int(has_reference)}

typedef {arguments[-1][0]} trigger_output_t;
{reference}typedef aetrig::{TERMS[trigger.score.kind]} trigger_term_t;
typedef ap_ufixed<{bits}, {bits + program.score_exponent}> trigger_sum_t;
typedef ap_uint<{bits}> trigger_score_t;

// {names}
static const ap_uint<{widest}> trigger_thresholds[TRIGGER_POINTS] = {{{thresholds}}};

void trigger(input_t x[TRIGGER_INPUTS], trigger_score_t &score, ap_uint<TRIGGER_POINTS> &accept);

#endif
"""


def _arguments(project: Path) -> list[tuple[str, int]]:
    """Return (type, width) of the network's arguments, the input first."""
    header = (project / "firmware" / "myproject.h").read_text(encoding="utf-8")
    start = header.index("void myproject(")
    prototype = header[start : header.index(")", start)]
    return [(kind, int(width)) for kind, width in _ARGUMENT.findall(prototype)]


def _script(text: str) -> str:
    """Return hls4ml's script with the trigger for its top and its test bench."""
    added = f'set_top {TOP}\nadd_files firmware/{TOP}.cpp -cflags "-std=c++0x"\n'
    changes = (
        ("set_top ${project_name}\n", added),
        ("add_files -tb ${project_name}_test.cpp", f"add_files -tb {BENCH}"),
    )
    for old, new in changes:
        if old not in text:
            raise CheckFailedError(
                f"hls4ml's build_prj.tcl has no line '{old.strip()}': its version is not the "
                "tested one; see aetrig doctor"
            )
        text = text.replace(old, new)  # the bench is named again for cosim
    return text


def _vectors(folder: Path, program: Program, x: Integers) -> None:
    values = trace(program, x)
    folder.mkdir(exist_ok=True)
    results = np.concatenate([values[SCORE], values[ACCEPT]], axis=1)
    for name, rows in (("tb_input_features", x), ("tb_output_predictions", results)):
        lines = [" ".join(map(str, row)) for row in rows.tolist()]
        (folder / f"{name}.dat").write_text("\n".join(lines) + "\n", encoding="utf-8")
