"""The programs that stages call: found on PATH, or refused with the remedy."""

from __future__ import annotations

import os
import shutil

from aetrig.errors import MissingToolError


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
