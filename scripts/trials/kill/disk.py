"""The same commands on a disk without room, under a file-size limit, and where nothing may write.

Where it may be mounted, the disk is a tmpfs that holds what the command starts from and a little
more; a limit on the size of files makes other writes fail than a full disk does. Each command is to
end with exit code 2 and one line that names a file and says what is wrong; nothing is half-written,
what was there before is as it was, and with room the same command ends as it should.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from trials.kill.process import Ended, limit_files, run
from trials.kill.state import contents, leftovers, unreadable
from trials.kill.whole import Case, used

FULL = ("No space left on device", "File too large")
REFUSED = ("Read-only file system", "read-only", "Permission denied")
LIMITS = (300, 20_000, 200_000)  # bytes a file may have; the log of a command is shorter
SHARES = (0.0, 0.2, 0.5, 0.8)  # of what the command writes that there is room for
ALL = 1 << 30
BLOCK = 1 << 13  # of room for locks


@dataclass
class Outcome:
    """What came of a command. ``ended``: with one line, of ``cases`` where something failed."""

    name: str
    kind: str
    cases: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)

    def row(self) -> list[str]:
        """Return a row of the table."""
        return [self.name, self.kind, str(self.cases), str(self.failed), str(len(self.wrong))]


COLUMNS = ["command", "fault", "cases", "ended in one line, code 2", "not as promised"]


def limited(case: Case) -> Outcome:
    """Return what came of limits on the size of files."""
    found = Outcome(case.command.name, "file-size limit")
    for limit in LIMITS:
        case.fresh()
        _tried(case, found, FULL, limit=partial(limit_files, limit))
    return found


def full(case: Case) -> Outcome:
    """Return what came of full disks: of none, where no tmpfs can be mounted."""
    found = Outcome(case.command.name, "full disk")
    for share in SHARES if may_mount(case.place) else ():
        with _tmpfs(case):
            room = int(share * case.written) // 4096 * 4096 + BLOCK
            _resize(case.work, used(case.work) + room)
            _tried(case, found, FULL, mend=partial(_resize, case.work, ALL))
    return found


def read_only(case: Case) -> Outcome:
    """Return what came of a folder that nothing may write to."""
    found, work = Outcome(case.command.name, "read-only folder"), str(case.work)
    if may_mount(case.place):
        with _tmpfs(case):
            _mount("-o", "remount,ro", work)
            _tried(case, found, REFUSED, mend=partial(_mount, "-o", "remount,rw", work))
    return found


KINDS = (limited, full, read_only)


def may_mount(place: Path) -> bool:
    """Say whether a tmpfs can be mounted here."""
    probe = place / "probe"
    probe.mkdir(parents=True, exist_ok=True)
    try:
        with _mounted(probe):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False
    finally:
        probe.rmdir()


def _tried(
    case: Case,
    found: Outcome,
    words: tuple[str, ...],
    limit: Callable[[], None] = lambda: None,
    mend: Callable[[], None] = lambda: None,
) -> None:
    """Run the command under a limit, look at what is there, and run it again without."""

    def prepared() -> None:
        case.prepare()
        limit()

    found.cases += 1
    faults: list[str] = []
    ended = run(case.words, case.work, case.log, prepared)
    if ended.code:
        faults += _one_line(ended, words)
        found.failed += not faults
        now = contents(case.work)
        faults += [
            f"{name} is half-written"
            for name, digest in now.items()
            if digest not in (case.before.get(name), case.wanted.get(name))
            and (not case.command.growing(name) or unreadable(case.work / name))
        ]
        faults += [f"{name} is gone" for name in case.before if name not in now]
    mend()
    last = run(case.command.repeated(case.work), case.work, case.log, case.prepare)
    if last.code:
        faults.append(f"with room: {last.brief}")
    else:
        faults += [f"with room: {name}" for name in case.faults(contents(case.work))]
        faults += [f"left behind: {name}" for name in leftovers(case.work)]
    found.wrong += [f"case {found.cases}: {line}" for line in faults]
    case.say(f"{found.kind}, case {found.cases}: {ended.brief}; {len(faults)} faults", faults)


def _one_line(ended: Ended, words: tuple[str, ...]) -> list[str]:
    """Return what is wrong with how a command ended, if anything."""
    lines = [line for line in ended.said.splitlines() if line.startswith("error: ")]
    wrong = [] if ended.code == 2 else [ended.brief]
    if len(lines) != 1 or not any(word in lines[0] for word in words):
        wrong.append(f"no clear line: {ended.brief}")
    wrong += [word for word in ("Traceback", "Exception ignored") if word in ended.said]
    return wrong


@contextmanager
def _tmpfs(case: Case) -> Iterator[None]:
    """Have the command's folder, as before it, on a tmpfs of its own."""
    shutil.rmtree(case.work, ignore_errors=True)
    case.work.mkdir(parents=True)
    with _mounted(case.work):
        subprocess.run(["cp", "-a", f"{case.source}/.", str(case.work)], check=True)
        yield


@contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    _mount("-t", "tmpfs", "-o", f"size={ALL}", "none", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _resize(folder: Path, size: int) -> None:
    _mount("-o", f"remount,size={size}", str(folder))


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)
