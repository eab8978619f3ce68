"""Files that are whole under their name or not there, and what killed writers left behind.

A file is made in a scratch folder beside its place, `.NAME.XXXXXXXX.part`, and renamed. Its writer
has the scratch folder locked for as long as it lives: one that nobody has locked is a dead
writer's, and is removed by whoever next has the place to himself.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part"
SCRATCH = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part")
OLD = "old"  # in a scratch folder: what a folder under way replaces
# what the system says of a full disk, of a used-up quota, and of a file-size limit
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_NO_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
_handles: set[int] = set()  # locks of this process


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name and rename it."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Write JSON, indented, under a temporary name and rename it."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file and have it on disk; a kill may leave half of it."""
    with naming(path), path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path; after the block it takes the place of ``path``, whole.

    A file is on disk before it has its name. A folder is replaced as a folder, in one step. If the
    block fails, or the process is killed, ``path`` is as it was. An OSError names ``path``.
    """
    with naming(path, path.parent / f".{path.name}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(path) as scratch:
            temporary = scratch / path.name
            with naming(path, temporary):
                yield temporary
                if temporary.is_dir() and path.exists():
                    _exchange(temporary, path, scratch / OLD)
                else:
                    if temporary.is_file():
                        to_disk(temporary)
                    temporary.replace(path)
                to_disk(path.parent)  # the new name itself


@contextmanager
def workspace() -> Iterator[Path]:
    """Give an empty folder among the system's temporary ones, gone after the block.

    Those that killed processes of this user left are removed.
    """
    place = Path(tempfile.gettempdir()) / "aetrig"
    sweep(left_of(place))
    with _scratch(place) as folder, naming(folder):
        yield folder


def discard(path: Path) -> None:
    """Remove a folder: in one step from its place, then from the disk."""
    with _scratch(path) as scratch:
        path.rename(scratch / path.name)


def left_of(path: Path) -> list[Path]:
    """Return the scratch folders of a path, of living and of dead writers."""
    names = (item for item in path.parent.iterdir()) if path.parent.is_dir() else ()
    return [
        item
        for item in names
        if (found := SCRATCH.fullmatch(item.name)) is not None and found[1] == path.name
    ]


def left_below(folder: Path) -> list[Path]:
    """Return the scratch folders in a folder and in those below it."""
    found = []
    for root, names, _ in os.walk(folder):
        scratch = [name for name in names if SCRATCH.fullmatch(name)]
        found += [Path(root) / name for name in scratch]
        names[:] = [name for name in names if name not in scratch]
    return found


def is_scratch(relative: Path) -> bool:
    """Say whether a path leads through a scratch folder: it is no artefact."""
    return any(SCRATCH.fullmatch(part) for part in relative.parts)


def sweep(scratch: Iterable[Path]) -> None:
    """Remove the scratch folders that no living process has locked.

    Where a folder was being replaced and has no place now, it is put back first.
    """
    for folder in scratch:
        with suppress(OSError):
            _remove_unlocked(folder)


def _remove_unlocked(folder: Path) -> None:
    handle = _opened(folder)
    try:
        # refused with an OSError: a living writer's, or nobody can know (a network disk)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = SCRATCH.fullmatch(folder.name)
        if found is not None and (folder / OLD).exists():
            with suppress(OSError):
                (folder / OLD).rename(folder.with_name(found[1]))
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        _closed(handle)


def to_disk(path: Path) -> None:
    """Have a file's content, or a folder's names, survive a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """Give a new folder beside ``path``, locked while this process lives, gone after the block."""
    folder, handle = _locked(path)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _closed(handle)


def _locked(path: Path) -> tuple[Path, int]:
    """Make a folder beside ``path`` and lock it; return it with what keeps the lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent))
        # until it is locked, a sweep in another process may take it for a dead one's
        try:
            handle = _opened(folder)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _closed(handle)
            continue
        except OSError:  # where folders cannot be locked, no sweep removes one
            return folder, handle
        if folder.exists():
            return folder, handle
        _closed(handle)


def _opened(folder: Path) -> int:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    _handles.add(handle)
    return handle


def _closed(handle: int) -> None:
    _handles.discard(handle)
    os.close(handle)


def guard(handle: int) -> None:
    """Let no forked child keep a lock: it may outlive this process."""
    _handles.add(handle)


def unguard(handle: int) -> None:
    """Forget a handle that is about to be closed."""
    _handles.discard(handle)


def _let_go() -> None:
    for handle in _handles:
        with suppress(OSError):
            os.close(handle)
    _handles.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Make an OSError for lack of room name ``path`` where it names no file.

    One that names ``temporary``, or a file in it, speaks of ``path`` and of the file in that.
    """
    try:
        yield
    except OSError as error:
        name = error.filename
        if name is None and error.errno in NO_ROOM:
            error.filename = str(path)
        elif temporary and isinstance(name, str):
            found, made = Path(name).absolute(), temporary.absolute()
            if str(found).startswith(str(made)):
                inside = found.is_relative_to(made)
                error.filename = str(path / found.relative_to(made) if inside else path)
        raise


def _exchange(new: Path, old: Path, aside: Path) -> None:
    """Put a folder in the place of another, which goes away; no reader finds neither."""
    if _exchanged(new, old):
        return
    # a file system that cannot: killed in between, the next sweep puts the old one back
    old.rename(aside)
    try:
        new.rename(old)
    except OSError:
        aside.rename(old)
        raise


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system cannot."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    names = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if call(*names, _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))
