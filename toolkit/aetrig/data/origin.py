"""The files behind a data set, by digest: what a run was trained on, and whether it still is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from aetrig.config.sources import DataSource, JetsSource, L1Source, TableSource
from aetrig.data.files import finder
from aetrig.errors import UserError

EMBEDDED = "aetrig:"  # before the name of a sample that comes with this program
SAMPLES = Path(__file__).parent / "samples"


def origin(source: DataSource, base: Path) -> dict[str, dict[str, Any]]:
    """Return each file of a source by its name in the config, as environment.json holds it.

    ``bytes``, ``sha256``, and ``path`` where the file was found (none for an embedded sample).
    Raises UserError where a file is missing or empty.
    """
    find = finder(getattr(source, "folder", None), base)
    return {name: _described(find(Path(name))) for name in _given(source)} | {
        f"{EMBEDDED}{name}": digest_of(SAMPLES / name) for name in embedded(source)
    }


def digest_of(path: Path) -> dict[str, Any]:
    """Return size and SHA-256 of a file; raises OSError where it cannot be read."""
    found = path.stat()
    return {"bytes": found.st_size, "sha256": _sha256(path, found.st_size, found.st_mtime_ns)}


def here(name: str, recorded: dict[str, Any], source: DataSource, bases: list[Path]) -> Path | None:
    """Return where a recorded file of a source is on this machine, or None.

    Where it was found when it was recorded, else where the source's own names lead, looked for
    from each of ``bases``.
    """
    if name.startswith(EMBEDDED):
        path = SAMPLES / Path(name.removeprefix(EMBEDDED)).name
        return path if path.is_file() else None
    if name not in _given(source):
        return None
    places = [Path(str(recorded.get("path", name)))]
    for base in bases:
        try:
            places.append(finder(getattr(source, "folder", None), base)(Path(name)))
        except UserError:
            continue
    return next((place for place in places if place.is_absolute() and place.is_file()), None)


def _described(path: Path) -> dict[str, Any]:
    return {**digest_of(path), "path": str(path.absolute())}


def _given(source: DataSource) -> list[str]:
    """Return the names of a source's files as the config has them, each once."""
    return list(dict.fromkeys(map(str, _paths(source))))


def _paths(source: DataSource) -> Iterator[Path]:
    if isinstance(source, L1Source):
        return
    if isinstance(source, JetsSource):
        yield from [source.file] if source.file is not None else []
    elif isinstance(source, TableSource):
        yield from source.all_files
    else:
        yield from (*source.background, *source.signals.values())


def embedded(source: DataSource) -> list[str]:
    """Return the samples that come with this program and that a source is made of."""
    if isinstance(source, L1Source):
        return ["l1.parquet"]
    return ["jets.parquet"] if isinstance(source, JetsSource) and source.file is None else []


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, modified: int) -> str:  # noqa: ARG001
    """Return the digest of a file in a state: many trainings share one data set."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
