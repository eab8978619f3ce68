"""`aetrig package --check ZIP`: whether a received package is whole, and of one network."""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from typing_extensions import TypedDict

from aetrig.errors import UserError
from aetrig.package.archive import MANIFEST
from aetrig.package.provenance import FILE as PROVENANCE
from aetrig.reading import parse_json, require_file
from aetrig.records import Digest, Plain
from aetrig.verify.links import CONSTANT

MOST_MEMBERS, MOST_BYTES, MOST_KEPT = 20_000, 1 << 31, 1 << 25
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOOKED_INTO = ("_config.vh", "_config.vhd", "_config.h")  # firmware's constants
LINE = re.compile(r"([0-9a-f]{64})  (.+)")
BLOCK = 1 << 20
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError)


class _Artefact(TypedDict):
    sha256: str


class _Statement(TypedDict):
    """What is held to of provenance.json."""

    network_digest: Digest
    contract: Plain
    artefacts: dict[str, _Artefact]


@dataclass(frozen=True)
class PackageCheck:
    """What was found. ``faults``: one line each; ``network_digest``: what firmware must show."""

    path: Path
    sha256: str
    files: int
    network_digest: str
    faults: tuple[str, ...]

    def summary(self) -> str:
        """Return one line."""
        if self.faults:
            return f"{self.path}: {len(self.faults)} faults in {self.files} files"
        return (
            f"{self.path}: all {self.files} files are those of its {MANIFEST}, and of network "
            f"{self.network_digest}; the zip has SHA-256 {self.sha256}: compare it with the "
            "sender's, since nothing in it is signed"
        )


def check_package(path: Path) -> PackageCheck:
    """Compare every file of a package with its MANIFEST, and the contract with what names it.

    Nothing is unpacked to disk. Raises UserError for what is no package of `aetrig package`: no
    zip, a damaged one, members that lead out of their folder, links, encryption, or sizes that no
    package has.
    """
    require_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path, archive)
            digests, kept = _digests(archive, members)
    except DAMAGED as error:
        raise UserError(f"{path} is not a readable zip ({error}); fetch it again") from error
    for name in (MANIFEST, PROVENANCE):
        if name not in kept:
            raise UserError(f"{path} has no {name}: it is no package of aetrig package")
    faults = list(_against_manifest(path, digests, kept[MANIFEST]))
    statement = parse_json(
        kept[PROVENANCE], _Statement, f"{path}: {PROVENANCE}", "ask for the package again"
    )
    if not faults:
        faults = list(_against_statement(statement, digests, kept))
    with path.open("rb") as file:
        own = hashlib.file_digest(file, "sha256").hexdigest()
    return PackageCheck(path, own, len(digests), statement["network_digest"], tuple(faults))


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files by their names below the one folder; raises UserError for unsafe ones."""
    entries = archive.infolist()
    if len(entries) > MOST_MEMBERS or sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise UserError(f"{path}: too many files or bytes for a package; it was not read")
    found: dict[str, zipfile.ZipInfo] = {}
    roots = {PurePosixPath(entry.filename).parts[:1] for entry in entries}
    if len(roots) != 1:
        raise UserError(f"{path}: expected one folder, found {len(roots)} names at its top")
    for entry in entries:
        name, parts = entry.filename, PurePosixPath(entry.filename).parts
        if not name.isprintable():
            raise UserError(f"{path}: member {name!r} has no name of a file; it was not read")
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
            raise UserError(f"{path}: member '{name}' leads out of its folder; it was not read")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.is_dir():
            raise UserError(f"{path}: member '{name}' is no plain file; it was not read")
        if entry.flag_bits & 0x1 or entry.compress_type not in METHODS:
            raise UserError(f"{path}: member '{name}' is encrypted or packed in a way of its own")
        inside = "/".join(parts[1:])
        if inside in found or not inside:
            raise UserError(f"{path}: member '{name}' is there twice, or has no name")
        found[inside] = entry
    return found


def _digests(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the SHA-256 of each file, and the content of the small ones that are looked into."""
    digests, kept = dict[str, str](), dict[str, bytes]()
    for name, entry in members.items():
        digest, parts, size = hashlib.sha256(), list[bytes](), 0
        keep = name in (MANIFEST, PROVENANCE) or name.endswith(LOOKED_INTO)
        with archive.open(entry) as file:
            while block := file.read(BLOCK):
                size += len(block)
                if size > entry.file_size:
                    raise ValueError(f"'{name}' is longer than it says")
                digest.update(block)
                parts += [block] if keep else []
                if keep and size > MOST_KEPT:
                    raise ValueError(f"'{name}' is too long for what it should be")
        digests[name] = digest.hexdigest()
        if keep:
            kept[name] = b"".join(parts)
    return digests, kept


def _against_manifest(path: Path, digests: dict[str, str], text: bytes) -> Iterator[str]:
    named: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        found = LINE.fullmatch(line)
        if found is None or not line.isprintable():
            raise UserError(f"{path}: {MANIFEST} has a line that is no digest: {line[:60]!r}")
        named[found[2]] = found[1]
    for name in sorted({*named, *digests} - {MANIFEST}):
        if name not in digests:
            yield f"{name}: missing; {MANIFEST} names it"
        elif name not in named:
            yield f"{name}: not in {MANIFEST}"
        elif named[name] != digests[name]:
            yield f"{name}: its SHA-256 is not the one in {MANIFEST}"


def _against_statement(
    statement: dict[str, Any], digests: dict[str, str], kept: dict[str, bytes]
) -> Iterator[str]:
    """Hold files to what provenance.json says of them, and the firmware to the network."""
    contract, network = statement["contract"], statement["network_digest"]
    if digests.get(contract) != network:
        yield f"{contract}: not the network that {PROVENANCE} names ({network[:12]})"
    for name, entry in statement["artefacts"].items():
        # the verdict goes out without the sender's path, folders have a digest of their own
        if name in digests and name != "verify.json" and digests[name] != entry["sha256"]:
            yield f"{name}: not the one that {PROVENANCE} names"
    for name, content in kept.items():
        found = CONSTANT.search(content.decode("utf-8", "replace"))
        if found and found[1] != network:
            yield f"{name}: its network_digest is that of another network"
