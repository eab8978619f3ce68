"""The trial of the chain, kept small: two real runs, each artefact altered in every way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_alteration_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    from trials.chain import main

    code = main(["--no-hls", "--files", "2", "--keep", str(tmp_path / "runs")])
    printed = capsys.readouterr().out
    assert code == 0, printed
    times, right = printed.splitlines()[-1].split("|")[2:4]
    assert right.strip() == f"{times.strip()} of {times.strip()}"
    assert int(times) > 150
