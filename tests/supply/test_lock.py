"""The lock has a hash for every file, and says what pyproject.toml and constraints.txt say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="module", autouse=True)
def scripts_on_path() -> None:
    sys.path.insert(0, str(SCRIPTS))


@pytest.fixture(scope="module")
def lock() -> ModuleType:
    from trials._supply import lock

    return lock


def test_the_lock_agrees_with_itself_pyproject_and_constraints() -> None:
    from trials.pins import disagreements

    assert list(disagreements()) == []


def test_every_pin_is_exact_and_has_a_hash(lock: ModuleType) -> None:
    for name in lock.FILES:
        pins = lock.read(lock.path(name))
        assert pins, name
        assert all(pin.digests for pin in pins), name


def test_every_direct_dependency_has_a_lower_bound() -> None:
    from trials.pins import direct

    for requirement in direct():
        assert any(part.operator in {">=", "=="} for part in requirement.specifier), requirement


def test_no_line_names_another_place_to_fetch_from(lock: ModuleType) -> None:
    for name in lock.FILES:
        assert not re.search(r"://|--index|--find-links", lock.path(name).read_text("utf-8")), name


def test_scripts_set_up_what_the_lock_has(lock: ModuleType) -> None:
    """The words behind scripts/setup, wherever it is called or told to be."""
    folders = ("scripts", ".ci", "docs", "toolkit/aetrig/data/samples")
    files = [path for folder in folders for path in (SCRIPTS.parent / folder).rglob("*")]
    texts = [path.read_text("utf-8", "ignore") for path in files if path.is_file()]
    texts.append((SCRIPTS.parent / "README.md").read_text(encoding="utf-8"))
    called = set(
        re.findall(r"^ *scripts/setup (\w+)|`scripts/setup (\w+)`", "\n".join(texts), re.MULTILINE)
    )
    names = {name for pair in called for name in pair if name}
    assert "test" in names
    for name in names:
        assert lock.path(name).exists(), f"scripts/setup {name}: no requirements/{name}.txt"


def test_a_hash_less_pin_and_a_stray_line_are_found(lock: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text("a==1 \\\n    --hash=sha256:" + "0" * 64 + "\nb==2\n", encoding="utf-8")
    assert [len(pin.digests) for pin in lock.read(file)] == [1, 0]
    file.write_text("a>=1\n", encoding="utf-8")
    with pytest.raises(lock.LockError, match=r"x\.txt:1: neither"):
        lock.read(file)


def test_a_written_pin_is_read_back(lock: ModuleType, tmp_path: Path) -> None:
    pin = lock.Pin("a-b", "1.0+cpu", "python_version < '3.12'", ("1" * 64, "2" * 64))
    (tmp_path / "x.txt").write_text(pin.text(), encoding="utf-8")
    assert lock.read(tmp_path / "x.txt") == [pin]


def test_a_file_whose_hash_is_another_is_not_installed(tmp_path: Path) -> None:
    """Pip itself refuses; the file is an empty wheel that is made here, so nothing is fetched."""
    import hashlib
    import zipfile

    wheel = tmp_path / "nothing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = "nothing-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: nothing\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    codes = []
    for digest in (right, right[::-1]):
        (tmp_path / "r.txt").write_text(f"nothing==1.0 --hash=sha256:{digest}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--isolated", "install", "--no-deps", "--no-index"]
        pip += ["--find-links", str(tmp_path), "--target", str(tmp_path / digest)]
        done = subprocess.run(
            [*pip, "--require-hashes", "--requirement", str(tmp_path / "r.txt")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        codes.append(done.returncode)
    assert codes[0] == 0
    assert codes[1] != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_wheels_are_for_our_pythons_and_machines() -> None:
    from trials._supply.wheels import TARGETS

    taken = {
        name: [str(target) for target in TARGETS if target.takes(name)]
        for name in (
            "a-1-py3-none-any.whl",
            "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "a-1-cp38-abi3-manylinux_2_28_aarch64.whl",
            "a-1-cp312-cp312-musllinux_1_2_x86_64.whl",
            "a-1-cp313-cp313t-manylinux_2_28_x86_64.whl",
            "a-1-cp312-cp312-win_amd64.whl",
        )
    }
    assert [len(found) for found in taken.values()] == [6, 1, 3, 0, 0, 0]
