"""A command that nothing disturbs: what all others are compared with."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trials.kill.commands import Command
from trials.kill.process import run
from trials.kill.state import contents


@dataclass(frozen=True)
class Case:
    """A command with the folder it starts from and the one it works in.

    ``prepare`` is called in its process first. ``before`` and ``wanted``: the digests of all
    artefacts before and after it; ``seconds`` that it took; ``written``: bytes on disk.
    """

    command: Command
    source: Path
    place: Path
    prepare: Callable[[], None]
    before: dict[str, str]
    wanted: dict[str, str]
    seconds: float
    written: int

    @property
    def work(self) -> Path:
        """Return the folder that the command runs in."""
        return self.place / "work"

    @property
    def log(self) -> Path:
        """Return the file that the command's output goes to."""
        return self.place / "log.txt"

    @property
    def words(self) -> list[str]:
        """Return the command's words."""
        return list(self.command.words)

    def fresh(self) -> None:
        """Make the folder as it is before the command."""
        fresh(self.source, self.work)

    def faults(self, found: dict[str, str]) -> list[str]:
        """Return the names that differ from the undisturbed ones, are missing or too many."""
        return sorted(
            name
            for name in found.keys() | self.wanted.keys()
            if found.get(name) != self.wanted.get(name)
        )

    def say(self, text: str, faults: list[str]) -> None:
        """Tell what came of a part, and each fault in a line, on standard error."""
        for line in (text, *(f"FAULT {fault}" for fault in faults)):
            print(f"{self.command.name}: {line}", file=sys.stderr, flush=True)


def undisturbed(command: Command, source: Path, place: Path, prepare: Callable[[], None]) -> Case:
    """Run a command to its end; SystemExit where it fails. Its files stay in ``place``/whole."""
    place.mkdir(parents=True, exist_ok=True)
    work = place / "work"
    fresh(source, work)
    before, size = contents(work), used(work)
    done = run(list(command.words), work, place / "log.txt", prepare)
    if done.code:
        raise SystemExit(f"kill: {command.name} failed undisturbed: {done.brief}")
    shutil.rmtree(place / "whole", ignore_errors=True)
    shutil.copytree(work, place / "whole")  # for a person to compare with
    written = max(0, used(work) - size)
    print(f"{command.name}: undisturbed {done.seconds:.1f} s", file=sys.stderr, flush=True)
    return Case(command, source, place, prepare, before, contents(work), done.seconds, written)


def fresh(source: Path, work: Path) -> None:
    """Make ``work`` a copy of a folder, times of files and all."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(source, work, symlinks=True)


def used(folder: Path) -> int:
    """Return the bytes of a folder's files in whole blocks, and a block a folder."""
    sizes = (
        4096 if path.is_dir() else -(-path.stat().st_size // 4096) * 4096
        for path in folder.rglob("*")
    )
    return sum(sizes)
