"""From a lowered network to a folder with its library, compiled by g++."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aetrig.errors import CheckFailedError
from aetrig.tools import english, refuse_no_room, require_gxx

PURPOSE = "the emulator is compiled with it"
# symbols are hidden but for the interface; two libraries never share any
LIBRARY_FLAGS = (
    "-std=c++17", "-O3", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden", "-fno-gnu-unique",
    "-Wl,-Bsymbolic,--as-needed",
)  # fmt: skip
PROGRAM_FLAGS = ("-std=c++17", "-O2")


def library_line(prefix: str) -> list[str]:
    """Return the arguments of g++ that make the library, in the emulator's folder."""
    library = f"lib{prefix}.so"
    return [*LIBRARY_FLAGS, f"-Wl,-soname,{library}", f"src/{prefix}.cpp", "-o", library]


def program_line(program: str, prefix: str) -> list[str]:
    """Return the arguments of g++ that make a program that finds its library beside itself."""
    library = f"lib{prefix}.so"
    return [*PROGRAM_FLAGS, f"{program}.cpp", library, "-Wl,-rpath,$ORIGIN", "-o", f"{program}.out"]


def build_library(folder: Path, prefix: str) -> Path:
    """Compile the library; raise MissingToolError without g++, CheckFailedError with its error."""
    compile_in(folder, library_line(prefix))
    return folder / f"lib{prefix}.so"


def compile_in(folder: Path, arguments: list[str]) -> None:
    """Run g++ in a folder; raises as `build_library`."""
    done = subprocess.run(
        [require_gxx(PURPOSE), *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env=english(TMPDIR=str(folder.resolve())),
    )  # fmt: skip
    if done.returncode:
        refuse_no_room(done, folder)
        lines = done.stderr.splitlines()
        first = next((line for line in lines if "error" in line), "no message")
        raise CheckFailedError(f"{folder} does not compile with g++: {first.strip()}")
