"""What a trial was run on, in one line."""

from __future__ import annotations

from benchmarks.machine import commit, machine, versions


def where() -> str:
    """Return processor, cores, compiler and commit."""
    found, tools = machine(), versions()
    compiler = f", g++ {tools['g++']}" if "g++" in tools else ""
    return (
        f"On {found['cores']} cores of {found['processor']}, Python {tools['Python']}{compiler}, "
        f"commit {commit()}:"
    )
