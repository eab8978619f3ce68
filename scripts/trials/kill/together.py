"""Two commands at once on one place: the second says who has it, and may have it at once after."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trials.kill.process import kill_group, run, start
from trials.kill.state import contents, leftovers
from trials.kill.whole import Case

PATIENCE = 60.0  # seconds until the first has the place


@dataclass
class Met:
    """What came of it. ``refused``: seconds until the second had said who has the place."""

    name: str
    refused: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def row(self) -> list[str]:
        """Return a row of the table."""
        return [self.name, "no" if self.wrong else "yes", f"{self.refused:.1f}"]


COLUMNS = ["command", "the second says who; after SIGKILL it runs", "refused after [s]"]


def together(case: Case) -> Met:
    """Start a command, start it again while it runs, kill the first, and start it once more."""
    command, work, found = case.command, case.work, Met(case.command.name)
    case.fresh()
    first = start(case.words, work, case.place / "first.txt", case.prepare)
    end = time.monotonic() + PATIENCE
    while not _named(work) and time.monotonic() < end:
        time.sleep(0.001)
    second = run(case.words, work, case.log, case.prepare)
    found.refused = second.seconds
    if second.code != 2 or f"in use by process {first.pid} " not in second.said:
        found.wrong.append(f"the second: {second.brief}")
    if f"({' '.join(['aetrig', *command.words[1:]])[:100]}" not in second.said:
        found.wrong.append(f"it does not name the command: {second.brief}")
    kill_group(first.pid)
    first.kill_after(None)
    third = run(command.repeated(work), work, case.log, case.prepare)
    if third.code:
        found.wrong.append(f"after the kill: {third.brief}")
    found.wrong += [f"{name} differs" for name in case.faults(contents(work))]
    found.wrong += [f"left behind: {name}" for name in leftovers(work)]
    case.say(f"two at once: {second.brief}", found.wrong)
    return found


def _named(work: Path) -> bool:
    """Say whether a lock is held and its holder has entered his name."""
    with suppress(FileNotFoundError):  # of a lock that goes away
        return any(path.stat().st_size for path in work.rglob(".*.lock"))
    return False
