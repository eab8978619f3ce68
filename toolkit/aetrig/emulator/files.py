"""The hand-written sources that every emulator includes, and the templates of the rest."""

from __future__ import annotations

from importlib.resources import files

KERNELS = (
    "emulator.hpp", "network.hpp", "portable.hpp", "scalar.hpp", "chain.hpp", "vector.hpp",
    "avx2.hpp", "avx512.hpp", "events.hpp",
)  # fmt: skip


def template(name: str) -> str:
    """Return the text of a file of ``firmware/emulator``."""
    return (files("aetrig") / "firmware" / "emulator" / name).read_text(encoding="utf-8")
