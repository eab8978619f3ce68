"""Kill a command at random moments, start it again, and compare what it ends with."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aetrig.versions import made_with
from trials.kill.process import run, start
from trials.kill.state import artefacts, contents, digest, leftovers, unreadable
from trials.kill.whole import Case

IN_ONE_RUN = 4  # kills of one run before it is left to end


@dataclass(frozen=True)
class Kill:
    """One kill: its seed, the moment in undisturbed times, and the phase that was on disk."""

    seed: str
    moment: float
    phase: str


@dataclass
class Result:
    """What came of a command. ``of``: the version of aetrig; ``undisturbed``: seconds.

    ``runs``: that were killed and ended; ``starts``: that were to be killed, of which some ended
    before their moment.
    """

    name: str
    of: str
    undisturbed: float = 0.0
    runs: int = 0
    starts: int = 0
    artefacts: int = 0
    kills: list[Kill] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Return what was partial, differed, or did not go on."""
        return [*self.partial, *(f"{name} differs" for name in self.differing), *self.failed]

    def row(self) -> list[str]:
        """Return a row of the table."""
        thirds = Counter(min(2, int(3 * kill.moment)) for kill in self.kills)
        phases = Counter(kill.phase for kill in self.kills)
        where = ", ".join(f"{name} {count}" for name, count in phases.items())
        return [
            self.name, f"{self.undisturbed:.1f}", str(len(self.kills)),
            "/".join(str(thirds[i]) for i in range(3)), where, str(self.runs),
            str(self.artefacts), str(len(self.partial)), str(len(self.differing)),
            str(len(self.failed)),
        ]  # fmt: skip


COLUMNS = [
    "command", "undisturbed [s]", "kills", "by thirds of the time", "on disk when it was killed",
    "runs", "artefacts compared", "partial files", "differing files", "not resumed",
]  # fmt: skip


def killed(name: str, kills: int, seed: int, place: Path, case: Callable[[], Case]) -> Result:
    """Return what came of ``kills`` kills; those of this version in ``place`` are not repeated."""
    kept = place / "moments.json"
    found = _before(kept, name)
    while len(found.kills) < kills and not found.faults:
        _one_run(case(), found, min(IN_ONE_RUN, kills - len(found.kills)), seed)
        kept.write_text(json.dumps(asdict(found), indent=1))
        case().say(f"{len(found.kills)} of {kills} kills", found.faults)
    return found


def _before(kept: Path, name: str) -> Result:
    of = made_with()["source_sha256"]
    content = json.loads(kept.read_text()) if kept.exists() else {}
    if content.get("of") != of:
        return Result(name, of)
    found = Result(**content | {"kills": [Kill(**kill) for kill in content["kills"]]})
    return Result(name, of) if found.faults else found


def _one_run(case: Case, found: Result, kills: int, seed: int) -> None:
    """Kill one run at most ``kills`` times, let it end, and look at all that it left."""
    command, work = case.command, case.work
    found.undisturbed = case.seconds
    found.artefacts = len(case.wanted.items() - case.before.items())
    case.fresh()
    for _ in range(kills):
        own = f"{seed}-{command.name}-{found.starts}"
        found.starts += 1
        moment = random.Random(own).uniform(0, 1)
        started = start(command.repeated(work), work, case.log, case.prepare)
        if not started.kill_after(moment * case.seconds).killed:
            break
        found.kills.append(Kill(own, moment, command.phase(work)))
        found.partial += _partial(case)
    found.runs += 1
    last = run(command.repeated(work), work, case.log, case.prepare)
    if last.code:
        found.failed.append(last.brief)
    found.differing += case.faults(contents(work))
    found.partial += [f"left behind: {name}" for name in leftovers(work)]
    if found.faults:
        shutil.copytree(work, case.place / f"failed-{found.runs}", dirs_exist_ok=True)


def _partial(case: Case) -> list[str]:
    """Return files under their final names that are neither as before nor as at the end."""
    wrong = [f"{name}: gone" for name in case.before if not (case.work / name).exists()]
    for name in artefacts(case.work):
        if case.command.growing(name):
            fault = unreadable(case.work / name)
            wrong += [fault] if fault else []
            continue
        try:
            now = digest(case.work / name)
        except ValueError as error:
            wrong.append(f"{name}: {error}")
            continue
        if now not in (case.before.get(name), case.wanted.get(name)):
            wrong.append(f"{name}: neither as before nor whole")
    return wrong
