"""What is done with one command: pieces, each done once and kept in the command's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aetrig.versions import made_with
from trials.kill import disk, together
from trials.kill.commands import Command, Snapshots
from trials.kill.kills import killed
from trials.kill.whole import Case, undisturbed

PARTS = ("kills", "disk", "together")
QAT_KILLS, KILLS = 50, 20
Rows = list[list[str]]
Found = tuple[Rows, list[str]]  # rows of a table; what was not as promised
Tables = tuple[Rows, Rows, Rows, list[str]]


@dataclass(frozen=True)
class Plan:
    """What to do. ``kills``: of each command, None: the default; ``run``: or read what is kept."""

    parts: tuple[str, ...]
    kills: int | None
    seed: int
    run: bool

    def number(self, command: Command) -> int:
        """Return the kills that a command is to have."""
        return self.kills or (QAT_KILLS if command.name == "qat" else KILLS)


def pieces(base: Path, snapshots: Snapshots, plan: Plan, address: str, command: Command) -> Tables:
    """Return a command's rows of the tables, and what was not as promised."""
    place = base / command.name.replace(" ", "-")
    place.mkdir(parents=True, exist_ok=True)

    @cache
    def case() -> Case:
        return undisturbed(command, snapshots.get(command.needs), place, _prepare(address))

    tables: list[Rows] = [[], [], []]
    wrong: list[str] = []
    if "kills" in plan.parts:
        number = plan.number(command) if plan.run else 0
        result = killed(command.name, number, plan.seed, place, case)
        tables[0] = [result.row()] if result.kills else []
        wrong += result.faults
    if command.words[0] == "aetrig":  # the scripts promise nothing of the rest
        for index, finders in ((1, disk.KINDS), (2, (together.together,))):
            for find in finders if PARTS[index] in plan.parts else ():
                rows, faults = _kept(place / f"{find.__name__}.json", find, case, plan.run)
                tables[index] += rows
                wrong += [f"{find.__name__}: {fault}" for fault in faults]
    if plan.run:
        shutil.rmtree(place / "work", ignore_errors=True)
    return tables[0], tables[1], tables[2], [f"{command.name}: {line}" for line in wrong]


def _kept(
    path: Path,
    find: Callable[[Case], disk.Outcome | together.Met],
    case: Callable[[], Case],
    run: bool,
) -> Found:
    """Return what was found before of this version of aetrig; else find it, if it may ``run``."""
    of = made_with()["source_sha256"]
    kept = json.loads(path.read_text()) if path.exists() else {}
    if run and (kept.get("of") != of or kept["wrong"]):
        found = find(case())
        kept = {"of": of, "rows": [found.row()], "wrong": found.wrong}
        path.write_text(json.dumps(kept, indent=1))
    return (kept["rows"], kept["wrong"]) if kept.get("of") == of else ([], [])


def _prepare(address: str) -> Callable[[], None]:
    def prepare() -> None:
        from aetrig.data import fetch

        fetch.OPENML = address  # the archive on loopback

    return prepare
