"""What this machine has for the chain, line by line, with the remedy for what it lacks."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

Status = Literal["ok", "optional", "missing"]
PYTHON = (3, 11)
DISK_GB = 5.0
DISTRIBUTION = "aetrig"
VENDOR_TOOLS = {
    "vitis_hls": "Vitis HLS up to 2024.1: source its settings64.sh",
    "vitis-run": "Vitis HLS from 2024.2: source its settings64.sh",
    "vivado_hls": "Vivado HLS up to 2020.1: source its settings64.sh",
    "vivado": "Vivado: source its settings64.sh",
}
RTL = "rtl"  # the extra whose packages make and simulate RTL


@dataclass(frozen=True)
class Finding:
    """One line of the examination; ``remedy`` is empty where all is well."""

    what: str
    found: str
    status: Status
    remedy: str = ""


def doctor() -> list[Finding]:
    """Examine Python, packages, compiler, disk, vendor tools and GPU. Changes nothing."""
    return [
        _python(),
        *_packages(),
        *_packages(RTL),
        *(_tool(name, f"apt-get install {name}") for name in ("g++", "make")),
        _optional("ghdl", "apt-get install ghdl, for aetrig rtl --language vhdl"),
        _disk(Path.cwd()),
        *(_optional(name, remedy) for name, remedy in VENDOR_TOOLS.items()),
        _gpu(),
    ]


def _python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= PYTHON:
        return Finding("Python", found, "ok")
    return Finding("Python", found, "missing", "install Python 3.11 or newer")


def _packages(extra: str = "") -> Iterator[Finding]:
    """Compare each required package with its allowed range, and say where it is not at its pin.

    Those of an extra alone are optional.
    """
    from packaging.requirements import Requirement

    pins = _pins()
    for line in metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(line)
        of_extra = "extra" in str(requirement.marker)
        if of_extra != bool(extra):
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        wanted = f"{DISTRIBUTION}[{extra}]" if extra else f"{requirement}"
        remedy = f"pip install '{wanted}'"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            absent: Status = "optional" if extra else "missing"
            yield Finding(requirement.name, "not installed", absent, remedy)
            continue
        good = requirement.specifier.contains(version, prereleases=True)
        pin = pins.get(requirement.name.lower(), version)
        tested = "" if version.partition("+")[0] == pin else f", tested with {pin}"
        found = f"{version} (allowed {requirement.specifier or 'any'}{tested})"
        yield Finding(requirement.name, found, "ok" if good else "missing", "" if good else remedy)


def _pins() -> dict[str, str]:
    """Return the tested versions: from the wheel, or from the checkout."""
    package = Path(__file__).resolve().parent
    for path in (package / "constraints.txt", package.parents[1] / "constraints.txt"):
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            pairs = (line.split("==") for line in lines if "==" in line)
            return {name.lower(): version for name, version in pairs}
    return {}


def _tool(name: str, remedy: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, "not on PATH", "missing", remedy)
    return Finding(name, f"{_version(path)} at {path}", "ok")


def _version(path: str) -> str:
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "version unknown"
    found = re.search(r"\d+\.\d+[.\d]*", answer.stdout)
    return found.group() if found else "version unknown"


def _optional(name: str, remedy: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, "not on PATH", "optional", remedy)
    return Finding(name, path, "ok")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 1e9
    found = f"{free:.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", f"{folder} is not writable", "missing", "change to another folder")
    if free < DISK_GB:
        return Finding("disk", found, "missing", f"free {DISK_GB:g} GB")
    return Finding("disk", found, "ok")


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("GPU", "torch is not installed", "optional", "pip install torch")
    if torch.cuda.is_available():
        return Finding("GPU", torch.cuda.get_device_name(0), "ok")
    found = f"none for torch {torch.__version__}"
    return Finding("GPU", found, "optional", "training uses the CPU")
