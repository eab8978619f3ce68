"""The lock: every package at one version, with the SHA-256 of each file that may be installed.

`requirements/build.txt` has what builds `aetrig`, `core.txt` what it needs beside, the file of an
extra what that adds, `cuda.txt` what PyPI's build of torch adds, `torch-cpu.txt` its CPU build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trials._supply.places import BUILD, CORE, CUDA, EXTRAS, REQUIREMENTS, TORCH, canonical

PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.!+-]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?$")
HASH = re.compile(r"^    --hash=sha256:(?P<digest>[0-9a-f]{64})(?: \\)?$")
FILES = (BUILD, CORE, *EXTRAS, CUDA, TORCH)


@dataclass(frozen=True)
class Pin:
    """A package at its version, with the digests of its files; ``marker``: where it is needed."""

    name: str
    version: str
    marker: str = ""
    digests: tuple[str, ...] = ()

    def text(self) -> str:
        """Return its lines of a requirements file."""
        where = f" ; {self.marker}" if self.marker else ""
        hashes = [f"    --hash=sha256:{digest}" for digest in sorted(self.digests)]
        return " \\\n".join([f"{self.name}=={self.version}{where}", *hashes]) + "\n"


class LockError(Exception):
    """A lock that says something it must not."""


def path(name: str) -> Path:
    """Return the file of that name of the lock."""
    return REQUIREMENTS / f"{name}.txt"


def read(file: Path) -> list[Pin]:
    """Return a file's pins. Raises LockError at a line that is neither pin, hash nor comment."""
    found: list[Pin] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        if pin := PIN.match(line):
            found.append(Pin(canonical(pin["name"]), pin["version"], pin["marker"] or ""))
        elif (match := HASH.match(line)) and found:
            last = found.pop()
            found.append(
                Pin(last.name, last.version, last.marker, (*last.digests, match["digest"]))
            )
        else:
            raise LockError(f"{file.name}:{number}: neither a pin nor its hash: {line}")
    return found


def everything() -> Iterator[Pin]:
    """Yield each package once, the CPU build of torch under torch's own version."""
    for name in FILES:
        if name != TORCH and path(name).exists():
            yield from read(path(name))
