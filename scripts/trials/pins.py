"""Every package of the lock: its version, its hashes, and whether they say what pyproject says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from trials._supply import lock
from trials._supply.lock import LockError, Pin
from trials._supply.places import CONSTRAINTS, TORCH, canonical, import_path, project


def main(words: list[str]) -> int:
    """Check the lock, or make it afresh; 1 where something does not agree."""
    parser = argparse.ArgumentParser(prog="scripts/trust pins", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the lock afresh, with uv")
    parser.add_argument(
        "--upgrade", action="store_true", help="with --write: to the newest versions allowed"
    )
    given = parser.parse_args(words)
    if given.write:
        from trials._supply.resolve import write

        try:
            gaps = write(upgrade=given.upgrade)
        except LockError as error:
            print(f"not written: {error}")
            return 1
        print("No wheel, so cannot be installed there from the lock:\n")
        print("\n".join(f"- {gap}" for gap in gaps), end="\n\n")
    faults = [*disagreements(), *installed()]
    print("\n".join(["| requirements | packages | hashes |", "|---|---:|---:|", *_rows()]))
    print("\n".join(["", *(f"FAULT: {fault}" for fault in faults)] if faults else ["", "no fault"]))
    return 1 if faults else 0


def _rows() -> Iterator[str]:
    for name in lock.FILES:
        pins = lock.read(lock.path(name))
        yield f"| {name}.txt | {len(pins)} | {sum(len(pin.digests) for pin in pins)} |"


def disagreements() -> Iterator[str]:
    """Yield what of the lock, constraints.txt and pyproject.toml does not agree."""
    pins: dict[str, Pin] = {}
    for pin in lock.everything():
        if pin.name in pins and pin.version != pins[pin.name].version:
            yield f"{pin.name} is locked at {pin.version} and at {pins[pin.name].version}"
        pins[pin.name] = pin
    (cpu,) = lock.read(lock.path(TORCH))
    for pin in (*pins.values(), cpu):
        if not pin.digests:
            yield f"{pin.name}=={pin.version} has no hash"
    if cpu.version != f"{pins['torch'].version}+cpu":
        yield f"torch is locked at {pins['torch'].version}, its CPU build at {cpu.version}"
    locked = {f"{pin.name}=={pin.version}" for pin in pins.values()}
    for line in sorted(locked ^ set(constraints())):
        yield f"{line} is in {'the lock' if line in locked else CONSTRAINTS.name} alone"
    for requirement in direct():
        if not requirement.specifier:
            yield f"{requirement} has no bound"
        pin = pins.get(canonical(requirement.name))
        if pin is None or not requirement.specifier.contains(pin.version, prereleases=True):
            yield f"{requirement} is not what the lock has: {pin and pin.version}"


def constraints() -> list[str]:
    """Return the lines of constraints.txt that pin."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def direct() -> list[Requirement]:
    """Return the requirements that pyproject.toml states, of every extra, less our own extras."""
    content = project()["project"]
    extras = content["optional-dependencies"].values()
    stated = [*content["dependencies"], *(line for extra in extras for line in extra)]
    return [line for line in map(Requirement, stated) if canonical(line.name) != content["name"]]


def installed() -> Iterator[str]:
    """Yield each package of this environment that is not at its pin."""
    names = {pin.name: pin.version for pin in lock.everything()}
    for found in metadata.distributions(path=import_path()):
        name = canonical(found.metadata["Name"])
        version = found.version.partition("+")[0]
        if version != names.get(name, version):
            yield f"{name} {found.version} is installed, {names[name]} is locked"
