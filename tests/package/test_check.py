"""A received zip: every changed file is named, and no zip is read that no package is."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aetrig.cli.main import app
from aetrig.errors import UserError
from aetrig.package.archive import write_archive
from aetrig.package.check import check_package

NETWORK = hashlib.sha256(b"network").hexdigest()
STATEMENT = {"network_digest": NETWORK, "contract": "model.qonnx.onnx", "artefacts": {}}
FILES = {
    "model.qonnx.onnx": b"network",
    "rtl/src/trigger_config.vh": f"`define NETWORK_DIGEST 256'h{NETWORK}\n".encode(),
    "provenance.json": json.dumps(STATEMENT).encode(),
}


def packed(folder: Path, **changed: bytes) -> Path:
    """Write a small package; ``changed``: contents by name, packed with a MANIFEST of their own."""
    path = folder / "small.zip"
    write_archive(path, "small-firmware", FILES | changed)
    return path


def rewritten(path: Path, *changes: tuple[str, bytes | None]) -> Path:
    """Write a zip again with members changed, added or taken out, its MANIFEST as it was."""
    with zipfile.ZipFile(path) as archive:
        content = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    content |= {f"small-firmware/{name}": new for name, new in changes}  # type: ignore[dict-item]
    with zipfile.ZipFile(path, "w") as archive:
        for name, new in content.items():
            if new is not None:
                archive.writestr(name, new)
    return path


def test_a_whole_package_names_its_network(tmp_path: Path) -> None:
    path = packed(tmp_path)
    found = check_package(path)
    assert (found.faults, found.network_digest, found.files) == ((), NETWORK, 4)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "nothing in it is signed" in found.summary()


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("model.qonnx.onnx", b"other", "its SHA-256 is not the one in MANIFEST"),
        ("model.qonnx.onnx", None, "missing; MANIFEST names it"),
        ("more.txt", b"x", "not in MANIFEST"),
    ],
)
def test_exactly_the_file_is_named(
    tmp_path: Path, name: str, content: bytes | None, fault: str
) -> None:
    found = check_package(rewritten(packed(tmp_path), (name, content)))
    assert found.faults == (f"{name}: {fault}",)
    done = CliRunner().invoke(app, ["package", "--check", str(found.path)])
    assert done.exit_code == 1
    assert f"{name}: {fault}" in done.output


def test_files_of_two_networks_are_told_apart_with_a_matching_manifest(tmp_path: Path) -> None:
    config = f'#define NETWORK_DIGEST "{"1" * 64}"\n'.encode()
    found = check_package(packed(tmp_path, **{"hls/firmware/trigger_config.h": config}))
    assert found.faults == (
        "hls/firmware/trigger_config.h: its network_digest is that of another network",
    )
    found = check_package(packed(tmp_path, **{"model.qonnx.onnx": b"other"}))
    assert found.faults[0].startswith("model.qonnx.onnx: not the network that provenance.json")


@pytest.mark.parametrize(
    "name", ["/etc/x", "small-firmware/../../x", "small-firmware\\..\\x", "other/x", "c:/x"]
)
def test_a_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(UserError, match=r"leads out|expected one folder"):
        check_package(path)


def test_links_and_doubles_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path)
    entry = zipfile.ZipInfo("small-firmware/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(UserError, match="no plain file"):
        check_package(path)
    path = packed(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("small-firmware/provenance.json", b"{}")
    with pytest.raises(UserError, match="there twice"):
        check_package(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aetrig.package.check.MOST_BYTES", 1 << 20)
    path = packed(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small-firmware/zeros", bytes(1 << 21))
    with pytest.raises(UserError, match="too many files or bytes"):
        check_package(path)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04" + bytes(50)])
def test_what_is_no_zip_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UserError, match="not a readable zip"):
        check_package(tmp_path / "x.zip")
    with pytest.raises(UserError, match="cannot be read"):
        check_package(tmp_path / "y.zip")


def test_every_truncation_ends_in_one_line(tmp_path: Path) -> None:
    whole = packed(tmp_path).read_bytes()
    for size in range(0, len(whole), 37):
        (tmp_path / "cut.zip").write_bytes(whole[:size])
        with pytest.raises(UserError):
            check_package(tmp_path / "cut.zip")
