"""The long run of the emulator, kept short; and that it finds what it is there to find."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Path]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from trials._emulators.build import make, make_driver
    finally:
        sys.path.pop(0)
    folder = tmp_path_factory.mktemp("soak")
    built = make("l1-encoder", 1, 4000, folder / "network")
    return make_driver(folder), built.words(), folder


def drive(driver: Path, words: list[str], scratch: Path) -> subprocess.CompletedProcess[str]:
    command = [str(driver), "1.5", "0.5", "2", "7", str(scratch), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_result_is_compared(made: tuple[Path, list[str], Path]) -> None:
    driver, (library, prefix, reference), folder = made
    assert drive(driver, [library, prefix, reference], folder).returncode == 0
    content = bytearray(Path(reference).read_bytes())
    events, features, outputs, points = struct.unpack_from("<4q", content)
    y = 10 * 8 + 4 * events * features
    score = y + 4 * events * outputs
    assert len(content) == score + 8 * events + events * points
    for place, what in ((y, "y"), (score + 8 * 77, "score"), (-1, "accept")):
        broken = bytearray(content)
        broken[place] ^= 1
        (folder / "broken.bin").write_bytes(broken)
        done = drive(driver, [library, prefix, str(folder / "broken.bin")], folder)
        assert done.returncode == 1, what
        assert "a result differs" in done.stderr, what


@pytest.mark.slow
def test_soak_prints_what_it_did() -> None:
    done = subprocess.run(
        [str(ROOT / "scripts/trust"), "soak", "--minutes", "0.05", "--network", "l1-encoder"],
        env={**os.environ, "AETRIG_VENV": str(Path(sys.executable).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("soak: passed\n")
    assert "| 2 | " in done.stdout


def test_growth_of_memory_is_a_fault() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from trials.soak import Process
    finally:
        sys.path.pop(0)

    def samples(grows: int) -> list[dict[str, int]]:
        return [{"resident": 2**24 + i * grows, "maps": 50, "files": 9} for i in range(100)]

    assert Process(0, samples(100), "").faults() == []
    assert Process(0, samples(8192), "").faults() == ["resident memory grew by 480 KiB"]
    more = [sample | {"maps": 50 + i} for i, sample in enumerate(samples(0))]
    assert Process(0, more, "").faults() == ["maps grew from 109 to 110"]
    assert Process(1, samples(0), "a result differs").faults() == ["a result differs"]
