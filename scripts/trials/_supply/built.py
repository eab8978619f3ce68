"""The wheel and the source archive, built here, and what is in them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from trials._supply.places import REPOSITORY

EPOCH = "1704067200"  # 2024-01-01: any moment does, as long as it is the same


def tracked() -> list[str]:
    """Return the names of the files that git has, and of new ones that it does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    return sorted(name for name in done.stdout.decode().split("\0") if name)


def build(out: Path, source: Path = REPOSITORY) -> list[Path]:
    """Build the wheel and the source archive of a checkout into ``out``, with what is installed."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=out.parent
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return sorted(out.iterdir())


def content(archive: Path) -> dict[str, bytes]:
    """Return the files of a wheel or of a source archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(archive) as source:
        members = [member for member in source if member.isfile()]
        opened = {member.name: source.extractfile(member) for member in members}
        return {name: file.read() for name, file in opened.items() if file is not None}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
