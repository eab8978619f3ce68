"""The trial of `scripts/trust kill`, with a few kills of three commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).parents[2]


def test_killed_without_room_and_at_once_nothing_is_lost() -> None:
    pytest.importorskip("pooch", reason="the extra 'fetch' is not installed")
    places = [str(REPOSITORY / name) for name in ("scripts", "tests")]
    path = os.pathsep.join([*places, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [
            sys.executable, "-m", "trials", "kill", "--only", "qat,compress,data fetch",
            "--kills", "3",
        ],
        text=True, capture_output=True, check=False, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("qat", "compress", "data fetch"):
        assert done.stdout.count(f"\n| {name} |") >= 3  # killed, without room, two at once
