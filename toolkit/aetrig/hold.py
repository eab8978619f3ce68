"""A place that one command at a time writes to, and who that is."""

from __future__ import annotations

import fcntl
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from aetrig.errors import UserError
from aetrig.files import NOT_WRITABLE, guard, left_below, left_of, sweep, unguard

INSIDE = ".lock"  # where the folder around may not be written to
SHOWN = 120  # characters of a command


class _Mine(threading.local):
    def __init__(self) -> None:
        self.places: set[Path] = set()


_mine = _Mine()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a folder or file to this thread; raise UserError where another has it, or none may.

    It need not be there, and may be replaced meanwhile: what is locked is `.NAME.lock` beside it,
    which says who has it and is gone after the block. The system lets go of it however the process
    ends. A thread may hold what it holds already. Scratch folders that killed commands left at the
    place are removed.
    """
    place = path.resolve()
    if place in _mine.places:
        yield
        return
    if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
        raise _not_writable(path, "it is read-only for you")
    file, lock = _acquired(path, place)
    guard(file.fileno())
    _mine.places.add(place)
    try:
        sweep((*left_of(place), *left_below(place)))
        yield
    finally:
        with suppress(OSError):  # what workers of this command left that were killed meanwhile
            sweep((*left_of(place), *left_below(place)))
        _mine.places.discard(place)
        with suppress(OSError):  # first, so that nobody waits for a name that goes away
            lock.unlink()
        unguard(file.fileno())
        file.close()


def place_of(folder: Path, out: Path | None) -> Path:
    """Return what to hold to write ``out`` for the run in ``folder``: the run, if it is inside."""
    if out is None or out.resolve().is_relative_to(folder.resolve()):
        return folder
    return out


def _acquired(path: Path, place: Path) -> tuple[TextIO, Path]:
    while True:
        file, lock = _opened(path, place)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                holder = file.read().strip() or "another process"
            raise UserError(f"{path} is in use by {holder}; wait for it, or stop it") from None
        except OSError:  # a file system without locks: nothing can be known
            return file, lock
        if _is(lock, file):
            with suppress(OSError):  # a full disk: held all the same
                file.truncate(0)
                file.write(_who())
                file.flush()
            return file, lock
        file.close()


def _is(lock: Path, file: TextIO) -> bool:
    """Say whether a file still has its name: who had it before may just have taken it away."""
    try:
        return os.path.samestat(lock.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _opened(path: Path, place: Path) -> tuple[TextIO, Path]:
    beside, inside = place.with_name(f".{place.name}.lock"), place / INSIDE
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        return beside.open("a+", encoding="utf-8"), beside
    except OSError as error:
        if error.errno not in NOT_WRITABLE or not place.is_dir():
            if error.errno in NOT_WRITABLE:
                raise _not_writable(path, error.strerror) from error
            raise
    try:
        return inside.open("a+", encoding="utf-8"), inside
    except OSError as error:
        raise _not_writable(path, error.strerror) from error


def _not_writable(path: Path, reason: str | None) -> UserError:
    return UserError(
        f"{path} cannot be written to ({reason}); make it writable, or choose another place"
    )


def _who() -> str:
    words = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    command = words if len(words) <= SHOWN else f"{words[:SHOWN]}..."
    return f"process {os.getpid()} on {platform.node()} ({command})"
