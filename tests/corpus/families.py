"""Every case of the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from corpus.case import Case

MODULES = (
    "configs", "tables", "networks", "checkpoints", "records", "reports", "compressed", "artefacts",
)  # fmt: skip


def every() -> Iterator[Case]:
    """Yield the cases of every family."""
    for name in MODULES:
        yield from import_module(f"corpus.{name}").cases()
