"""Make the lock afresh with uv, from what pyproject.toml allows and what the index offers."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trials._supply import lock
from trials._supply.lock import LockError, Pin
from trials._supply.places import (
    BUILD,
    CONSTRAINTS,
    CORE,
    CUDA,
    EXTRAS,
    REPOSITORY,
    TORCH,
    project,
)
from trials._supply.wheels import TARGETS, Target

BUILDERS = ("editables", "setuptools")  # of this checkout, and of the packages that have no wheel
# what PyPI's build of torch pulls in, and the CPU build does not
OF_CUDA = re.compile(r"nvidia-.*|cuda-.*|triton")
HEAD = """\
# {what}
# Made by `scripts/trust pins --write`: {count} package(s), {files} files for CPython 3.11 to 3.13
# on Linux (x86_64, aarch64); a source file only where a package has no wheel at all.
"""
HEADS = {
    BUILD: "What builds aetrig and the packages that have no wheel.",
    CORE: "What aetrig needs beside build.txt.",
    "test": "What the tests need beside core.txt.",
    "sample": "What makes the physics sample needs beside core.txt.",
    "fuzz": "What the coverage-guided fuzzing needs beside core.txt.",
    CUDA: "What PyPI's build of torch needs beside core.txt; the CPU build needs none of it.",
}


def write(*, upgrade: bool) -> list[str]:
    """Write requirements/*.txt and constraints.txt; return what cannot be installed where.

    ``upgrade``: take the newest versions that pyproject.toml allows, not the pinned ones.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder)
        building = place / "build.in"
        building.write_text("\n".join((*project()["build-system"]["requires"], *BUILDERS)), "utf-8")
        every = ["pyproject.toml", str(building), *_extras(*EXTRAS)]
        versions = place / "versions.txt"
        versions.write_text("" if upgrade else CONSTRAINTS.read_text("utf-8"), encoding="utf-8")
        _uv(*every, "--output-file", str(versions))  # uv prefers what the file has
        whole = _packages(versions, *every)
        build = _packages(versions, str(building)).keys()
        core = _packages(versions, "pyproject.toml").keys() | build
        sets = {BUILD: build, CORE: core - build} | {
            extra: _packages(versions, "pyproject.toml", *_extras(extra)).keys() - core
            for extra in EXTRAS
        }
    pins = {name: _pin(package) for name, package in whole.items()}
    pins = {name: pin for name, pin in pins.items() if pin is not None}
    cuda = {name for name in pins if OF_CUDA.fullmatch(name)}
    _same_torch(pins["torch"])
    for name, names in {**sets, CUDA: cuda}.items():
        kept = names if name == CUDA else names - cuda
        _save(name, [pins[key] for key in sorted(kept) if key in pins])
    _save_constraints(pins.values())
    return [line for name in sorted(pins) for line in _gaps(whole[name])]


def _extras(*names: str) -> list[str]:
    return [word for name in names for word in ("--extra", name)]


def _uv(*words: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", *words]
    command += ["--python-version", "3.11", "--fork-strategy", "fewest"]
    command += ["--no-emit-package", "aetrig", "--no-header", "--no-annotate"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LockError(done.stderr.strip())


def _packages(versions: Path, *words: str) -> dict[str, Any]:
    """Return what some requirements need, each package with its files and their digests."""
    output = versions.with_name("pylock.toml")
    output.unlink(missing_ok=True)
    form = ("--format", "pylock.toml", "--output-file", str(output))
    _uv(*words, "--constraint", str(versions), *form)
    listed = tomllib.loads(output.read_text(encoding="utf-8"))["packages"]
    packages = {package["name"]: package for package in listed}
    if len(packages) != len(listed):
        raise LockError("two versions of one package: pin it in pyproject.toml for every Python")
    return packages


def _pin(package: dict[str, Any]) -> Pin | None:
    """Return a package's pin; None where none of our targets needs it."""
    targets = _targets(package)
    if not targets:
        return None
    wheels = {
        _name(wheel): wheel["hashes"]["sha256"]
        for wheel in package.get("wheels", [])
        if any(target.takes(_name(wheel)) for target in targets)
    }
    digests = tuple(wheels.values())
    if not package.get("wheels") and "sdist" in package:
        digests = (package["sdist"]["hashes"]["sha256"],)
    if not digests:
        raise LockError(f"{package['name']} has no file for any of our targets")
    everywhere = len(targets) == len(TARGETS)
    marker = "" if everywhere else package["marker"]
    return Pin(package["name"], package["version"], marker, digests)


def _targets(package: dict[str, Any]) -> list[Target]:
    return [target for target in TARGETS if target.meets(package.get("marker", ""))]


def _gaps(package: dict[str, Any]) -> list[str]:
    """Return where a package is needed but has no wheel: it cannot be installed there."""
    if not package.get("wheels"):
        return []
    names = [_name(wheel) for wheel in package["wheels"]]
    return [
        f"{package['name']}: {target}"
        for target in _targets(package)
        if not any(target.takes(name) for name in names)
    ]


def _name(file: dict[str, Any]) -> str:
    return str(file.get("name") or file["url"].rsplit("/", 1)[1])


def _same_torch(torch: Pin) -> None:
    """Refuse a torch whose CPU build's digests are not in the lock: no tool writes those."""
    (cpu,) = lock.read(lock.path(TORCH))
    if cpu.version.partition("+")[0] != torch.version:
        raise LockError(
            f"torch {torch.version}: put the digests of its CPU build into requirements/{TORCH}.txt"
        )


def _save(name: str, pins: list[Pin]) -> None:
    files = sum(len(pin.digests) for pin in pins)
    head = HEAD.format(what=HEADS[name], count=len(pins), files=files)
    lock.path(name).write_text(head + "".join(pin.text() for pin in pins), encoding="utf-8")


def _save_constraints(pins: Iterable[Pin]) -> None:
    head = (
        "# The versions that were tested together; requirements/ has them with their hashes.\n"
        "# Made by `scripts/trust pins --write`.\n"
    )
    lines = sorted(f"{pin.name}=={pin.version}\n" for pin in pins)
    CONSTRAINTS.write_text(head + "".join(lines), encoding="utf-8")
