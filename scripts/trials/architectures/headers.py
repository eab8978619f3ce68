"""Flags of g++ for many small csim projects: the fixed-point headers are read once, beforehand."""

from __future__ import annotations

import atexit
import subprocess
import tempfile
from functools import cache
from importlib import util
from pathlib import Path

from aetrig.hls.compile import FLAGS

# a few hundred events run as fast without optimization, and compile in two thirds of the time
PLAIN = ("-O0", *(flag for flag in FLAGS if not flag.startswith("-O")))
HEADERS = (
    "algorithm", "array", "cmath", "cstddef", "cstdio", "fstream", "iostream", "map", "sstream",
    "string", "tuple", "vector", "ap_fixed.h", "ap_int.h",
)  # fmt: skip


@cache
def quick_flags() -> tuple[str, ...]:
    """Return the flags; the headers are those that hls4ml copies into each project."""
    folder = tempfile.TemporaryDirectory(prefix="aetrig-headers-")
    atexit.register(folder.cleanup)
    header = Path(folder.name) / "fixed_point.h"
    lines = (f"#include <{name}>\n" for name in HEADERS)
    header.write_text("".join(lines), encoding="utf-8")
    # found without an import, which takes seconds
    package = Path(str(util.find_spec("hls4ml").origin)).parent  # type: ignore[union-attr]
    types = package / "templates" / "vivado" / "ap_types"
    command = ["g++", *PLAIN, f"-I{types}", "-x", "c++-header", str(header)]
    subprocess.run([*command, "-o", f"{header}.gch"], check=True)
    return (*PLAIN, "-include", str(header))
