"""The run directory: which artefact was made by which stage from which inputs, by digest."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

from aetrig.errors import UserError
from aetrig.files import discard, is_scratch, replacing, write_json, write_text
from aetrig.hold import held
from aetrig.reading import parse_json, read_text, require_file
from aetrig.versions import key_of, made_with

__all__ = [
    "Run", "alone", "held", "new_run", "open_run", "replacing", "set_aside", "sha256",
    "write_json", "write_text",
]  # fmt: skip

VERSION = 2
READABLE = (1, 2)  # version 1 had no code versions, and no digests of single files and libraries
MANIFEST = "manifest.json"
Given = ParamSpec("Given")
Result = TypeVar("Result")
# what compilers and simulators leave behind; not part of an artefact's identity
BUILD_PRODUCTS = (".so", ".o", ".a", ".out", ".log", ".pyc")
LIBRARY = ".so"  # the one of them that is loaded: recorded beside the identity
CACHES = ("csim-*.so", "rtl-*.so")  # libraries that are compiled again where they are missing


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's relative names and contents."""
    return folder_digest(file_digests(path)) if path.is_dir() else _file_digest(path)


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder by its relative name, but of build products.

    A link stands for the name that it leads to: it is not followed.
    """
    return {
        str(item.relative_to(folder)): _member_digest(item)
        for item in sorted(folder.rglob("*"))
        if item.suffix not in BUILD_PRODUCTS
        and (item.is_symlink() or item.is_file())
        and not is_scratch(item.relative_to(folder))
    }


def folder_digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 of a folder from those of its files, in the order of `file_digests`."""
    lines = "".join(f"{name}\0{digest}\n" for name, digest in files.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def library_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each compiled library of a folder by its relative name."""
    return {
        str(item.relative_to(folder)): _member_digest(item)
        for item in sorted(folder.rglob(f"*{LIBRARY}"))
        if (item.is_symlink() or item.is_file()) and not is_scratch(item.relative_to(folder))
    }


def is_cache(name: str) -> bool:
    """Say whether a library is compiled from its folder's sources whenever it is missing."""
    return any(PurePosixPath(name).match(pattern) for pattern in CACHES)


def _member_digest(path: Path) -> str:
    if path.is_symlink():
        return hashlib.sha256(f"-> {path.readlink()}".encode()).hexdigest()
    return _file_digest(path)


def _file_digest(path: Path) -> str:
    require_file(path)  # a pipe or a device in its place would never end
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        if not path.exists() and not path.is_symlink():
            return {"version": VERSION, "artefacts": {}, "code": {}}
        try:
            content = parse_json(read_text(path), dict[str, Any], str(path), "restore it")
            version, artefacts = content["version"], content["artefacts"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path} is not a manifest ({error}); train into a new run") from error
        if version not in READABLE or not isinstance(artefacts, dict):
            raise UserError(
                f"{path} has version {version}, this program reads versions 1 to {VERSION}; "
                "use the aetrig that wrote it, or train into a new run"
            )
        content = {"code": {}} | dict(content)
        fault = _fault(content)
        if fault is not None:
            raise UserError(f"{path} is not a manifest ({fault}); restore it")
        return content

    def record(
        self,
        stage: str,
        outputs: Sequence[str],
        inputs: Sequence[str],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Enter artefacts that a stage has just written, with the digests of their inputs."""
        content = self.manifest()
        artefacts = content["artefacts"]
        made_from = {name: sha256(self.path / name) for name in inputs}
        code = made_with()
        key = key_of(code)
        for name in outputs:
            artefacts[name] = {
                **_contents(self.path / name),
                "stage": stage,
                "code": key,
                "inputs": made_from,
                "options": dict(options or {}),
            }
        used = {entry.get("code") for entry in artefacts.values()}
        known = {name: made for name, made in content["code"].items() if name in used}
        content |= {"version": VERSION, "code": known | {key: code}}
        write_json(self.path / MANIFEST, content)

    def forget(self, name: str) -> None:
        """Take out the entry of an artefact that is no more."""
        content = self.manifest()
        if content["artefacts"].pop(name, None) is not None:
            write_json(self.path / MANIFEST, content)

    def record_libraries(self, names: Sequence[str]) -> None:
        """Enter the libraries that were compiled in folders that are recorded already."""
        content = self.manifest()
        for name in names:
            entry = content["artefacts"].get(name, {})
            if "libraries" in entry and (self.path / name).is_dir():
                entry["libraries"] = library_digests(self.path / name)
        if content != self.manifest():
            write_json(self.path / MANIFEST, content)

    def discard_unrecorded(self, name: str) -> None:
        """Remove cached libraries of a folder that are not those recorded: never loaded."""
        recorded = self.manifest()["artefacts"].get(name, {}).get("libraries")
        if recorded is None:  # by version 1: nothing is known of them
            return
        for library, digest in library_digests(self.path / name).items():
            if is_cache(library) and recorded.get(library) != digest:
                (self.path / name / library).unlink()

    def swapped(self, name: str) -> list[str]:
        """Return libraries of a recorded folder that are not those that were compiled.

        One that is missing is compiled again, and so is a cached one that nobody recorded.
        """
        recorded = self.manifest()["artefacts"].get(name, {}).get("libraries")
        if recorded is None or not (self.path / name).is_dir():
            return []
        here = library_digests(self.path / name)
        return [
            library
            for library, digest in here.items()
            if recorded.get(library) != digest and (library in recorded or not is_cache(library))
        ]

    def altered(self, names: Sequence[str] | None = None) -> list[str]:
        """Return recorded artefacts (of ``names``) that are missing or differ from their digest."""
        artefacts = self.manifest()["artefacts"]
        chosen = artefacts if names is None else [name for name in names if name in artefacts]
        return [
            name
            for name in chosen
            if not (self.path / name).exists()
            or sha256(self.path / name) != artefacts[name]["sha256"]
            or self.swapped(name)
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
            stage = self.manifest()["artefacts"][name]["stage"]
            raise UserError(
                f"{self.path / name} is not what its stage wrote (its SHA-256 differs from "
                f"{MANIFEST}); restore it, or make it again: aetrig {stage} --force"
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
        # what is recorded nowhere was left by a stage that was killed before it recorded it
        if force or not any(name in artefacts for name in present):
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


def _contents(path: Path) -> dict[str, Any]:
    """Return an artefact's digest; of a folder also those of its files and libraries."""
    if not path.is_dir():
        return {"sha256": sha256(path)}
    files = file_digests(path)
    libraries = library_digests(path)
    return {"sha256": folder_digest(files), "files": files, "libraries": libraries}


def _fault(manifest: Mapping[str, Any]) -> str | None:
    """Say what a manifest has that no stage writes, or None."""
    if not isinstance(manifest["code"], dict):
        return "'code' is no mapping"
    for name, entry in manifest["artefacts"].items():
        if not isinstance(entry, dict):
            return f"the entry of '{name}' is no mapping"
        if not all(isinstance(entry.get(key), str) for key in ("sha256", "stage")):
            return f"the entry of '{name}' lacks its digest or stage"
        inputs, parts = entry.get("inputs"), [entry.get(key, {}) for key in ("files", "libraries")]
        if not all(isinstance(part, dict) for part in (inputs, entry.get("options"), *parts)):
            return f"the entry of '{name}' lacks its inputs or options"
        for path in (name, *dict(inputs or {}), *(file for part in parts for file in part)):
            if not _is_inside(path):
                return f"'{path}' leads out of the run"
    return None


def _is_inside(name: str) -> bool:
    """Say whether a name stays below the folder that it is taken from."""
    path = PurePosixPath(name)
    plain = bool(path.parts) and "\0" not in name and "\\" not in name
    plain = plain and all(len(part.encode(errors="replace")) < 256 for part in path.parts)
    return plain and not path.is_absolute() and ".." not in path.parts


def alone(
    stage: Callable[Concatenate[Run, Given], Result],
) -> Callable[Concatenate[Run, Given], Result]:
    """Let a stage have its run to itself; raise UserError where another command has it."""

    @functools.wraps(stage)
    def held_stage(run: Run, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        with held(run.path):
            return stage(run, *args, **kwargs)

    return held_stage


def new_run(root: Path, name: str, *, force: bool) -> Run:
    """Return the run ``root/name`` to be made by its first artefact.

    Raises UserError where it holds a run already and ``force`` is not given; one that is replaced
    stays beside it as ``name~``.
    """
    path = root / name
    if (path / MANIFEST).exists() or (path / "config.yaml").exists():
        with held(path):  # where another command has it, that is what is said
            if not force:
                raise UserError(
                    f"{path} holds a run already; continue its training (aetrig qat --resume), "
                    "replace it with --force, or choose another with --name"
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

    A training that was not finished does not take the place of a run that was. Raises UserError
    where another command has it.
    """
    backup = path.with_name(path.name + "~")
    if not path.exists():
        return
    with held(path), held(backup):
        if backup.exists() and not (path / MANIFEST).exists():
            discard(path)
            return
        if backup.exists():
            discard(backup)
        path.rename(backup)


def _all(root: Path) -> list[Path]:
    return [item.parent for item in root.glob("*/config.yaml") if item.parent.name[-1] != "~"]


def _names(root: Path) -> str:
    names = sorted(item.name for item in _all(root))
    return ", ".join(names) if names else f"none under {root}"
