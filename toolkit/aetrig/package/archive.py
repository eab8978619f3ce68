"""A zip whose bytes depend on its contents alone."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from aetrig.run import replacing

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
MANIFEST = "MANIFEST"


def write_archive(path: Path, root: str, files: Mapping[str, bytes]) -> None:
    """Write files by their names below ``root``, with a MANIFEST of their SHA-256."""
    lines = (
        f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(files.items())
    )
    everything = {**files, MANIFEST: ("\n".join(lines) + "\n").encode()}
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in sorted(everything.items()):
            entry = zipfile.ZipInfo(f"{root}/{name}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if content.startswith(b"#!") else 0o644) << 16
            entry.create_system = 3  # Unix, on any machine
            archive.writestr(entry, content, compresslevel=9)
