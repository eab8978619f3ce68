"""The run directory: which artefact was made by which stage from which inputs, by digest."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetrig.errors import UserError

VERSION = 1
MANIFEST = "manifest.json"
LOCK = ".lock"
# what compilers and simulators leave behind; not part of an artefact's identity
BUILD_PRODUCTS = (".so", ".o", ".a", ".out", ".log", ".pyc")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's relative names and contents."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    tree = hashlib.sha256()
    for item in sorted(path.rglob("*")):
        if item.is_file() and item.suffix not in BUILD_PRODUCTS:
            tree.update(f"{item.relative_to(path)}\0{sha256(item)}\n".encode())
    return tree.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name and rename it."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Write JSON, indented, under a temporary name and rename it."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a folder to this process; raise UserError where another has it.

    The system lets go of it however the process ends; the file that it is held by stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise UserError(
                f"{folder} is in use by process {file.read().strip() or 'unknown'}; wait for it, "
                "or stop it"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path; after the block it takes the place of ``path``, whole.

    A folder is replaced as a folder. If the block fails, ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    temporary = scratch / path.name
    try:
        yield temporary
        if temporary.is_dir() and path.exists():
            path.rename(scratch / "old")
        temporary.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class Run:
    """A run directory on disk. Paths of artefacts are relative to it."""

    path: Path

    def __truediv__(self, name: str) -> Path:
        """Return the path of an artefact."""
        return self.path / name

    def need(self, name: str, made_by: str) -> Path:
        """Return an artefact's path, or raise UserError naming the command that makes it."""
        path = self.path / name
        if not path.exists():
            raise UserError(f"{path} is missing; make it with: aetrig {made_by}")
        return path

    def manifest(self) -> dict[str, Any]:
        """Return the manifest; raise UserError where it is unreadable or of another version."""
        path = self.path / MANIFEST
        if not path.exists():
            return {"version": VERSION, "artefacts": {}}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version, artefacts = content["version"], content["artefacts"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is not a manifest ({error}); train into a new run") from error
        if version != VERSION or not isinstance(artefacts, dict):
            raise UserError(
                f"{path} has version {version}, this program reads version {VERSION}; "
                "use the aetrig that wrote it, or train into a new run"
            )
        return dict(content)

    def record(
        self,
        stage: str,
        outputs: Sequence[str],
        inputs: Sequence[str],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Enter artefacts that a stage has just written, with the digests of their inputs."""
        content = self.manifest()
        made_from = {name: sha256(self.path / name) for name in inputs}
        for name in outputs:
            content["artefacts"][name] = {
                "sha256": sha256(self.path / name),
                "stage": stage,
                "inputs": made_from,
                "options": dict(options or {}),
            }
        write_json(self.path / MANIFEST, content)

    def altered(self, names: Sequence[str] | None = None) -> list[str]:
        """Return recorded artefacts (of ``names``) that are missing or differ from their digest."""
        artefacts = self.manifest()["artefacts"]
        chosen = artefacts if names is None else [name for name in names if name in artefacts]
        return [
            name
            for name in chosen
            if not (self.path / name).exists()
            or sha256(self.path / name) != artefacts[name]["sha256"]
        ]

    def outdated(self) -> list[str]:
        """Return recorded artefacts that were made from inputs other than those here now."""
        artefacts = self.manifest()["artefacts"]
        return [
            name
            for name, entry in artefacts.items()
            if any(
                artefacts.get(source, {}).get("sha256") != digest
                for source, digest in entry["inputs"].items()
            )
        ]

    def check(self, names: Sequence[str]) -> None:
        """Raise UserError if an artefact no longer matches the digest it was recorded with."""
        for name in self.altered(names):
            raise UserError(
                f"{self.path / name} is not what its stage wrote (its SHA-256 differs from "
                f"{MANIFEST}); restore it, make it again with --force, or run: aetrig verify"
            )

    def begin(
        self,
        stage: str,
        outputs: Sequence[str],
        inputs: Sequence[str],
        options: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
    ) -> bool:
        """Say whether a stage has to run.

        False where the same inputs and options have made these outputs already. Raises UserError
        where an input is not as recorded, or where other outputs would be overwritten without
        ``force``.
        """
        self.check(inputs)
        artefacts = self.manifest()["artefacts"]
        present = [name for name in outputs if (self.path / name).exists()]
        if force or not present:
            return True
        made_from = {name: sha256(self.path / name) for name in inputs}
        current = all(
            name in artefacts
            and artefacts[name]["inputs"] == made_from
            and artefacts[name]["options"] == dict(options or {})
            for name in outputs
        )
        if current and not self.altered(outputs):
            return False
        raise UserError(
            f"{self.path / present[0]} exists and was made from other inputs or options; "
            f"to make it again: aetrig {stage} --force"
        )


def new_run(root: Path, name: str, *, force: bool) -> Run:
    """Return the run ``root/name`` to be made by its first artefact.

    Raises UserError where it holds a run already and ``force`` is not given; one that is replaced
    stays beside it as ``name~``.
    """
    path = root / name
    if (path / MANIFEST).exists() or (path / "config.yaml").exists():
        if not force:
            raise UserError(
                f"{path} holds a run already; continue it with --resume, replace it with --force, "
                "or choose another with --name"
            )
        set_aside(path)
    return Run(path)


def open_run(path: Path | None, root: Path = Path("runs")) -> Run:
    """Open a run by its path, or the latest under ``root``; raise UserError where there is none."""
    if path is not None:
        found = path if path.is_dir() else root / path
        if not (found / "config.yaml").exists():
            raise UserError(f"{path} is not a run directory (no config.yaml); runs: {_names(root)}")
        return Run(found)
    runs = _all(root)
    if not runs:
        raise UserError(f"no run under {root.resolve()}; train one first: aetrig qat")
    return Run(max(runs, key=lambda item: (item / "config.yaml").stat().st_mtime_ns))


def set_aside(path: Path) -> None:
    """Keep the replaced run as ``name~`` until the next replacement: nothing trained is lost.

    A training that was not finished does not take the place of a run that was.
    """
    backup = path.with_name(path.name + "~")
    if not path.exists():
        return
    if backup.exists() and not (path / MANIFEST).exists():
        shutil.rmtree(path)
        return
    if backup.exists():
        shutil.rmtree(backup)
    path.rename(backup)


def _all(root: Path) -> list[Path]:
    return [item.parent for item in root.glob("*/config.yaml") if item.parent.name[-1] != "~"]


def _names(root: Path) -> str:
    names = sorted(item.name for item in _all(root))
    return ", ".join(names) if names else f"none under {root}"
