"""A bad input as a case: what to make in a folder, what to run on it, and what must come of it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BAD = (2,)  # exit codes of a file that is refused
# what would show that a file was executed: no case may leave it behind
MARKER = "executed"


@dataclass(frozen=True)
class Place:
    """Where a case is made. ``folder``: its own; ``base``: a real run's folder, to copy from."""

    folder: Path
    base: Path

    def __truediv__(self, name: str) -> Path:
        """Return a path in the case's folder."""
        return self.folder / name

    @property
    def marker(self) -> Path:
        """A file that a planted payload would make."""
        return self.folder / MARKER

    def run(self) -> Path:
        """Copy the real run into the case's folder; return its path."""
        target = self.folder / "runs" / "small"
        if not target.exists():
            shutil.copytree(self.base / "runs" / "small", target)
        return target

    def config(self, **data: Any) -> Path:
        """Write the run's config with other entries of `data`; return its path."""
        import yaml

        content = yaml.safe_load((self.base / "small.yaml").read_text(encoding="utf-8"))
        content["data"] |= data
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path


Build = Callable[[Place], list[str]]


@dataclass(frozen=True)
class Case:
    """One bad input.

    ``build``: writes it and returns the words of the command line. ``names``: what the error must
    name. ``codes``: exit codes that are right; with 0 among them the input may be harmless.
    """

    family: str
    kind: str
    name: str
    build: Build
    names: str = ""
    codes: tuple[int, ...] = BAD

    @property
    def label(self) -> str:
        """Name of the case in a report."""
        return f"{self.family}/{self.name}"


Damage = Callable[[bytes], bytes]
HARMLESS = (0, *BAD)


def damages(
    *, flips: int = 2, seed: int = 7, flip_codes: tuple[int, ...] = HARMLESS
) -> Iterator[tuple[str, str, Damage, tuple[int, ...]]]:
    """Yield (kind, name, damage, exit codes): what happens to any file on a disk or on its way."""
    yield "empty", "empty", lambda _: b"", BAD
    for share in (0.02, 0.5, 0.97):
        yield "truncated", f"cut-at-{share:g}", _cut(share), BAD
    for number in range(flips):
        yield "bit-flipped", f"flip-{number}", _flipped(seed + number), flip_codes
    yield "wrong type", "is-text", lambda _: b"this is no such file\n" * 20, BAD
    yield "wrong type", "is-zeros", lambda content: bytes(max(64, min(len(content), 4096))), BAD


def _cut(share: float) -> Damage:
    return lambda content: content[: int(len(content) * share)]


def _flipped(seed: int) -> Damage:
    def flip(content: bytes) -> bytes:
        generator = random.Random(seed)
        found = bytearray(content)
        for _ in range(max(1, len(found) // 2000)):
            found[generator.randrange(len(found))] ^= 1 << generator.randrange(8)
        return bytes(found)

    return flip


def resign(run: Path, *names: str) -> None:
    """Enter altered artefacts into the manifest with their new digests, as a forger would."""
    from aetrig.run import sha256

    path = run / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    entries = content["artefacts"]
    for name in names:
        if name not in entries:
            continue
        digest = sha256(run / name)
        entries[name]["sha256"] = digest
        for entry in entries.values():
            if name in entry["inputs"]:
                entry["inputs"][name] = digest
    path.write_text(json.dumps(content), encoding="utf-8")


def never_a_file(path: Path, kind: str) -> None:
    """Put something other than a file in a file's place: a folder, a pipe, an endless device."""
    import os

    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to(path.name)


ODD = ("folder", "pipe", "endless", "link-to-itself")
