"""The licence of every dependency, and that no one else's code lies in what we hand on."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from trials._supply import built, lock, vendored
from trials._supply.licences import Kind, Licence, licence, reachable
from trials._supply.places import CORE, CUDA, REPOSITORY, canonical, import_path, project

PAGE = REPOSITORY / "docs" / "supply-chain.md"
# the packages that nobody needs to install: those of these sets may ask more of who hands them on
OPTIONAL = {Kind.STRONG_COPYLEFT: {"sample"}, Kind.PROPRIETARY: {CUDA}}
TOP = ("package", "version", "licence", "class", "needed by")


def main(words: list[str]) -> int:
    """Print the table and what breaks the policy; 1 where something does."""
    parser = argparse.ArgumentParser(prog="scripts/trust licences", description=__doc__)
    parser.add_argument("--also", type=Path, help="a folder with more installed packages")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    parser.add_argument("--built", action="store_true", help="build and search wheel and sdist too")
    given = parser.parse_args(words)
    found = licences([str(given.also)] if given.also else [])
    missing = sorted({pin.name for pin in lock.everything()} - {item.name for item in found})
    faults = [*policy(found), *searched(wheel_too=given.built)]
    counts, rows = summary(found), table(found)
    print("\n".join([*rows, "", *counts, ""]))
    if missing:
        print(f"not installed here, so not read: {', '.join(missing)}")
    if given.write and missing:
        faults.append("the page needs every package: scripts/setup test, sample and fuzz; --also")
    elif given.write:
        _put("licence-counts", counts)
        _put("licences", rows)
    print("\n".join([f"FAULT: {fault}" for fault in faults]) or "no fault")
    return 1 if faults else 0


def licences(also: list[str]) -> list[Licence]:
    """Return the licence of each package of the lock that is installed here, sorted by name."""
    sets = _sets()
    pinned = {pin.name for pin in lock.everything()}
    here = {
        canonical(item.metadata["Name"]): item
        for path in ([], also)
        for item in metadata.distributions(path=path or import_path())
    }
    return [licence(here[name], sets.get(name, ())) for name in sorted(pinned & here.keys())]


def _sets() -> dict[str, tuple[str, ...]]:
    """Return what needs each package: the core, extras, or one of the lock's other files."""
    name = project()["project"]["name"]
    extras = [extra for extra in project()["project"]["optional-dependencies"] if extra != "test"]
    parts = {CORE: reachable(name)} | {extra: reachable(name, extra) for extra in extras}
    parts = {part: names - parts[CORE] if part != CORE else names for part, names in parts.items()}
    needed: dict[str, list[str]] = {}
    for part, names in parts.items():
        for item in names:
            needed.setdefault(item, []).append(part)
    for file in lock.FILES:
        for pin in lock.read(lock.path(file)):
            needed.setdefault(pin.name, [file])
    return {item: tuple(parts) for item, parts in needed.items()}


def policy(found: list[Licence]) -> Iterator[str]:
    """Yield each licence that may not be where it is."""
    for item in found:
        if item.kind is Kind.UNKNOWN:
            yield f"{item.name}: its licence is unknown: {item.expression or 'it says none'}"
        allowed = OPTIONAL.get(item.kind)
        if allowed is not None and not set(item.needed_by) <= allowed:
            yield f"{item.name}: {item.kind}, needed by {', '.join(item.needed_by)}"


def searched(*, wheel_too: bool) -> Iterator[str]:
    """Yield each file of the repository, wheel and source archive that is not ours."""
    passages = vendored.passages()
    files = vendored.tree(REPOSITORY, built.tracked())
    print(f"repository: {len(files)} files, against {len(passages)} passages\n")
    yield from vendored.foreign(files, passages)
    if wheel_too:
        with TemporaryDirectory() as folder:
            for archive in built.build(Path(folder) / "dist"):
                content = built.content(archive)
                print(f"{archive.name}: {len(content)} files\n")
                yield from vendored.foreign(content, passages)


def table(found: list[Licence]) -> list[str]:
    """Return the lines of the table: direct and indirect dependencies alike."""
    rows = [
        (item.name, item.version, item.expression, str(item.kind), ", ".join(item.needed_by))
        for item in found
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (TOP, *rows)]
    return [lines[0], "|---" * len(TOP) + "|", *lines[1:]]


def summary(found: list[Licence]) -> list[str]:
    """Return how many packages each class has, for those everyone needs and for the others."""
    core = Counter(item.kind for item in found if CORE in item.needed_by)
    other = Counter(item.kind for item in found if CORE not in item.needed_by)
    rows = [f"| {kind} | {core[kind]} | {other[kind]} |" for kind in Kind]
    return ["| class | core | extras, tests, CUDA |", "|---|---:|---:|", *rows]


def _put(name: str, lines: list[str]) -> None:
    """Replace what stands between two marks of the page."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = PAGE.read_text(encoding="utf-8")
    body = "\n".join([begin, "", *lines, "", end])
    made, times = re.subn(f"{begin}.*?{end}", lambda _: body, text, flags=re.DOTALL)
    if times != 1:
        raise ValueError(f"{PAGE.name}: no place for {name}")
    PAGE.write_text(made, encoding="utf-8")
