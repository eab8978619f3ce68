"""A command in a process group of its own: forked warm, given a moment to live, and killed.

The trial has imported the packages that commands use, and forks: so a command's time is its work
and the moments of the kills fall into it, not into imports. It runs `aetrig`'s own main function
with its words, or a script.
"""

from __future__ import annotations

import contextlib
import os
import resource
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POLL = 0.002
PATIENCE = 1800.0
BRIEF = 400  # characters


@dataclass(frozen=True)
class Ended:
    """How it ended. ``code``: exit code, or minus the signal. ``said``: all that it printed."""

    code: int
    seconds: float
    said: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL

    @property
    def brief(self) -> str:
        """Return how it ended and the last that it printed, in one line."""
        return f"exit code {self.code}: {' '.join(self.said.split())[-BRIEF:]}"


@dataclass(frozen=True)
class Started:
    """A command that runs. ``pid`` is its process group's number too."""

    pid: int
    log: Path
    begun: float

    def kill_after(self, seconds: float | None) -> Ended:
        """Wait for its end, or SIGKILL the whole group once ``seconds`` are over."""
        last = self.begun + (PATIENCE if seconds is None else seconds)
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            now = time.perf_counter()
            if pid:
                break
            if now >= last:
                kill_group(self.pid)
                _, status = os.waitpid(self.pid, 0)
                break
            time.sleep(min(POLL, max(0.0, last - now)))
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            wait_for_group(self.pid)
        return Ended(code, now - self.begun, self.log.read_text(errors="replace"))


def start(
    words: list[str], folder: Path, log: Path, prepare: Callable[[], None] = lambda: None
) -> Started:
    """Start a command in ``folder``; ``prepare`` is called in its process first."""
    sys.stdout.flush()
    sys.stderr.flush()
    begun = time.perf_counter()
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        return Started(pid, log, begun)
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        prepare()
        code = _run(words)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - what an uncaught error prints is looked for
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        _at_exit()
        os._exit(code)
    raise AssertionError


def run(
    words: list[str], folder: Path, log: Path, prepare: Callable[[], None] = lambda: None
) -> Ended:
    """Run a command to its end."""
    return start(words, folder, log, prepare).kill_after(None)


def kill_group(group: int) -> None:
    """SIGKILL every process of a group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def wait_for_group(group: int, seconds: float = 10.0) -> None:
    """Wait until no process of a group runs; zombies do not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(True for _ in _alive(group)):
        kill_group(group)
        time.sleep(0.01)


def _alive(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, _, of = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                if int(of) == group and state != "Z":
                    found.append(int(entry.name))
    return found


def limit_files(size: int) -> None:
    """Let no file of this process and its children grow beyond ``size`` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _run(words: list[str]) -> int:
    sys.argv = list(words)
    if words[0].endswith(".py"):
        sys.path.insert(0, str(Path(words[0]).parent))
        runpy.run_path(words[0], run_name="__main__")
        return 0
    from aetrig.cli.main import main

    main()
    return 0


def _at_exit() -> None:
    """Do what the interpreter's end would: close pools and remove temporary folders."""
    import atexit

    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001 - os._exit runs none
