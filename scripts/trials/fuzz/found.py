"""Inputs that found something: made smaller, and kept where a test reads them again."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

from trials.fuzz.reader import Reader, fails

FOUND = Path(__file__).resolve().parents[3] / "tests" / "corpus" / "found"
LARGEST = 4096  # bytes of a kept input


def smallest(reader: Reader, content: bytes, folder: Path, seconds: float = 20) -> bytes:
    """Return a smaller input that fails in the same place: parts are left out while it does."""
    kind = fails(reader, content, folder)
    end = time.monotonic() + seconds
    size = max(1, len(content) // 2)
    while kind is not None and size and time.monotonic() < end:
        at = 0
        while at < len(content) and time.monotonic() < end:
            shorter = content[:at] + content[at + size :]
            if fails(reader, shorter, folder) == kind:
                content = shorter
            else:
                at += size
        size //= 2
    return content


def keep(reader: Reader, content: bytes, name: str) -> Path:
    """Write an input, made smaller, into tests/corpus/found/READER under a name; return its path.

    Raises ValueError where it stays larger than `LARGEST`.
    """
    with tempfile.TemporaryDirectory(prefix="aetrig-fuzz-") as folder:
        small = smallest(reader, content, Path(folder))
    if len(small) > LARGEST:
        raise ValueError(f"{len(small)} bytes, more than {LARGEST}")
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    path = FOUND / reader.name / f"{words}{reader.ending or '.txt'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(small)
    return path
