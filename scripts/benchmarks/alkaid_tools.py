"""alkaid's own simulation of its RTL: it looks for a `verilator` on PATH that tells its version."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from aetrig.rtl.verilate import require_verilator

# the package's program names its version without the word that alkaid looks for, and its makefile
# asks a g++ for clang's precompiled headers
SHIM = """#!/bin/sh
case "$1" in
  --version) echo "Verilator {version}" ;;
  *) exec {binary} -MAKEFLAGS CFG_CXXFLAGS_PCH_I=-include "$@" ;;
esac
"""


@contextlib.contextmanager
def verilator_on_path(folder: Path) -> Iterator[None]:
    """Put Verilator's package on PATH as alkaid wants it."""
    root = require_verilator()
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "verilator"
    major, minor = (int(part) for part in version("verilator").split(".")[:2])
    text = SHIM.format(binary=root / "bin" / "verilator_bin", version=f"{major}.{minor:03d}")
    shim.write_text(text, encoding="utf-8")
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    before = {name: os.environ.get(name) for name in ("PATH", "VERILATOR_ROOT")}
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    os.environ["VERILATOR_ROOT"] = str(root)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
