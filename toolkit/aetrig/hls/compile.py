"""Compile a project as it stands on disk with g++, once for each state of its sources."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from aetrig.errors import CheckFailedError, UserError
from aetrig.files import replacing
from aetrig.run import sha256
from aetrig.tools import english, refuse_no_room, require_gxx

PURPOSE = "csim compiles the firmware project with it"
DRIVER = Path(__file__).with_name("batch.cpp")
# -O2 compiles as fast as -O0 here (weights are read at run time) and runs 25 times faster
FLAGS = ("-O2", "-fPIC", "-w", "-fno-gnu-unique", "-std=c++14")
INCLUDES = (
    "firmware/ap_types",
    "firmware/ac_types",
    "firmware/ac_types/include",
    "firmware/ac_math/include",
    "firmware/ac_simutils/include",
    "firmware/nnet_utils",
)


def compiled(project: Path, flags: Sequence[str] = FLAGS) -> Path:
    """Return the shared library of a project, compiling it where its sources have changed.

    It lies in the project's folder under a name of its sources' digest, so a library is never
    older than what is on disk. Raises MissingToolError without g++, UserError where the project
    is incomplete, CheckFailedError with g++'s first error where it does not compile.
    """
    compiler, project = require_gxx(PURPOSE), project.resolve()
    sources = _sources(project)
    command = [compiler, *flags, *_definitions(project), *_includes(project)]
    library = project / f"csim-{_digest(project, sources, command)}.so"
    if library.exists():
        return library
    with replacing(library) as linked:
        # one unit: the fixed-point headers, most of the work, are read once
        unit = linked.with_name("csim.cpp")
        unit.write_text("".join(f'#include "{source}"\n' for source in sources), encoding="utf-8")
        done = subprocess.run(
            [*command, "-shared", str(unit), "-o", str(linked)],
            cwd=project, capture_output=True, text=True, check=False,
            env=english(TMPDIR=str(linked.parent)),
        )  # fmt: skip
        _check(project, done)
        for old in project.glob("csim-*.so"):
            old.unlink()
    return library


def _sources(project: Path) -> list[Path]:
    bridges = sorted(project.glob("*_bridge.cpp"))
    tops = sorted((project / "firmware").glob("*.cpp"))
    if not bridges or not tops:
        raise UserError(
            f"{project} is not a complete firmware project (no bridge or no firmware/*.cpp); "
            "make it again: aetrig hls --force"
        )
    return [path.resolve() for path in (*tops, *bridges, DRIVER)]


def _definitions(project: Path) -> list[str]:
    bridge = next(project.glob("*_bridge.cpp")).read_text(encoding="utf-8")
    top = re.search(r"void (\w+_double)\s*\(", bridge)
    if top is None:
        raise UserError(f"{project}: the bridge has no double-precision entry; make it again")
    weights = (project / "firmware" / "weights").resolve()
    found = [f"-DTOP={top[1]}", f'-DWEIGHTS_DIR="{weights}"']
    return [*found, "-DAETRIG_TRIGGER"] if has_trigger(project) else found


def has_trigger(project: Path) -> bool:
    """Say whether a project on disk has the trigger around its network."""
    return (project / "firmware" / "trigger.cpp").exists()


def _includes(project: Path) -> list[str]:
    return ["-I."] + [f"-I{item}" for item in INCLUDES if (project / item).is_dir()]


def _digest(project: Path, sources: Sequence[Path], command: Sequence[str]) -> str:
    parts = [sha256(project / "firmware"), *map(sha256, sources), *command]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _check(project: Path, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode == 0:
        return
    refuse_no_room(done, project)
    lines = done.stderr.splitlines()
    first = next((line for line in lines if "error" in line), lines[0] if lines else "no message")
    raise CheckFailedError(f"{project} does not compile with g++: {first.strip()}")
