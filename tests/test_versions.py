"""Which code makes an artefact: every source counts, samples and leftovers do not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import aetrig
from aetrig.versions import made_with, source_digest


@pytest.fixture
def package(tmp_path: Path) -> Path:
    source = Path(aetrig.__file__).parent
    folder = tmp_path / "aetrig"
    for name in ("run.py", "firmware/rtl/trigger.v", "hls/batch.cpp", "data/samples/l1.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, folder / name)
    return folder


@pytest.mark.parametrize("name", ["run.py", "firmware/rtl/trigger.v", "hls/batch.cpp"])
def test_a_changed_source_is_another_code(package: Path, name: str) -> None:
    before = source_digest(package)
    path = package / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert source_digest(package) != before


def test_samples_and_caches_are_no_code(package: Path) -> None:
    before = source_digest(package)
    (package / "data/samples/l1.md").write_text("other", encoding="utf-8")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "run.pyc").write_bytes(b"x")
    assert source_digest(package) == before
    (package / "run.py").rename(package / "ran.py")
    assert source_digest(package) != before


def test_what_is_recorded() -> None:
    made = made_with()
    assert made["aetrig"] == aetrig.__version__
    assert len(made["source_sha256"]) == 64
    assert made["packages"]["torch"] is not None
