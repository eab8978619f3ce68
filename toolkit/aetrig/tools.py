"""The programs that stages call: found on PATH, or refused with the remedy."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from pathlib import Path

from aetrig.errors import MissingToolError

# what a program says that could not write; the C library's words, in English as its messages are
_NO_ROOM = {
    "No space left on device": errno.ENOSPC,
    "File too large": errno.EFBIG,
    "File size limit exceeded": errno.EFBIG,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
}


def require_tool(name: str, purpose: str, remedy: str) -> str:
    """Return the path of a program; raise MissingToolError that says what it is for.

    ``purpose``: what uses it, as in "csim compiles the firmware project with it".
    """
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(
            f"{name} was not found on PATH ({os.environ.get('PATH', '')}); {purpose}: {remedy}"
        )
    return found


def require_gxx(purpose: str) -> str:
    """Return the path of g++; raise MissingToolError with the remedy."""
    return require_tool("g++", purpose, "apt-get install g++")


def refuse_no_room(done: subprocess.CompletedProcess[str], place: Path) -> None:
    """Raise the OSError for ``place`` where a program failed because it could not write there."""
    said = f"{done.stdout or ''}{done.stderr or ''}"
    code = errno.EFBIG if done.returncode == -signal.SIGXFSZ else None
    code = next((found for words, found in _NO_ROOM.items() if words in said), code)
    if code is not None:
        raise OSError(code, os.strerror(code), str(place))


def english(**variables: str) -> dict[str, str]:
    """Return this environment, in which programs speak English, with more variables."""
    return os.environ | {"LC_ALL": "C.UTF-8"} | variables
