"""The folder that is handed over: sources, header, wrapper, example, self-test, read-me."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np

from aetrig.emulator.build import library_line, program_line
from aetrig.emulator.files import KERNELS, template
from aetrig.emulator.lower import lower
from aetrig.emulator.source import source
from aetrig.errors import UserError
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program

PATHS = (
    "generic",
    "avx2",
    "avxvnni",
    "avx512vnni",
    "avx2events",
    "avx512events",
)  # numbered from 1 in the interface
MOST_VERSION = 9999


@dataclass(frozen=True)
class Name:
    """What the library's names begin with: ``aetrig_<name>_v<version>``."""

    name: str
    version: int

    def __post_init__(self) -> None:
        """Raise UserError where they give no C identifier."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise UserError(
                f"'{self.name}' cannot be part of a C name: use lower-case letters, digits and _, "
                "a letter first, as in --name l1ad"
            )
        if not 0 <= self.version <= MOST_VERSION:
            raise UserError(f"version {self.version}: expected 0 to {MOST_VERSION}")

    @property
    def prefix(self) -> str:
        """The prefix, a C identifier."""
        return f"aetrig_{self.name}_v{self.version}"


def write_folder(program: Program, name: Name, golden: Integers, folder: Path) -> None:
    """Write every file but the library into a new folder.

    ``golden``: inputs of the golden vectors, shape (events, features); their results are the
    Program's own. Raises UserError for a program that the emulator cannot hold.
    """
    (folder / "src").mkdir(parents=True)
    code = source(lower(program), name.prefix, program.digest)
    unit = f'#include "emulator.hpp"\n\n#include "../{name.prefix}.h"\n\n{code}'
    _write(folder / "src" / f"{name.prefix}.cpp", unit)
    for kernel in KERNELS:
        _write(folder / "src" / kernel, template(kernel))
    words = _words(program, name, len(golden))
    for source_name, target in (
        ("header.h.in", f"{name.prefix}.h"),
        ("wrapper.py.in", f"{name.prefix}.py"),
        ("example.cpp.in", "example.cpp"),
        ("selftest.cpp.in", "selftest.cpp"),
        ("README.md.in", "README.md"),
    ):
        _write(folder / target, Template(template(source_name)).substitute(words))
    _write(folder / "build.sh", _script(name.prefix))
    (folder / "build.sh").chmod(0o755)
    _write(folder / "golden.txt", _golden(program, golden))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _script(prefix: str) -> str:
    lines = [
        library_line(prefix),
        program_line("example", prefix),
        program_line("selftest", prefix),
    ]
    commands = [shlex.join(["g++", *line]) for line in lines]
    start = ["#!/bin/sh", "set -e", 'cd "$(dirname "$0")"']
    return "\n".join([*start, *commands, "./selftest.out", ""])


def _golden(program: Program, x: Integers) -> str:
    """Return a line an event: inputs, outputs, score, accept bits; the count in the first line."""
    values = trace(program, x)
    columns = [x, values[program.operations[-1].name]]
    if program.trigger is not None:
        columns += [values[SCORE], values[ACCEPT]]
    rows = np.concatenate(columns, axis=1)
    return "\n".join([str(len(x)), *(" ".join(map(str, row)) for row in rows.tolist())]) + "\n"


def _words(program: Program, name: Name, golden: int) -> dict[str, str]:
    """Return what the templates' names stand for."""
    trigger = program.trigger
    points = () if trigger is None else tuple(point.name for point in trigger.points)
    score_exponent = 0 if trigger is None else program.score_exponent
    titles = "" if not points else ": " + ", ".join(points)
    return {
        "title": f"{name.name}, version {name.version}",
        "prefix": name.prefix,
        "PREFIX": name.prefix.upper(),
        "digest": program.digest,
        "features": str(program.features),
        "outputs": str(program.outputs),
        "points": str(len(points)),
        "point_names": titles,
        "point_tuple": repr(points),
        "trigger": str(int(trigger is not None)),
        "has_trigger": str(trigger is not None),
        "output_exponent": str(program.output_format.exponent),
        "score_exponent": str(score_exponent),
        "and_trigger": "" if trigger is None else " and trigger",
        "results": ""
        if trigger is None
        else f", the score and the accept bits ({', '.join(points)})",
        "score_worth": "" if trigger is None else f", the score 2^{score_exponent}",
        "golden": str(golden),
        "paths": ", ".join(PATHS),
        "example_line": shlex.join(["g++", *program_line("example", name.prefix)]),
    }
